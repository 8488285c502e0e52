#include "replica/bootstrap.hpp"

#include <gtest/gtest.h>

namespace kvcluster::replica {
namespace {

raft::Incarnation incarnation(std::uint8_t number) {
  raft::Incarnation value{};
  value.fill(number);
  return value;
}

ClusterId cluster(std::uint8_t number) {
  ClusterId id{};
  id.fill(number);
  return id;
}

Bootstrap::Options options(std::uint64_t self, bool force = false) {
  Bootstrap::Options given;
  given.self = NodeId(self);
  given.incarnation = incarnation(static_cast<std::uint8_t>(self));
  for (std::uint64_t id = 1; id <= 3; ++id) {
    given.members.push_back(
        {NodeId(id), raft::MemberRole::kVoter, {}, "127.0.0.1:900" + std::to_string(id)});
  }
  given.force = force;
  given.new_cluster_id = cluster(static_cast<std::uint8_t>(100 + self));
  return given;
}

Hello hello(std::uint64_t from, std::uint64_t to) {
  Hello said;
  said.from = NodeId(from);
  said.to = NodeId(to);
  said.incarnation = incarnation(static_cast<std::uint8_t>(from));
  said.members = {NodeId(1), NodeId(2), NodeId(3)};
  return said;
}

TEST(Bootstrap, TheLowestIdMakesTheGenesisOnceAllAreReachableAndEmpty) {
  Bootstrap bootstrap(options(1));
  EXPECT_FALSE(bootstrap.genesis());
  ASSERT_TRUE(bootstrap.peer_hello(hello(2, 1)));
  EXPECT_FALSE(bootstrap.genesis());
  ASSERT_TRUE(bootstrap.peer_hello(hello(3, 1)));
  ASSERT_TRUE(bootstrap.genesis());
  EXPECT_EQ(bootstrap.genesis()->cluster_id, cluster(101));
  EXPECT_EQ(bootstrap.genesis()->configuration.find(NodeId(3))->incarnation, incarnation(3));
}

TEST(Bootstrap, OthersNeverMakeOne) {
  Bootstrap bootstrap(options(2));
  ASSERT_TRUE(bootstrap.peer_hello(hello(1, 2)));
  ASSERT_TRUE(bootstrap.peer_hello(hello(3, 2)));
  EXPECT_FALSE(bootstrap.genesis());
  EXPECT_NE(bootstrap.why().find("genesis from node 1"), std::string::npos);
}

TEST(Bootstrap, AMemberThatWentAwayAgainDoesNotCountAsReachable) {
  Bootstrap bootstrap(options(1));
  ASSERT_TRUE(bootstrap.peer_hello(hello(2, 1)));
  bootstrap.peer_lost(NodeId(2));
  ASSERT_TRUE(bootstrap.peer_hello(hello(3, 1)));
  EXPECT_FALSE(bootstrap.genesis());
  EXPECT_NE(bootstrap.why().find("node(s) 2"), std::string::npos);
}

// Otherwise a member of a living cluster could be drawn into a second one.
TEST(Bootstrap, MakesNoSecondClusterWhenAMemberBelongsToOneAlready) {
  Bootstrap bootstrap(options(1));
  ASSERT_TRUE(bootstrap.peer_hello(hello(2, 1)));
  Hello member = hello(3, 1);
  member.cluster_id = cluster(9);
  ASSERT_TRUE(bootstrap.peer_hello(member));
  EXPECT_FALSE(bootstrap.genesis());
}

TEST(Bootstrap, RefusesAPeerThatWasToldOtherMembers) {
  Bootstrap bootstrap(options(1));
  Hello other = hello(2, 1);
  other.members = {NodeId(2), NodeId(3), NodeId(4)};
  const Status status = bootstrap.peer_hello(other);
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, ErrorCode::kWrongIdentity);
  EXPECT_NE(status.error().context.find("same --peers"), std::string::npos);
}

TEST(Bootstrap, RefusesAStranger) {
  Bootstrap bootstrap(options(1));
  EXPECT_FALSE(bootstrap.peer_hello(hello(7, 1)));
}

TEST(Bootstrap, AcceptsAnOfferThatNamesItsIncarnation) {
  Bootstrap maker(options(1));
  ASSERT_TRUE(maker.peer_hello(hello(2, 1)));
  ASSERT_TRUE(maker.peer_hello(hello(3, 1)));
  Bootstrap taker(options(2));
  ASSERT_TRUE(taker.offered(*maker.genesis()));
  EXPECT_EQ(taker.genesis(), maker.genesis());
}

TEST(Bootstrap, RefusesAnOfferThatKnowsAnotherIncarnationOfIt) {
  Bootstrap maker(options(1));
  ASSERT_TRUE(maker.peer_hello(hello(2, 1)));
  ASSERT_TRUE(maker.peer_hello(hello(3, 1)));
  Bootstrap::Options emptied = options(2);
  emptied.incarnation = incarnation(77);
  Bootstrap taker(emptied);
  const Status status = taker.offered(*maker.genesis());
  ASSERT_FALSE(status);
  EXPECT_NE(status.error().context.find("emptied"), std::string::npos);
  EXPECT_FALSE(taker.genesis());
}

TEST(Bootstrap, ForceNeedsAMajorityAndLeavesTheUnreachableUnclaimed) {
  Bootstrap bootstrap(options(2, true));
  EXPECT_FALSE(bootstrap.genesis());
  ASSERT_TRUE(bootstrap.peer_hello(hello(3, 2)));
  ASSERT_TRUE(bootstrap.genesis());
  EXPECT_EQ(bootstrap.genesis()->configuration.find(NodeId(2))->incarnation, incarnation(2));
  EXPECT_EQ(bootstrap.genesis()->configuration.find(NodeId(3))->incarnation, incarnation(3));
  EXPECT_EQ(bootstrap.genesis()->configuration.find(NodeId(1))->incarnation, raft::Incarnation{});
}

TEST(Bootstrap, AMemberWhosePlaceIsUnclaimedTakesTheOffer) {
  Bootstrap maker(options(2, true));
  ASSERT_TRUE(maker.peer_hello(hello(3, 2)));
  Bootstrap late(options(1));
  ASSERT_TRUE(late.offered(*maker.genesis()));
  EXPECT_EQ(late.genesis(), maker.genesis());
}

class AdmissionTest : public testing::Test {
 protected:
  AdmissionTest() {
    for (std::uint64_t id = 1; id <= 3; ++id) {
      configuration.members.push_back(
          {NodeId(id), raft::MemberRole::kVoter, incarnation(static_cast<std::uint8_t>(id)), ""});
    }
  }
  Admission::Verdict verdict(const Hello& said) {
    return admit(said, NodeId(1), cluster(1), configuration).verdict;
  }
  Hello member(std::uint64_t from) {
    Hello said = hello(from, 1);
    said.cluster_id = cluster(1);
    return said;
  }
  raft::Configuration configuration;
};

TEST_F(AdmissionTest, WelcomesAMember) {
  EXPECT_EQ(verdict(member(2)), Admission::Verdict::kWelcome);
}

TEST_F(AdmissionTest, OffersTheGenesisToAKnownMemberThatIsStillEmpty) {
  EXPECT_EQ(verdict(hello(2, 1)), Admission::Verdict::kOfferGenesis);
}

TEST_F(AdmissionTest, RefusesAMemberThatComesBackWithAnEmptiedDisk) {
  Hello emptied = hello(2, 1);
  emptied.incarnation = incarnation(99);
  const Admission admission = admit(emptied, NodeId(1), cluster(1), configuration);
  EXPECT_EQ(admission.verdict, Admission::Verdict::kRefuse);
  EXPECT_NE(admission.sentence.find("emptied"), std::string::npos);
}

TEST_F(AdmissionTest, RefusesAnotherClusterAStrangerItselfAndAWrongAddress) {
  Hello foreign = member(2);
  foreign.cluster_id = cluster(2);
  EXPECT_EQ(verdict(foreign), Admission::Verdict::kRefuse);
  EXPECT_EQ(verdict(member(9)), Admission::Verdict::kRefuse);
  EXPECT_EQ(verdict(member(1)), Admission::Verdict::kRefuse);
  Hello misdirected = member(2);
  misdirected.to = NodeId(3);
  EXPECT_EQ(verdict(misdirected), Admission::Verdict::kRefuse);
}

TEST_F(AdmissionTest, BindsAMemberThatWasUnknownAtTheGenesis) {
  configuration.members[1].incarnation = {};
  EXPECT_EQ(verdict(hello(2, 1)), Admission::Verdict::kClaim);
}

TEST(Genesis, SurvivesEncoding) {
  Bootstrap bootstrap(options(2, true));
  ASSERT_TRUE(bootstrap.peer_hello(hello(3, 2)));
  Bytes encoded;
  encode(*bootstrap.genesis(), encoded);
  const auto decoded = decode_genesis(encoded);
  ASSERT_TRUE(decoded);
  EXPECT_EQ(*decoded, *bootstrap.genesis());
}

TEST(Genesis, RefusesEveryTruncation) {
  Bootstrap bootstrap(options(2, true));
  ASSERT_TRUE(bootstrap.peer_hello(hello(3, 2)));
  Bytes encoded;
  encode(*bootstrap.genesis(), encoded);
  for (std::size_t size = 0; size < encoded.size(); ++size) {
    EXPECT_FALSE(decode_genesis(BytesView(encoded).substr(0, size))) << size;
  }
  EXPECT_FALSE(decode_genesis(encoded + "x"));
}

}  // namespace
}  // namespace kvcluster::replica
