// Compaction and snapshots to followers that lag (dissertation, 5.1, figure 5.3).
#include <gtest/gtest.h>

#include <algorithm>

#include "raft/cluster.hpp"

namespace kvcluster::raft::testing {
namespace {

void keep_nothing(Config& config) { config.retained_log_bytes = 0; }

// A cluster whose node 3 lacks what the leader, node 1, has compacted.
Cluster cluster_with_a_gap() {
  Cluster cluster({.tune = keep_nothing});
  cluster.elect(1);
  cluster.isolate(3);
  for (const char* payload : {"a", "b", "c", "d"}) cluster.write(1, payload);
  cluster.advance(400ms);
  cluster.checkpoint(1);
  cluster.checkpoint(2);
  return cluster;
}

TEST(RaftSnapshot, AFollowerThatIsTooFarBehindIsSentASnapshot) {
  Cluster cluster = cluster_with_a_gap();
  cluster.heal_all();
  cluster.advance(500ms);
  EXPECT_EQ(cluster.applied(3), "a b c d");
  EXPECT_GT(cluster.core(3).status().first_index, Index(2));
  cluster.write(1, "e");
  EXPECT_EQ(cluster.applied(3), "a b c d e");
}

TEST(RaftSnapshot, AnInstalledSnapshotSurvivesACrash) {
  Cluster cluster = cluster_with_a_gap();
  cluster.heal_all();
  cluster.advance(500ms);
  cluster.restart(3);
  EXPECT_EQ(cluster.applied(3), "a b c d");
  EXPECT_TRUE(cluster.is_live());
}

// The snapshot is durable, the log not yet reset: the crash comes in between.
TEST(RaftSnapshot, ACrashBeforeTheLogIsResetLosesNothing) {
  Cluster cluster = cluster_with_a_gap();
  cluster.hold_writes(3);
  cluster.heal_all();
  cluster.advance(500ms);
  cluster.at(3).hold_writes = false;
  cluster.restart(3);
  EXPECT_TRUE(cluster.is_live());
  EXPECT_TRUE(cluster.applied(3).starts_with("a b c d"));
}

TEST(RaftSnapshot, IsAcknowledgedOnlyWhenItIsInstalled) {
  Cluster cluster = cluster_with_a_gap();
  cluster.at(3).hold_snapshots = true;
  cluster.heal_all();
  cluster.advance(250ms);
  EXPECT_TRUE(cluster.core(1).status().peers.at(1).installing_snapshot);
  EXPECT_LE(cluster.core(1).status().peers.at(1).match_index, Index(2));
  cluster.at(3).hold_snapshots = false;
  cluster.advance(1s);
  EXPECT_EQ(cluster.applied(3), "a b c d");
}

TEST(RaftSnapshot, ACrashInTheMiddleStartsOver) {
  Cluster cluster = cluster_with_a_gap();
  cluster.heal_all();
  cluster.at(1).hold_snapshots = true;
  cluster.advance(250ms);
  cluster.at(1).hold_snapshots = false;
  cluster.drift(1ms);
  cluster.restart(3);
  cluster.connect(1, 3);
  cluster.advance(1s);
  EXPECT_EQ(cluster.applied(3), "a b c d");
}

// What was read wrong would be refused for ever if it were only sent again.
TEST(RaftSnapshot, ARefusedSnapshotIsReadAnewFromTheBeginning) {
  Cluster cluster = cluster_with_a_gap();
  cluster.at(1).hold_snapshots = true;
  cluster.at(3).hold_snapshots = true;
  cluster.heal_all();
  cluster.advance(250ms);
  ASSERT_FALSE(cluster.at(1).snapshot_reads.empty());
  cluster.at(1).snapshot_reads.clear();
  const EntryId last = cluster.at(1).disk.checkpoint.last;
  static_cast<void>(cluster.step(
      1, SnapshotChunk{node_id(3), last, cluster.configuration(), 0, Slice::copy_of("bad"), true}));
  cluster.settle();
  ASSERT_FALSE(cluster.at(3).snapshot_stores.empty());
  cluster.at(3).snapshot_stores.clear();
  static_cast<void>(cluster.step(3, SnapshotStored{.last = last, .refused = true}));
  cluster.at(3).hold_snapshots = false;
  cluster.settle();
  EXPECT_TRUE(cluster.at(1).snapshot_reads.empty()) << "asked for at once: a loop without a pause";
  cluster.advance(1s);
  ASSERT_FALSE(cluster.at(1).snapshot_reads.empty());
  EXPECT_EQ(cluster.at(1).snapshot_reads.back().offset, 0U);
  EXPECT_FALSE(cluster.at(1).snapshot_reads.back().last.has_value());
  cluster.at(1).hold_snapshots = false;
  cluster.advance(1s);
  EXPECT_EQ(cluster.applied(3), "a b c d");
}

TEST(RaftSnapshot, AFollowerSaysThatItRefusedASnapshot) {
  Cluster cluster = cluster_with_a_gap();
  cluster.at(3).hold_snapshots = true;
  cluster.heal_all();
  cluster.advance(250ms);
  const EntryId last = cluster.at(1).disk.checkpoint.last;
  const Effects effects = cluster.step(3, SnapshotStored{.last = last, .refused = true});
  ASSERT_EQ(effects.messages_now.size(), 1U);
  EXPECT_TRUE(std::get<SnapshotReply>(effects.messages_now.front().body).refused);
}

TEST(RaftSnapshot, ANewerSnapshotReplacesOneThatWasBegun) {
  Cluster cluster = cluster_with_a_gap();
  cluster.at(3).hold_snapshots = true;
  cluster.heal_all();
  cluster.advance(250ms);
  cluster.write(1, "e");
  cluster.checkpoint(1);
  cluster.at(3).hold_snapshots = false;
  cluster.advance(2s);
  EXPECT_EQ(cluster.applied(3), "a b c d e");
}

// What is committed here already is answered, not stored: the state machine never goes back.
TEST(RaftSnapshot, ASnapshotOfWhatIsCommittedIsAnsweredAndNotStored) {
  Cluster cluster({});
  cluster.elect(1);
  cluster.write(1, "a");
  const EntryId last = cluster.core(1).status().last_log;
  const Effects effects = cluster.step(2, Receive{{node_id(1), node_id(2), cluster.core(1).term(),
                                                   InstallSnapshot{.last = last,
                                                                   .configuration = {},
                                                                   .offset = 0,
                                                                   .data = Slice::copy_of("x"),
                                                                   .done = true}}});
  EXPECT_FALSE(effects.snapshot_store.has_value());
  ASSERT_EQ(effects.messages_now.size(), 1U);
  EXPECT_TRUE(std::get<SnapshotReply>(effects.messages_now.at(0).body).installed);
}

// Figure 5.3, step 6: entries after the snapshot's last one are kept when the log holds that one.
TEST(RaftSnapshot, TheLogAfterAnInstalledSnapshotIsKeptWhenItAgrees) {
  Cluster cluster({});
  cluster.elect(1);
  cluster.isolate(3);
  cluster.propose(1, "a");
  cluster.propose(1, "b");
  cluster.heal_all();
  cluster.settle();
  cluster.restart(3);  // it holds both, and knows of neither that it is committed
  const CoreStatus before = cluster.core(3).status();
  ASSERT_GE(before.last_log.index, Index(4));
  ASSERT_LT(before.commit_index, before.last_log.index);
  cluster.at(3).hold_snapshots = true;
  const EntryId last{before.last_log.term, before.commit_index.next()};
  static_cast<void>(
      cluster.step(3, Receive{{node_id(1), node_id(3), cluster.core(1).term(),
                               InstallSnapshot{.last = last,
                                               .configuration = cluster.configuration(),
                                               .offset = 0,
                                               .data = Slice::copy_of("x"),
                                               .done = true}}}));
  const Effects effects = cluster.core(3).step(cluster.now(), SnapshotStored{last, 1, true, false});
  EXPECT_FALSE(effects.persist && effects.persist->log_reset);
  EXPECT_EQ(cluster.core(3).last_index(), before.last_log.index);
  EXPECT_EQ(cluster.core(3).status().applied, last.index);
}

TEST(RaftSnapshot, ChunksOutOfOrderAreNotStored) {
  Cluster cluster({});
  cluster.elect(1);
  const EntryId last{cluster.core(1).term(), Index(50)};
  const Effects effects = cluster.step(2, Receive{{node_id(1), node_id(2), cluster.core(1).term(),
                                                   InstallSnapshot{.last = last,
                                                                   .configuration = {},
                                                                   .offset = 8,
                                                                   .data = Slice::copy_of("x"),
                                                                   .done = false}}});
  EXPECT_FALSE(effects.snapshot_store.has_value());
  ASSERT_EQ(effects.messages_now.size(), 1U);
  EXPECT_EQ(std::get<SnapshotReply>(effects.messages_now.at(0).body).next_offset, 0U);
}

// A follower that may still hold what was compacted here is asked before a snapshot is sent.
TEST(RaftSnapshot, AReconnectedFollowerThatIsUpToDateNeedsNone) {
  Cluster cluster({.tune = keep_nothing});
  cluster.elect(1);
  cluster.write(1, "a");
  cluster.checkpoint(1);
  cluster.elect(2);
  cluster.checkpoint(2);
  cluster.lose(2, 3);
  cluster.connect(2, 3);
  cluster.settle();
  EXPECT_EQ(std::ranges::count(cluster.at(2).trace, Trace::Kind::kSnapshotSending, &Trace::kind),
            0);
  EXPECT_TRUE(cluster.is_live());
}

TEST(RaftSnapshot, EntriesThatAnActiveFollowerNeedsAreKept) {
  Cluster cluster({});
  cluster.elect(1);
  cluster.hold_writes(3);
  cluster.write(1, "a");
  cluster.write(1, "b");
  cluster.checkpoint(1);
  EXPECT_LE(cluster.core(1).status().first_index, Index(3));
  cluster.release_writes(3);
  cluster.settle();
  EXPECT_EQ(cluster.applied(3), "a b");
}

TEST(RaftSnapshot, EntriesForALaggingFollowerAreBoundedInBytes) {
  Cluster cluster({.tune = [](Config& config) { config.retained_log_bytes = 200; }});
  cluster.elect(1);
  cluster.hold_writes(3);
  for (int i = 0; i < 20; ++i) cluster.write(1, std::string(68, 'x'));  // 100 bytes each
  cluster.checkpoint(1);
  EXPECT_EQ(cluster.core(1).status().first_index, cluster.core(1).last_index().prev());
}

// 5.1: after full compaction the last log term is the snapshot's, so elections still work.
TEST(RaftSnapshot, AFullyCompactedLogStillVotesAndWinsByItsLastTerm) {
  Cluster cluster({.tune = keep_nothing});
  cluster.elect(1);
  cluster.write(1, "a");
  for (unsigned n = 1; n <= 3; ++n) cluster.checkpoint(n);
  for (unsigned n = 1; n <= 3; ++n) cluster.restart(n);
  EXPECT_EQ(cluster.core(1).status().last_log.term, Term(2));
  cluster.elect(3);
  EXPECT_EQ(cluster.core(3).role(), Role::kLeader);
  EXPECT_TRUE(cluster.is_live());
}

}  // namespace
}  // namespace kvcluster::raft::testing
