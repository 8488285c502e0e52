// A leader whom a quorum answers, but for whom no quorum writes: others could commit.
#include <gtest/gtest.h>

#include <algorithm>

#include "raft/cluster.hpp"

namespace kvcluster::raft::testing {
namespace {

// Of five, the leader (1) reaches 2, whose disk works, and 3, whose disk hangs. 4 and 5 are out of
// its reach, but not out of 2's.
Cluster cluster_with_a_stuck_leader(std::function<void(Config&)> tune = {}) {
  Cluster cluster({.voters = 5, .tune = std::move(tune)});
  cluster.elect(1);
  cluster.write(1, "before");
  cluster.hold_writes(3);
  cluster.cut(1, 4);
  cluster.cut(1, 5);
  cluster.propose(1, "stuck");
  cluster.settle();
  return cluster;
}

TEST(RaftStuckLeader, IsReplacedByAVoterThatReachesAQuorum) {
  Cluster cluster = cluster_with_a_stuck_leader();
  EXPECT_EQ(cluster.applied(1), "before");
  cluster.advance(6s);
  const unsigned leader = cluster.leader();
  ASSERT_NE(leader, 0U);
  EXPECT_NE(leader, 1U);
  EXPECT_TRUE(cluster.applied(leader).starts_with("before stuck")) << cluster.applied(leader);
  cluster.release_writes(3);
  cluster.heal_all();
  EXPECT_TRUE(cluster.is_live());
}

TEST(RaftStuckLeader, IsKeptForAsLongAsADiskMayTake) {
  Cluster cluster = cluster_with_a_stuck_leader();
  cluster.advance(1500ms);
  EXPECT_EQ(cluster.core(1).role(), Role::kLeader);
  cluster.release_writes(3);
  cluster.settle();
  EXPECT_EQ(cluster.applied(1), "before stuck");
}

// Nobody could do better: reads go on, and terms stay as they are.
TEST(RaftStuckLeader, IsKeptWhenNoQuorumDoesWithoutIt) {
  Cluster cluster({});
  cluster.elect(1);
  cluster.hold_writes(2);
  cluster.isolate(3);
  cluster.propose(1, "a");
  const Term before = cluster.core(1).term();
  for (int i = 0; i < 60; ++i) {
    cluster.advance(100ms);
    ASSERT_EQ(cluster.core(1).role(), Role::kLeader);
  }
  EXPECT_EQ(cluster.core(1).term(), before);
  const std::uint64_t read = cluster.read(1);
  cluster.settle();
  EXPECT_TRUE(cluster.reads.contains(read));
}

// A follower that the others wait for hears from its own log that all is well, or refuses.
TEST(RaftStuckLeader, IsNotWhoHasNothingToCommit) {
  Cluster cluster({});
  cluster.elect(1);
  const Term before = cluster.core(1).term();
  cluster.advance(10s);
  EXPECT_EQ(cluster.core(1).role(), Role::kLeader);
  EXPECT_EQ(cluster.core(1).term(), before);
}

// 6.4.1: a promise to the stuck leader is kept, but not renewed.
TEST(RaftStuckLeader, HasNoLeaseWhenAnotherIsElected) {
  Cluster cluster = cluster_with_a_stuck_leader([](Config& config) { config.lease_reads = true; });
  while (cluster.core(1).role() == Role::kLeader && cluster.now() < Instant(20s)) {
    cluster.advance(5ms);
    const unsigned leader = cluster.leader();
    if (leader != 0 && leader != 1) {
      EXPECT_LT(cluster.core(1).status().lease_until, cluster.now());
    }
  }
  EXPECT_NE(cluster.core(1).role(), Role::kLeader);
}

}  // namespace
}  // namespace kvcluster::raft::testing
