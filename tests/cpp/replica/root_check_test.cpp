#include "replica/root_check.hpp"

#include <gtest/gtest.h>

#include "kv/map_table.hpp"
#include "kv/state_machine.hpp"

namespace kvcluster::replica {
namespace {

Digest digest(std::uint8_t number) {
  Digest value;
  value.bytes.fill(number);
  return value;
}

kv::Digests digests(std::uint64_t index, std::uint8_t number) {
  return {Index(index), digest(number), digest(number), 0};
}

RootReport report(std::uint64_t index, std::uint8_t number) {
  return {Index(index), digest(number), digest(number)};
}

TEST(RootCheck, AQuorumOfEqualRootsVerifiesTheIndex) {
  RootCheck check(NodeId(1));
  ASSERT_TRUE(check.open(digests(10, 5)));
  EXPECT_EQ(check.status().verified, Index(0));
  EXPECT_TRUE(check.answered(NodeId(2), report(10, 5), 2).empty());
  EXPECT_EQ(check.status().verified, Index(10));
}

TEST(RootCheck, AMinorityIsToldTheMajoritysRoot) {
  RootCheck check(NodeId(1));
  ASSERT_TRUE(check.open(digests(10, 5)));
  EXPECT_TRUE(check.answered(NodeId(3), report(10, 6), 2).empty());
  const auto verdicts = check.answered(NodeId(2), report(10, 5), 2);
  ASSERT_EQ(verdicts.size(), 1U);
  EXPECT_EQ(verdicts[0].to, NodeId(3));
  EXPECT_EQ(std::get<RootVerdict>(verdicts[0].message).state, digest(5));
  EXPECT_FALSE(check.status().diverged);
  EXPECT_EQ(check.status().mismatches, 1U);
}

TEST(RootCheck, ALeaderAloneAgainstEqualFollowersIsTheOneThatDiverged) {
  RootCheck check(NodeId(1));
  ASSERT_TRUE(check.open(digests(10, 5)));
  EXPECT_TRUE(check.answered(NodeId(2), report(10, 6), 2).empty());
  EXPECT_TRUE(check.answered(NodeId(3), report(10, 6), 2).empty());
  EXPECT_TRUE(check.status().diverged);
}

TEST(RootCheck, OneAgainstOneProvesNothing) {
  RootCheck check(NodeId(1));
  ASSERT_TRUE(check.open(digests(10, 5)));
  EXPECT_TRUE(check.answered(NodeId(2), report(10, 6), 2).empty());
  EXPECT_EQ(check.status().verified, Index(0));
  EXPECT_FALSE(check.status().diverged);
  EXPECT_EQ(check.status().mismatches, 1U);
}

TEST(RootCheck, RootsOfDifferentIndicesAreNeverCompared) {
  RootCheck check(NodeId(1));
  ASSERT_TRUE(check.open(digests(10, 5)));
  EXPECT_TRUE(check.answered(NodeId(2), report(9, 6), 2).empty());
  EXPECT_EQ(check.status().comparisons, 0U);
}

TEST(RootCheck, TheSameFollowerDoesNotCountTwice) {
  RootCheck check(NodeId(1));
  ASSERT_TRUE(check.open(digests(10, 5)));
  EXPECT_TRUE(check.answered(NodeId(2), report(10, 6), 2).empty());
  EXPECT_TRUE(check.answered(NodeId(2), report(10, 6), 2).empty());
  EXPECT_FALSE(check.status().diverged);
}

TEST(RootCheck, OneComparisonAnIndex) {
  RootCheck check(NodeId(1));
  EXPECT_TRUE(check.open(digests(10, 5)));
  EXPECT_FALSE(check.open(digests(10, 5)));
  EXPECT_TRUE(check.open(digests(11, 5)));
}

class FollowerRootCheck : public testing::Test {
 protected:
  void apply_one() { state.apply_empty({state.applied().next(), Term(1)}, "", false); }
  kv::MapTable table;
  kv::StateMachine state{table};
  RootCheck check{NodeId(2)};
};

TEST_F(FollowerRootCheck, AnswersWhenItGetsToTheIndex) {
  EXPECT_FALSE(check.asked(NodeId(1), report(2, 5), state));
  apply_one();
  EXPECT_FALSE(check.applied(state));
  apply_one();
  const auto answer = check.applied(state);
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->to, NodeId(1));
  EXPECT_EQ(std::get<RootReport>(answer->message).index, Index(2));
  EXPECT_FALSE(check.applied(state));
}

TEST_F(FollowerRootCheck, AnIndexThatItHasPassedIsNoPass) {
  apply_one();
  apply_one();
  EXPECT_FALSE(check.asked(NodeId(1), report(1, 5), state));
  EXPECT_EQ(check.status().comparisons, 0U);
  EXPECT_EQ(check.status().verified, Index(0));
}

TEST_F(FollowerRootCheck, AVerdictAgainstItsOwnAnswerMeansThatItDiverged) {
  apply_one();
  ASSERT_TRUE(check.asked(NodeId(1), report(1, 5), state));
  EXPECT_FALSE(check.status().diverged);
  check.judged({Index(1), digest(5), digest(5)});
  EXPECT_TRUE(check.status().diverged);
}

TEST_F(FollowerRootCheck, AVerdictOnAnotherIndexMeansNothing) {
  apply_one();
  ASSERT_TRUE(check.asked(NodeId(1), report(1, 5), state));
  check.judged({Index(9), digest(5), digest(5)});
  EXPECT_FALSE(check.status().diverged);
}

}  // namespace
}  // namespace kvcluster::replica
