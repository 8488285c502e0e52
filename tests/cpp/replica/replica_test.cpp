#include "replica/replica.hpp"

#include <gtest/gtest.h>

#include "replica/replica_cluster.hpp"

namespace kvcluster::replica {
namespace {

using Outcome = Completion::Outcome;
using Mode = RequestBatch::Mode;

kv::Reply bulk(std::string_view text) { return kv::Reply::bulk(text); }

TEST(Replica, ElectsALeaderWritesAndReads) {
  ReplicaCluster cluster;
  const auto leader = cluster.wait_for_leader();
  const Completion set = cluster.call(leader, {"SET", "k", "v"});
  EXPECT_EQ(set.outcome, Outcome::kReplied);
  EXPECT_EQ(set.reply, kv::Reply::ok());
  EXPECT_GT(set.index, Index(1));
  EXPECT_EQ(cluster.call(leader, {"GET", "k"}).reply, bulk("v"));
  cluster.run_ms(100);
  cluster.expect_equal_states();
}

TEST(Replica, AFollowerForwardsWritesAndReadsToTheLeader) {
  ReplicaCluster cluster;
  const auto follower = cluster.other_than(cluster.wait_for_leader());
  EXPECT_EQ(cluster.call(follower, {"SET", "k", "v"}).reply, kv::Reply::ok());
  EXPECT_EQ(cluster.call(follower, {"GET", "k"}).reply, bulk("v"));
  EXPECT_EQ(cluster.call(follower, {"INCR", "k"}).reply.is_error(), true);
}

TEST(Replica, AForwardThatWasNotSentWaitsUntilItCanBe) {
  ReplicaCluster cluster;
  const auto follower = cluster.other_than(cluster.wait_for_leader());
  cluster.refuse_forwards(follower);
  const auto first = cluster.submit(follower, {"SET", "k", "1"});
  const auto second = cluster.submit(follower, {"APPEND", "k", "2"});
  cluster.turn(follower);
  cluster.run_ms(200);
  ASSERT_FALSE(cluster.completions.contains(first));
  cluster.take_forwards(follower);
  EXPECT_EQ(cluster.finish(follower, second).reply, kv::Reply::integer(2));
  EXPECT_EQ(cluster.completions[first].reply, kv::Reply::ok());
}

TEST(Replica, AForwardThatIsNeverSentIsCertainlyNotApplied) {
  ReplicaCluster cluster;
  const auto follower = cluster.other_than(cluster.wait_for_leader());
  cluster.refuse_forwards(follower);
  EXPECT_EQ(cluster.call(follower, {"SET", "k", "v"}).outcome, Completion::Outcome::kNoLeader);
  cluster.take_forwards(follower);
  EXPECT_EQ(cluster.call(follower, {"GET", "k"}).reply, kv::Reply::nil());
}

TEST(Replica, PipelinedCommandsOfAConnectionSeeEachOtherInOrder) {
  ReplicaCluster cluster;
  const auto leader = cluster.wait_for_leader();
  const auto before = cluster.submit(leader, {"GET", "k"});
  const auto first = cluster.submit(leader, {"SET", "k", "1"});
  const auto between = cluster.submit(leader, {"GET", "k"});
  const auto second = cluster.submit(leader, {"SET", "k", "2"});
  const auto after = cluster.submit(leader, {"GET", "k"});
  cluster.finish(leader, after);
  EXPECT_EQ(cluster.completions[before].reply, kv::Reply::nil());
  EXPECT_EQ(cluster.completions[first].reply, kv::Reply::ok());
  EXPECT_EQ(cluster.completions[between].reply, bulk("1"));
  EXPECT_EQ(cluster.completions[second].reply, kv::Reply::ok());
  EXPECT_EQ(cluster.completions[after].reply, bulk("2"));
}

TEST(Replica, PipelinedCommandsThroughAFollowerKeepTheirOrderToo) {
  ReplicaCluster cluster;
  const auto follower = cluster.other_than(cluster.wait_for_leader());
  cluster.submit(follower, {"SET", "k", "1"});
  const auto between = cluster.submit(follower, {"GET", "k"});
  cluster.submit(follower, {"SET", "k", "2"});
  const auto after = cluster.submit(follower, {"GET", "k"});
  cluster.finish(follower, after);
  EXPECT_EQ(cluster.completions[between].reply, bulk("1"));
  EXPECT_EQ(cluster.completions[after].reply, bulk("2"));
}

// Dissertation, 6.4: a leader that was cut off and replaced must not answer reads.
TEST(Replica, ACutOffLeaderAnswersNoRead) {
  ReplicaCluster cluster;
  const auto old_leader = cluster.wait_for_leader();
  cluster.call(old_leader, {"SET", "k", "old"});
  cluster.cut(old_leader);
  const auto read = cluster.submit(old_leader, {"GET", "k"});
  cluster.turn(old_leader);
  const auto new_leader = cluster.wait_for_leader();
  ASSERT_NE(new_leader, old_leader);
  cluster.call(new_leader, {"SET", "k", "new"});
  cluster.run_ms(2000);
  ASSERT_TRUE(cluster.completions.contains(read));
  EXPECT_EQ(cluster.completions[read].outcome, Outcome::kNoLeader);
}

TEST(Replica, AWriteOfACutOffLeaderIsUncertainAndNeverCalledFailed) {
  ReplicaCluster cluster;
  const auto old_leader = cluster.wait_for_leader();
  cluster.cut(old_leader);
  const auto write = cluster.submit(old_leader, {"SET", "k", "lost"});
  cluster.turn(old_leader);
  cluster.run_ms(6000);
  ASSERT_TRUE(cluster.completions.contains(write));
  EXPECT_EQ(cluster.completions[write].outcome, Outcome::kUncertain);
  EXPECT_GT(cluster.completions[write].index, Index(0));
}

TEST(Replica, AWriteWhoseIndexWentToAnotherLeaderIsCertainlyNotApplied) {
  ReplicaCluster cluster;
  const auto old_leader = cluster.wait_for_leader();
  cluster.cut(old_leader);
  const auto write = cluster.submit(old_leader, {"SET", "k", "lost"});
  cluster.turn(old_leader);
  const auto new_leader = cluster.wait_for_leader();
  cluster.call(new_leader, {"SET", "other", "1"});
  cluster.heal(old_leader);
  cluster.run_ms(1000);
  ASSERT_TRUE(cluster.completions.contains(write));
  EXPECT_EQ(cluster.completions[write].outcome, Outcome::kRefused);
  EXPECT_EQ(cluster.call(new_leader, {"GET", "k"}).reply, kv::Reply::nil());
}

TEST(Replica, AWriteSentToALeaderThatDiesIsUncertainAndIsNotSentAgain) {
  ReplicaCluster cluster;
  const auto leader = cluster.wait_for_leader();
  const auto follower = cluster.other_than(leader);
  const auto write = cluster.submit(follower, {"INCR", "n"});
  cluster.turn(follower);  // on its way
  cluster.crash(leader);
  cluster.finish(follower, write);
  EXPECT_EQ(cluster.completions[write].outcome, Outcome::kUncertain);
  const auto next = cluster.wait_for_leader();
  EXPECT_EQ(cluster.call(next, {"GET", "n"}).reply, kv::Reply::nil());
}

TEST(Replica, CommandsWaitThroughAnElectionAndThenSucceed) {
  ReplicaCluster cluster;
  const auto leader = cluster.wait_for_leader();
  cluster.crash(leader);
  const auto survivor = cluster.other_than(leader);
  EXPECT_EQ(cluster.call(survivor, {"SET", "k", "v"}).reply, kv::Reply::ok());
}

TEST(Replica, WithoutAQuorumCommandsGiveUpAndAreCertainlyNotApplied) {
  ReplicaCluster cluster;
  const auto leader = cluster.wait_for_leader();
  cluster.crash(leader);
  const std::uint64_t second = cluster.other_than(leader);
  const std::uint64_t third = 6 - leader - second;
  cluster.crash(second);
  const Completion write = cluster.call(third, {"SET", "k", "v"});
  EXPECT_EQ(write.outcome, Outcome::kNoLeader);
  EXPECT_NE(cluster.at(third).why(Instant::max()).find("no leader"), std::string::npos);
}

TEST(Replica, WithoutForwardingAFollowerSaysThatItDoesNotLead) {
  ReplicaCluster cluster(3, false);
  const auto follower = cluster.other_than(cluster.wait_for_leader());
  EXPECT_EQ(cluster.call(follower, {"SET", "k", "v"}).outcome, Outcome::kNotLeader);
  EXPECT_EQ(cluster.call(follower, {"GET", "k"}).outcome, Outcome::kNotLeader);
}

TEST(Replica, ALocalReadIsAnsweredByAFollowerItself) {
  ReplicaCluster cluster(3, false);
  const auto leader = cluster.wait_for_leader();
  cluster.call(leader, {"SET", "k", "v"});
  cluster.run_ms(100);
  const auto follower = cluster.other_than(leader);
  const auto read = cluster.submit(follower, {"GET", "k"}, 1, Mode::kLocalRead);
  EXPECT_EQ(cluster.finish(follower, read).reply, bulk("v"));
}

TEST(Replica, ALocalReadWaitsForTheIndexThatItAsksFor) {
  ReplicaCluster cluster;
  const auto leader = cluster.wait_for_leader();
  const auto follower = cluster.other_than(leader);
  const Index next = cluster.state(follower).applied().plus(1);
  const auto read = cluster.submit(follower, {"GET", "k"}, 1, Mode::kLocalRead, next);
  cluster.turn(follower);
  cluster.run_ms(50);
  EXPECT_FALSE(cluster.completions.contains(read));
  cluster.call(leader, {"SET", "k", "v"});
  EXPECT_EQ(cluster.finish(follower, read).reply, bulk("v"));
}

TEST(Replica, ADuplicateOfASessionOverAFailoverReturnsTheFirstReply) {
  ReplicaCluster cluster;
  const auto leader = cluster.wait_for_leader();
  EXPECT_EQ(cluster.call(leader, {"KV.ONCE", "alice", "1", "INCR", "n"}).reply,
            kv::Reply::integer(1));
  cluster.crash(leader);
  const auto next = cluster.wait_for_leader();
  EXPECT_EQ(cluster.call(next, {"KV.ONCE", "alice", "1", "INCR", "n"}).reply,
            kv::Reply::integer(1));
  EXPECT_EQ(cluster.call(next, {"GET", "n"}).reply, bulk("1"));
  cluster.start(leader);
  cluster.run_ms(500);
  cluster.expect_equal_states();
}

TEST(Replica, AllCrashAndComeBackWithEveryAcknowledgedWrite) {
  ReplicaCluster cluster;
  auto leader = cluster.wait_for_leader();
  for (int i = 0; i < 20; ++i) {
    cluster.call(leader, {"SET", "k" + std::to_string(i), std::to_string(i)});
  }
  for (const std::uint64_t id : {1U, 2U, 3U}) cluster.crash(id);
  for (const std::uint64_t id : {1U, 2U, 3U}) cluster.start(id);
  leader = cluster.wait_for_leader();
  for (int i = 0; i < 20; ++i) {
    EXPECT_EQ(cluster.call(leader, {"GET", "k" + std::to_string(i)}).reply,
              bulk(std::to_string(i)));
  }
  cluster.run_ms(200);
  cluster.expect_equal_states();
}

TEST(Replica, ExpiryIsMovedByTheLeaderWithoutAnyWrite) {
  ReplicaCluster cluster;
  const auto leader = cluster.wait_for_leader();
  cluster.call(leader, {"SET", "k", "v", "PX", "300"});
  EXPECT_EQ(cluster.call(leader, {"GET", "k"}).reply, bulk("v"));
  cluster.run_ms(500);
  EXPECT_EQ(cluster.call(leader, {"GET", "k"}).reply, kv::Reply::nil());
  cluster.run_ms(100);
  for (const std::uint64_t id : {1U, 2U, 3U}) EXPECT_EQ(cluster.state(id).key_count(), 0U);
  cluster.expect_equal_states();
}

TEST(Replica, OneSlowDiskAmongTheFollowersHoldsNothingUp) {
  ReplicaCluster cluster;
  const auto leader = cluster.wait_for_leader();
  cluster.hold_disk(cluster.other_than(leader));
  const auto write = cluster.submit(leader, {"SET", "k", "v"});
  cluster.turn(leader);
  cluster.run_ms(20);
  ASSERT_TRUE(cluster.completions.contains(write));
  EXPECT_EQ(cluster.completions[write].reply, kv::Reply::ok());
}

TEST(Replica, NothingIsAcknowledgedThatOnlyOneDiskHolds) {
  ReplicaCluster cluster;
  const auto leader = cluster.wait_for_leader();
  for (const std::uint64_t id : {1U, 2U, 3U}) {
    if (id != leader) cluster.hold_disk(id);
  }
  const auto write = cluster.submit(leader, {"SET", "k", "v"});
  cluster.turn(leader);
  cluster.run_ms(100);
  EXPECT_FALSE(cluster.completions.contains(write));
  for (const std::uint64_t id : {1U, 2U, 3U}) cluster.release_disk(id);
  EXPECT_EQ(cluster.finish(leader, write).reply, kv::Reply::ok());
}

TEST(Replica, RefusedWritesAreCertainlyNotAppliedAndReadsGoOn) {
  ReplicaCluster cluster(1);
  const auto leader = cluster.wait_for_leader();
  cluster.call(leader, {"SET", "k", "v"});
  cluster.at(leader).refuse_writes("OOM disk full on node 1");
  const Completion refused = cluster.call(leader, {"SET", "k", "w"});
  EXPECT_EQ(refused.outcome, Outcome::kRefused);
  EXPECT_EQ(cluster.call(leader, {"GET", "k"}).reply, bulk("v"));
  cluster.at(leader).refuse_writes(std::nullopt);
  EXPECT_EQ(cluster.call(leader, {"SET", "k", "w"}).reply, kv::Reply::ok());
}

// Its connection stands, so nothing says that no answer will come.
TEST(Replica, AWriteSentToALeaderThatStandsStillIsUncertainOnceThereIsAnother) {
  ReplicaCluster cluster;
  const auto leader = cluster.wait_for_leader();
  const auto follower = cluster.other_than(leader);
  cluster.cut(leader);
  const auto write = cluster.submit(follower, {"SET", "k", "v"});
  const auto read = cluster.submit(follower, {"GET", "k"}, 2);
  cluster.turn(follower);
  cluster.run_ms(1200);
  ASSERT_TRUE(cluster.completions.contains(write));
  EXPECT_EQ(cluster.completions[write].outcome, Outcome::kUncertain);
  ASSERT_TRUE(cluster.completions.contains(read));
  EXPECT_EQ(cluster.completions[read].reply, kv::Reply::nil());
}

// A hand-over costs no answer: the former leader says what became of what it was sent.
TEST(Replica, AWriteSentToALeaderThatHandsOverIsAnswered) {
  ReplicaCluster cluster;
  const auto leader = cluster.wait_for_leader();
  const auto follower = cluster.other_than(leader);
  const auto write = cluster.submit(follower, {"SET", "k", "v"});
  cluster.turn(follower);
  cluster.at(leader).transfer_leadership(cluster.now(), kNoNode);
  EXPECT_EQ(cluster.finish(follower, write).reply, kv::Reply::ok());
}

// The ids of forwarded commands do not begin anew with the process: the leader's late answer to
// what was asked before would be taken for another command's.
TEST(Replica, ALateAnswerToARestartedFollowerIsNotTakenForAnothersAnswer) {
  ReplicaCluster cluster;
  const auto leader = cluster.wait_for_leader();
  const auto follower = cluster.other_than(leader);
  const std::uint64_t third = 6 - leader - follower;
  cluster.crash(third);
  cluster.submit(follower, {"SET", "before", "1"});
  cluster.turn(follower);
  cluster.hold_disk(leader);  // so that the answer comes late
  cluster.run_ms(1);
  cluster.crash(follower);
  cluster.start(follower);
  cluster.run_ms(100);  // it hears the leader again
  const auto write = cluster.submit(follower, {"INCR", "after"});
  cluster.turn(follower);
  cluster.run_ms(1);
  cluster.release_disk(leader);
  EXPECT_EQ(cluster.finish(follower, write).reply, kv::Reply::integer(1));
}

TEST(Replica, NothingIsAppendedThatNoFrameBetweenPeersCouldCarry) {
  ReplicaCluster cluster;
  const auto leader = cluster.wait_for_leader();
  std::vector<std::string> words = {"MSET"};
  for (int i = 0; i < 17; ++i) {
    words.push_back("k" + std::to_string(i));
    words.emplace_back(1U << 20U, 'x');
  }
  for (const auto node : {leader, cluster.other_than(leader)}) {
    const Completion refused = cluster.call(node, words);
    EXPECT_EQ(refused.outcome, Outcome::kRefused);
    EXPECT_TRUE(refused.reply.is_error());
  }
  EXPECT_EQ(cluster.call(leader, {"DBSIZE"}).reply, kv::Reply::integer(0));
}

TEST(Replica, OneTurnAppendsABoundedNumberOfBytesAndTheRestFollowsInOrder) {
  ReplicaCluster cluster(1);
  const auto leader = cluster.wait_for_leader();
  std::uint64_t last = 0;
  for (int i = 0; i < 40; ++i) {
    last = cluster.submit(leader, {"SET", "k", std::string(1U << 20U, static_cast<char>('A' + i))});
  }
  const auto read = cluster.submit(leader, {"GET", "k"});
  const Index before = cluster.at(leader).core().last_index();
  cluster.turn(leader);
  EXPECT_LT(cluster.at(leader).core().last_index(), before.plus(33));
  cluster.finish(leader, read);
  EXPECT_EQ(cluster.completions[last].reply, kv::Reply::ok());
  EXPECT_EQ(cluster.completions[read].reply, bulk(std::string(1U << 20U, 'A' + 39)));
}

TEST(Replica, AReplyThatNoFrameCouldCarryIsRefusedByAFollowerAndServedByTheLeader) {
  ReplicaCluster cluster;
  const auto leader = cluster.wait_for_leader();
  std::vector<std::string> words = {"MGET"};
  for (int i = 0; i < 17; ++i) {
    words.push_back("k" + std::to_string(i));
    cluster.call(leader, {"SET", words.back(), std::string(1U << 20U, 'x')});
  }
  EXPECT_FALSE(cluster.call(leader, words).reply.is_error());
  const Completion refused = cluster.call(cluster.other_than(leader), words);
  EXPECT_EQ(refused.outcome, Outcome::kRefused);
  EXPECT_TRUE(refused.reply.is_error());
}

TEST(Replica, AReadDoesNotOvertakeAWriteOfItsConnectionThatCouldNotBeAppendedYet) {
  ReplicaCluster cluster;
  const auto leader = cluster.wait_for_leader();
  const auto successor = cluster.other_than(leader);
  cluster.call(leader, {"SET", "k", "old"});
  cluster.hold_disk(successor);  // it does not take over at once
  cluster.submit(leader, {"SET", "other", "1"}, 9);
  cluster.turn(leader);
  cluster.at(leader).transfer_leadership(cluster.now(), NodeId(successor));
  const auto write = cluster.submit(leader, {"SET", "k", "new"});
  const auto read = cluster.submit(leader, {"GET", "k"});
  cluster.turn(leader);
  cluster.run_ms(20);
  cluster.release_disk(successor);
  cluster.finish(leader, read);
  EXPECT_EQ(cluster.completions[write].reply, kv::Reply::ok());
  EXPECT_EQ(cluster.completions[read].reply, bulk("new"));
}

TEST(Replica, ACommandThatTheLeaderCannotTakeYetIsNotSentToAndFro) {
  ReplicaCluster cluster;
  const auto leader = cluster.wait_for_leader();
  const auto successor = cluster.other_than(leader);
  const std::uint64_t third = 6 - leader - successor;
  cluster.hold_disk(successor);
  cluster.submit(leader, {"SET", "other", "1"}, 9);
  cluster.turn(leader);
  cluster.at(leader).transfer_leadership(cluster.now(), NodeId(successor));
  const auto write = cluster.submit(third, {"SET", "k", "v"});
  cluster.turn(third);
  cluster.run_ms(100);  // the cluster comes to rest meanwhile
  EXPECT_FALSE(cluster.completions.contains(write));
  cluster.release_disk(successor);
  EXPECT_EQ(cluster.finish(third, write).reply, kv::Reply::ok());
}

TEST(Replica, AClockThatMayNotBeMovedWakesNobody) {
  ReplicaCluster cluster(1);
  const auto leader = cluster.wait_for_leader();
  cluster.call(leader, {"SET", "k", "v", "PX", "300"});
  cluster.at(leader).refuse_writes("OOM disk full on node 1");
  cluster.run_ms(500);  // the key is due, and no write is taken
  const Output out = cluster.at(leader).end_turn(cluster.now(), cluster.wall());
  EXPECT_GT(out.next_deadline, cluster.now() + std::chrono::milliseconds(20));
}

TEST(Replica, RootsAreComparedAtEqualIndicesWhileTheClusterRuns) {
  ReplicaCluster cluster;
  const auto leader = cluster.wait_for_leader();
  const Completion set = cluster.call(leader, {"SET", "k", "v"});
  cluster.run_ms(200);
  for (const std::uint64_t id : {1U, 2U, 3U}) {
    const RootStatus roots = cluster.at(id).roots();
    EXPECT_GE(roots.verified, set.index) << "node " << id;
    EXPECT_EQ(roots.mismatches, 0U);
    EXPECT_FALSE(roots.diverged);
  }
}

TEST(Replica, ACheckpointMayStandAheadOfWhatConsensusWasToldInTheLastTurn) {
  Genesis genesis;
  genesis.configuration.members.push_back({NodeId(1), raft::MemberRole::kVoter, {1}, "node1"});
  Bytes payload;
  encode(genesis, payload);
  raft::Restored restored;
  restored.hard_state = {Term(1), NodeId(1), Index(9)};
  restored.configuration = genesis.configuration;
  restored.entries.push_back(
      {Term(1), Index(1), raft::EntryKind::kGenesis, Slice::of(std::move(payload))});
  for (std::uint64_t i = 2; i <= 9; ++i) {
    restored.entries.push_back({Term(1), Index(i), raft::EntryKind::kNoop, Slice()});
  }
  kv::MapTable table;
  kv::StateMachine state(table);
  Options options;
  options.raft.self = NodeId(1);
  options.raft.max_committed_per_step = 2;  // telling of one page brings the next
  const Instant now(std::chrono::seconds(1));
  Replica replica(options, std::move(restored), state, 1, now);
  static_cast<void>(replica.end_turn(now, 1));
  ASSERT_LT(state.applied(), Index(9));
  ASSERT_GT(state.applied(), Index(2));
  const Index stand = state.applied();
  replica.checkpointed(now, stand);
  EXPECT_GE(replica.core().status().applied, stand);
}

}  // namespace
}  // namespace kvcluster::replica
