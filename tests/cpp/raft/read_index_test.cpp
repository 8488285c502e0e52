// Linearizable reads without a log entry (dissertation, 6.4).
#include <gtest/gtest.h>

#include "raft/cluster.hpp"

namespace kvcluster::raft::testing {
namespace {

TEST(RaftReadIndex, AReadIsConfirmedByARoundThatLeftAfterIt) {
  Cluster cluster({});
  cluster.elect(1);
  const std::uint64_t id = cluster.read(1);
  EXPECT_FALSE(cluster.reads.contains(id));
  cluster.settle();
  EXPECT_TRUE(cluster.reads.at(id));
}

TEST(RaftReadIndex, AnAnswerToAnEarlierRoundConfirmsNothing) {
  Cluster cluster({});
  cluster.elect(1);
  const std::uint64_t first = cluster.read(1);
  ASSERT_TRUE(cluster.deliver_one(1, 2));  // node 2's answer is on its way
  const std::uint64_t second = cluster.read(1);
  cluster.cut_one_way(1, 2);
  cluster.cut_one_way(1, 3);
  cluster.settle();
  EXPECT_TRUE(cluster.reads.at(first));
  EXPECT_FALSE(cluster.reads.contains(second));
}

// 6.4: no read before an entry of the own term is committed.
TEST(RaftReadIndex, AReadWaitsForTheLeadersFirstEntry) {
  Cluster cluster({});
  cluster.elect(1);
  cluster.write(1, "a");
  cluster.crash(1);
  cluster.hold_writes(3);
  cluster.time_out(2);
  while (cluster.core(2).role() != Role::kLeader) {
    cluster.persist_one(2);
    cluster.persist_one(3);
    cluster.deliver_one(2, 3);
    cluster.deliver_one(3, 2);
  }
  const std::uint64_t id = cluster.read(2);
  cluster.settle();
  EXPECT_FALSE(cluster.reads.contains(id));
  cluster.release_writes(3);
  cluster.settle();
  EXPECT_TRUE(cluster.reads.at(id));
}

TEST(RaftReadIndex, ACutOffLeaderConfirmsNothingAndSaysSo) {
  Cluster cluster({});
  cluster.elect(1);
  cluster.isolate(1);
  const std::uint64_t id = cluster.read(1);
  cluster.settle();
  EXPECT_FALSE(cluster.reads.contains(id));
  cluster.advance(400ms);
  EXPECT_FALSE(cluster.reads.at(id));
}

TEST(RaftReadIndex, AFollowerRefusesAtOnce) {
  Cluster cluster({});
  cluster.elect(1);
  EXPECT_FALSE(cluster.reads.at(cluster.read(2)));
}

TEST(RaftReadIndex, ASingleVoterConfirmsAtOnce) {
  Cluster cluster({.voters = 1});
  cluster.elect(1);
  EXPECT_TRUE(cluster.reads.at(cluster.read(1)));
}

// A round never survives a change of leader: the answer belongs to a term.
TEST(RaftReadIndex, AnAnswerFromAnEarlierTermConfirmsNothing) {
  Cluster cluster({});
  cluster.elect(1);
  const Term before = cluster.core(1).term();
  cluster.elect(2);
  cluster.elect(1);
  const std::uint64_t id = cluster.read(1);
  cluster.drop(1, 2);
  cluster.drop(1, 3);
  for (const unsigned peer : {2U, 3U}) {
    static_cast<void>(cluster.step(
        1,
        Receive{{node_id(peer), node_id(1), before,
                 AppendReply{.success = true, .index = Index(1), .hint = {}, .read_round = 1}}}));
  }
  EXPECT_FALSE(cluster.reads.contains(id));
}

TEST(RaftReadIndex, AnAnswerToARoundThatWasNeverOpenedConfirmsNothing) {
  Cluster cluster({});
  cluster.elect(1);
  static_cast<void>(cluster.step(
      1, Receive{{node_id(2), node_id(1), cluster.core(1).term(),
                  AppendReply{.success = true, .index = Index(1), .hint = {}, .read_round = 99}}}));
  const std::uint64_t id = cluster.read(1);
  EXPECT_FALSE(cluster.reads.contains(id));
}

TEST(RaftReadIndex, OneRoundServesAllReadsThatWaitForTheFirstEntry) {
  Cluster cluster({});
  cluster.hold_writes(2);
  cluster.hold_writes(3);
  cluster.time_out(1);
  while (cluster.core(1).role() != Role::kLeader) {
    for (unsigned n = 1; n <= 3; ++n) cluster.persist_one(n);
    for (unsigned n = 2; n <= 3; ++n) {
      cluster.deliver_one(1, n);
      cluster.deliver_one(n, 1);
    }
  }
  const std::uint64_t first = cluster.read(1);
  const std::uint64_t second = cluster.read(1);
  cluster.release_writes(2);
  cluster.release_writes(3);
  cluster.settle();
  EXPECT_TRUE(cluster.reads.at(first));
  EXPECT_TRUE(cluster.reads.at(second));
}

// What was committed before the read arrived is applied before it is confirmed.
TEST(RaftReadIndex, AReadSeesEverythingCommittedBeforeIt) {
  Cluster cluster({});
  cluster.elect(1);
  cluster.hold_writes(1);
  cluster.write(1, "a");  // committed by the followers, not on the leader's disk
  const std::uint64_t id = cluster.read(1);
  cluster.settle();
  EXPECT_FALSE(cluster.reads.contains(id));
  cluster.release_writes(1);
  cluster.settle();
  EXPECT_TRUE(cluster.reads.at(id));
  EXPECT_EQ(cluster.applied(1), "a");
}

TEST(RaftReadIndex, LearnersConfirmNothing) {
  Cluster cluster({.voters = 3, .learners = 2});
  cluster.elect(1);
  cluster.crash(2);
  cluster.crash(3);
  const std::uint64_t id = cluster.read(1);
  cluster.settle();
  EXPECT_FALSE(cluster.reads.contains(id));
}

}  // namespace
}  // namespace kvcluster::raft::testing
