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
  ASSERT_TRUE(cluster.reads.contains(read));
  EXPECT_TRUE(cluster.reads.at(read));
}

// All is committed, and nothing more comes: silence is no standstill.
TEST(RaftStuckLeader, IsNotWhoHasNothingToCommit) {
  Cluster cluster({});
  cluster.elect(1);
  const Term before = cluster.core(1).term();
  cluster.advance(10s);
  EXPECT_EQ(cluster.core(1).role(), Role::kLeader);
  EXPECT_EQ(cluster.core(1).term(), before);
}

// 6.4.1: a promise to the stuck leader is kept, but not renewed.
TEST(RaftStuckLeader, HasNoLeaseWhenAVoterGoesLookingForAnother) {
  Cluster cluster = cluster_with_a_stuck_leader([](Config& config) { config.lease_reads = true; });
  cluster.advance(200ms);
  ASSERT_GT(cluster.core(1).status().lease_until, cluster.now());
  bool looked = false;
  cluster.on_trace = [&](unsigned node, const Trace& trace) {
    if (node != 2 || trace.kind != Trace::Kind::kPreCandidate) return;
    looked = true;
    EXPECT_LE(cluster.core(1).status().lease_until, cluster.now());
  };
  cluster.advance(10s);
  EXPECT_TRUE(looked);
}

}  // namespace
}  // namespace kvcluster::raft::testing
