// Log replication over a whole cluster, from the leader's side (dissertation, 3.5), and commitment
// (3.6.2, 10.2.1).
#include <gtest/gtest.h>

#include <algorithm>

#include "raft/cluster.hpp"

namespace kvcluster::raft::testing {
namespace {

TEST(RaftReplication, WritesReachEveryNode) {
  Cluster cluster({.voters = 5});
  cluster.elect(1);
  for (const char* payload : {"a", "b", "c"}) cluster.write(1, payload);
  for (unsigned n = 1; n <= 5; ++n) EXPECT_EQ(cluster.applied(n), "a b c");
}

TEST(RaftReplication, OnlyALeaderAcceptsProposals) {
  Cluster cluster({});
  cluster.elect(1);
  const Proposed refused = cluster.propose(2, "a");
  EXPECT_FALSE(refused.accepted);
  EXPECT_EQ(cluster.core(2).last_index(), cluster.core(1).last_index());
}

TEST(RaftReplication, ABatchGetsConsecutiveIndicesAndOneMessageAPeer) {
  Cluster cluster({});
  cluster.elect(1);
  Propose batch;
  for (int i = 0; i < 1000; ++i) batch.items.push_back({EntryKind::kCommand, Slice::of("v")});
  const Index before = cluster.core(1).last_index();
  const Effects effects = cluster.step(1, std::move(batch));
  EXPECT_EQ(effects.proposed->first, before.next());
  EXPECT_EQ(effects.persist->entries.size(), 1000U);
  EXPECT_EQ(effects.messages_now.size(), 2U);
  cluster.settle();
  EXPECT_EQ(cluster.core(3).commit_index(), before.plus(1000));
}

// 10.2.1: the leader sends while its own disk works, and counts itself only when it is done.
TEST(RaftReplication, TheLeaderCountsItselfOnlyWhenItsOwnDiskIsDone) {
  Cluster cluster({});
  cluster.elect(1);
  cluster.isolate(3);
  cluster.hold_writes(1);
  const Proposed proposed = cluster.propose(1, "a");
  EXPECT_EQ(cluster.queued(1, 2), 1U) << "replication does not wait for the disk";
  cluster.settle();
  EXPECT_TRUE(cluster.at(2).disk.holds({proposed.term, proposed.first}));
  EXPECT_LT(cluster.core(1).commit_index(), proposed.first);
  cluster.release_writes(1);
  EXPECT_EQ(cluster.core(1).commit_index(), proposed.first);
}

TEST(RaftReplication, AQuorumOfFollowersCommitsWithoutTheLeadersDisk) {
  Cluster cluster({});
  cluster.elect(1);
  cluster.hold_writes(1);
  const Proposed proposed = cluster.write(1, "a");
  EXPECT_EQ(cluster.core(1).commit_index(), proposed.first);
  EXPECT_EQ(cluster.applied(1), "") << "nothing is applied ahead of the own log on disk";
  EXPECT_EQ(cluster.applied(2), "a");
  cluster.release_writes(1);
  EXPECT_EQ(cluster.applied(1), "a");
}

// 3.5: a refusal that arrives late moves neither match_index nor the commit index back.
TEST(RaftReplication, AStaleRefusalChangesNothing) {
  Cluster cluster({});
  cluster.elect(1);
  cluster.write(1, "a");
  const CoreStatus before = cluster.core(1).status();
  for (std::uint64_t index = 0; index <= before.last_log.index.value(); ++index) {
    const Effects effects = cluster.step(
        1, Receive{{node_id(2), node_id(1), before.term,
                    AppendReply{.success = false, .index = Index(index), .hint = {}}}});
    EXPECT_TRUE(effects.messages_now.empty()) << "a late refusal is no news";
  }
  const CoreStatus after = cluster.core(1).status();
  EXPECT_EQ(after.peers.at(0).match_index, before.peers.at(0).match_index);
  EXPECT_EQ(after.peers.at(0).next_index, before.peers.at(0).next_index);
  EXPECT_EQ(after.commit_index, before.commit_index);
}

TEST(RaftReplication, AnAcknowledgementBeyondTheLogIsIgnored) {
  Cluster cluster({});
  cluster.elect(1);
  const CoreStatus before = cluster.core(1).status();
  static_cast<void>(
      cluster.step(1, Receive{{node_id(2), node_id(1), before.term,
                               AppendReply{.success = true, .index = Index(999), .hint = {}}}}));
  EXPECT_EQ(cluster.core(1).status().peers.at(0).match_index, before.peers.at(0).match_index);
}

// 3.6.2: entries of an earlier term are not committed by counting (figure 3.7, also a scenario).
TEST(RaftReplication, OldEntriesAreCommittedOnlyAlongWithOneOfTheOwnTerm) {
  Cluster cluster({});
  cluster.set_log(1, Term(2), {2, 2});
  cluster.set_log(2, Term(2), {2, 2});
  cluster.crash(3);
  cluster.hold_writes(1);
  cluster.time_out(1);
  cluster.settle();
  ASSERT_TRUE(cluster.persist_one(1));  // term and vote
  cluster.settle();
  ASSERT_EQ(cluster.core(1).role(), Role::kLeader);
  // Node 2 holds all, the leader's disk not yet its no-op: index 3 has a quorum, of term 2.
  EXPECT_EQ(cluster.core(1).status().peers.at(0).match_index, Index(4));
  EXPECT_EQ(cluster.core(1).commit_index(), Index(1));
  cluster.release_writes(1);
  EXPECT_EQ(cluster.core(1).commit_index(), Index(4));
}

TEST(RaftReplication, UncommittedBytesAreBounded) {
  Cluster cluster({.tune = [](Config& config) { config.max_uncommitted_bytes = 1000; }});
  cluster.elect(1);
  cluster.isolate(1);
  EXPECT_TRUE(cluster.propose(1, std::string(2000, 'x')).accepted);
  EXPECT_FALSE(cluster.propose(1, "y").accepted);
  cluster.heal_all();
  cluster.advance(100ms);
  EXPECT_TRUE(cluster.propose(1, "y").accepted);
}

void wait_a_millisecond(Config& config) { config.commit_notice_delay = 1ms; }

TEST(RaftReplication, ANewCommitIndexRidesOnTheNextEntries) {
  Cluster cluster({.tune = wait_a_millisecond});
  cluster.elect(1);
  cluster.advance(1ms);
  cluster.write(1, "a");
  EXPECT_EQ(cluster.applied(1), "a");
  EXPECT_EQ(cluster.applied(2), "");
  cluster.write(1, "b");
  EXPECT_EQ(cluster.applied(2), "a");
}

TEST(RaftReplication, ANewCommitIndexWaitsNoLongerThanItsDelay) {
  Cluster cluster({.tune = wait_a_millisecond});
  cluster.elect(1);
  cluster.advance(1ms);
  cluster.write(1, "a");
  EXPECT_EQ(cluster.core(1).next_deadline(), cluster.now() + 1ms);
  cluster.advance(1ms);
  EXPECT_EQ(cluster.applied(2), "a");
  EXPECT_EQ(cluster.applied(3), "a");
}

TEST(RaftReplication, BytesInFlightToAFollowerAreBounded) {
  Cluster cluster({.tune = [](Config& config) {
    config.max_append_bytes = 100;
    config.max_inflight_bytes = 400;
  }});
  cluster.elect(1);
  cluster.hold_writes(3);
  for (int i = 0; i < 50; ++i) cluster.write(1, std::string(60, 'x'));
  EXPECT_LE(cluster.core(1).status().peers.at(1).inflight_bytes, 500U);
  EXPECT_LT(cluster.core(3).last_index(), Index(20));
  cluster.release_writes(3);
  cluster.settle();
  EXPECT_EQ(cluster.core(3).last_index(), cluster.core(1).last_index());
}

TEST(RaftReplication, AnEntryAboveTheLimitTravelsAlone) {
  Cluster cluster({.tune = [](Config& config) {
    config.max_append_bytes = 100;
    config.max_inflight_bytes = 100;
  }});
  cluster.elect(1);
  cluster.write(1, std::string(5000, 'x'));
  cluster.write(1, "y");
  EXPECT_EQ(cluster.applied(3), std::string(5000, 'x') + " y");
}

TEST(RaftReplication, LostMessagesAreFoundByAHeartbeat) {
  Cluster cluster({});
  cluster.elect(1);
  cluster.cut_one_way(1, 3);
  cluster.write(1, "a");
  cluster.heal_all();
  cluster.settle();
  EXPECT_EQ(cluster.applied(3), "");
  cluster.advance(60ms);
  EXPECT_EQ(cluster.applied(3), "a");
}

TEST(RaftReplication, LostMessagesAreFoundByTheNextOne) {
  Cluster cluster({});
  cluster.elect(1);
  cluster.propose(1, "a");
  cluster.drop(1, 3);
  cluster.write(1, "b");
  EXPECT_EQ(cluster.applied(3), "a b");
}

TEST(RaftReplication, AReconnectedFollowerIsSentWhatItLacksAtOnce) {
  Cluster cluster({});
  cluster.elect(1);
  cluster.cut(1, 3);
  cluster.lose(1, 3);
  cluster.write(1, "a");
  cluster.heal_all();
  cluster.connect(1, 3);
  cluster.settle();
  EXPECT_EQ(cluster.applied(3), "a");
}

TEST(RaftReplication, TheCommitIndexIsToldWithoutWaitingForAHeartbeat) {
  Cluster cluster({});
  cluster.elect(1);
  cluster.write(1, "a");  // no time passes
  EXPECT_EQ(cluster.applied(2), "a");
  EXPECT_EQ(cluster.applied(3), "a");
}

TEST(RaftReplication, ACrashLosesOnlyWhatWasNeverAcknowledged) {
  Cluster cluster({});
  cluster.elect(1);
  cluster.write(1, "a");
  for (unsigned n = 1; n <= 3; ++n) cluster.restart(n);
  ASSERT_NE(cluster.wait_for_leader(), 0U);
  cluster.advance(1s);
  for (unsigned n = 1; n <= 3; ++n) EXPECT_EQ(cluster.applied(n), "a");
}

TEST(RaftReplication, LearnersReceiveTheLogAndCountForNothing) {
  Cluster cluster({.voters = 3, .learners = 1});
  cluster.elect(1);
  cluster.write(1, "a");
  EXPECT_EQ(cluster.applied(4), "a");
  cluster.crash(2);
  cluster.crash(3);
  const Index before = cluster.core(1).commit_index();
  cluster.propose(1, "b");
  cluster.settle();
  EXPECT_EQ(cluster.core(1).commit_index(), before);
}

// A peer whose disk lost entries vouches for nothing that it acknowledged before.
TEST(RaftReplication, AFollowerThatLostItsLogIsCountedAnew) {
  Cluster cluster({});
  cluster.elect(1);
  cluster.write(1, "a");
  ASSERT_GT(cluster.core(1).status().peers.at(0).match_index, Index(1));
  static_cast<void>(cluster.step(1, PeerConnected{node_id(2), 0, true}));
  EXPECT_EQ(cluster.core(1).status().peers.at(0).match_index, Index(0));
  cluster.settle();
  EXPECT_EQ(cluster.core(1).status().peers.at(0).match_index, cluster.core(1).last_index());
}

}  // namespace
}  // namespace kvcluster::raft::testing
