// Log replication (dissertation, 3.5) and commitment (3.6.2, 10.2.1).
#include <gtest/gtest.h>

#include <algorithm>

#include "raft/cluster.hpp"

namespace kvcluster::raft::testing {
namespace {

// A follower alone, spoken to by a leader that the test plays.
class LoneFollower {
 public:
  LoneFollower() : core_(config(), restored(), 1, Instant{}) {}

  Effects receive(std::uint64_t term, Body body, unsigned from = 2) {
    return core_.step(Instant{}, Receive{{node_id(from), node_id(1), Term(term), std::move(body)}});
  }
  static AppendEntries append(EntryId prev, std::vector<std::uint64_t> terms,
                              std::uint64_t commit = 1) {
    AppendEntries request;
    request.prev = prev;
    request.commit_index = Index(commit);
    Index index = prev.index;
    for (const std::uint64_t term : terms) {
      index = index.next();
      request.entries.push_back({Term(term), index, EntryKind::kCommand, Slice::copy_of("x")});
    }
    return request;
  }
  static const AppendReply& reply_in(const std::vector<Message>& messages) {
    EXPECT_EQ(messages.size(), 1U);
    return std::get<AppendReply>(messages.at(0).body);
  }
  Core& core() { return core_; }

 private:
  static Config config() {
    Config config;
    config.self = node_id(1);
    return config;
  }
  static Restored restored() {
    Restored restored;
    restored.hard_state = {Term(2), kNoNode, Index(1)};
    restored.entries = {{Term(1), Index(1), EntryKind::kGenesis, Slice()}};
    for (unsigned n = 1; n <= 3; ++n) {
      Member member;
      member.id = node_id(n);
      restored.configuration.members.push_back(member);
    }
    return restored;
  }
  Core core_;
};

constexpr EntryId kGenesisId{Term(1), Index(1)};

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

// 3.5, 3.8: an append is acknowledged when it is durable.
TEST(RaftReplication, AFollowerAcknowledgesOnlyWhatIsDurable) {
  LoneFollower follower;
  const Effects effects = follower.receive(2, LoneFollower::append(kGenesisId, {2, 2}));
  EXPECT_TRUE(effects.messages_now.empty());
  const AppendReply& reply = LoneFollower::reply_in(effects.persist->messages);
  EXPECT_TRUE(reply.success);
  EXPECT_EQ(reply.index, Index(3));
}

// A copy of a message whose entries are still in flight must not be acknowledged before they are.
TEST(RaftReplication, ADoubledAppendWaitsForTheWriteOfTheFirst) {
  LoneFollower follower;
  static_cast<void>(follower.receive(2, LoneFollower::append(kGenesisId, {2, 2})));
  const Effects again = follower.receive(2, LoneFollower::append(kGenesisId, {2, 2}));
  EXPECT_TRUE(again.messages_now.empty());
  ASSERT_TRUE(again.persist.has_value());
  EXPECT_TRUE(again.persist->entries.empty());
  EXPECT_EQ(again.persist->messages.size(), 1U);
}

// Figure 3.1: success means "matched up to prev + count of this message", never the log's tail.
TEST(RaftReplication, AFollowerNeverAcknowledgesItsOwnLongerTail) {
  LoneFollower follower;
  static_cast<void>(follower.receive(2, LoneFollower::append(kGenesisId, {2, 2, 2})));
  static_cast<void>(follower.core().step(Instant{}, Persisted{1}));
  // The leader of term 3 knows nothing of indices 3 and 4.
  const Effects effects = follower.receive(3, LoneFollower::append(kGenesisId, {2}), 3);
  const AppendReply& reply = LoneFollower::reply_in(effects.persist->messages);
  EXPECT_TRUE(reply.success);
  EXPECT_EQ(reply.index, Index(2));
}

// Figure 3.1: commit_index = min(leader's commit, index of the last new entry).
TEST(RaftReplication, AFollowerCommitsNoFurtherThanTheMessageVouchesFor) {
  LoneFollower follower;
  static_cast<void>(follower.receive(2, LoneFollower::append(kGenesisId, {2, 2, 2})));
  static_cast<void>(follower.receive(3, LoneFollower::append(kGenesisId, {2}, 9), 3));
  EXPECT_EQ(follower.core().commit_index(), Index(2));
}

// 3.5: only a conflict cuts the log; an overtaken message must not cut what a later one appended.
TEST(RaftReplication, AnOvertakenMessageCutsNothing) {
  LoneFollower follower;
  static_cast<void>(follower.receive(2, LoneFollower::append(kGenesisId, {2, 2, 2})));
  static_cast<void>(follower.receive(2, LoneFollower::append(kGenesisId, {2})));
  EXPECT_EQ(follower.core().last_index(), Index(4));
}

TEST(RaftReplication, AConflictCutsTheLogFromThereOn) {
  LoneFollower follower;
  static_cast<void>(follower.receive(2, LoneFollower::append(kGenesisId, {2, 2, 2})));
  const Effects effects = follower.receive(3, LoneFollower::append(kGenesisId, {2, 3}), 3);
  EXPECT_EQ(effects.persist->truncate_from, Index(3));
  EXPECT_EQ(follower.core().last_index(), Index(3));
  EXPECT_EQ(follower.core().entry(Index(3))->term, Term(3));
}

// Durable index goes back with a truncation: the late completion of the first write must not vouch
// for entries that were cut and appended anew.
TEST(RaftReplication, ALateCompletionDoesNotVouchForEntriesThatWereCut) {
  LoneFollower follower;
  static_cast<void>(follower.receive(2, LoneFollower::append(kGenesisId, {2, 2, 2})));  // write 1
  static_cast<void>(
      follower.receive(3, LoneFollower::append(kGenesisId, {3, 3, 3}), 3));  // write 2
  static_cast<void>(follower.core().step(Instant{}, Persisted{1}));
  EXPECT_EQ(follower.core().status().durable_index, Index(1));
  const Effects beat = follower.receive(3, LoneFollower::append({Term(3), Index(4)}, {}), 3);
  const auto& messages = beat.persist ? beat.persist->messages : beat.messages_now;
  EXPECT_EQ(LoneFollower::reply_in(messages).index, Index(1));
  static_cast<void>(follower.core().step(Instant{}, Persisted{2}));
  EXPECT_EQ(follower.core().status().durable_index, Index(4));
}

TEST(RaftReplication, AHeartbeatIsAnsweredAtOnceForWhatIsDurable) {
  LoneFollower follower;
  static_cast<void>(follower.receive(2, LoneFollower::append(kGenesisId, {2, 2})));
  const Effects beat = follower.receive(2, LoneFollower::append({Term(2), Index(3)}, {}));
  const AppendReply& reply = LoneFollower::reply_in(beat.messages_now);
  EXPECT_TRUE(reply.success);
  EXPECT_EQ(reply.index, Index(1));
}

// 3.5: the consistency check, and where the leader should go back to.
TEST(RaftReplication, ARefusalNamesTheLargestEntryThatMayAgree) {
  LoneFollower follower;
  static_cast<void>(follower.receive(5, LoneFollower::append(kGenesisId, {2, 2, 5, 5})));
  const Effects effects = follower.receive(6, LoneFollower::append({Term(4), Index(9)}, {}), 3);
  const AppendReply& reply = LoneFollower::reply_in(effects.persist->messages);
  EXPECT_FALSE(reply.success);
  EXPECT_EQ(reply.index, Index(9));
  EXPECT_EQ(reply.hint, (EntryId{Term(2), Index(3)}));
}

// 3.3: a leader of the past is refused with the newer term.
TEST(RaftReplication, ALeaderOfThePastIsRefused) {
  LoneFollower follower;
  static_cast<void>(follower.receive(5, LoneFollower::append(kGenesisId, {})));
  static_cast<void>(follower.core().step(Instant{}, Persisted{1}));
  const Effects effects = follower.receive(4, LoneFollower::append(kGenesisId, {4}), 3);
  EXPECT_FALSE(LoneFollower::reply_in(effects.messages_now).success);
  EXPECT_EQ(effects.messages_now.at(0).term, Term(5));
  EXPECT_EQ(follower.core().last_index(), Index(1));
}

// A reply that reveals a term waits until the term is durable (3.8).
TEST(RaftReplication, AReplyInANewTermWaitsUntilTheTermIsDurable) {
  LoneFollower follower;
  const Effects effects = follower.receive(5, LoneFollower::append(kGenesisId, {}));
  EXPECT_TRUE(effects.messages_now.empty());
  EXPECT_EQ(effects.persist->messages.size(), 1U);
  EXPECT_EQ(effects.persist->hard_state->current_term, Term(5));
}

TEST(RaftReplication, MalformedAppendsAreIgnored) {
  LoneFollower follower;
  AppendEntries gap = LoneFollower::append(kGenesisId, {2, 2});
  gap.entries.erase(gap.entries.begin());
  AppendEntries falling = LoneFollower::append(kGenesisId, {2, 1});
  AppendEntries future = LoneFollower::append(kGenesisId, {3});
  const AppendEntries nowhere = LoneFollower::append({Term(2), Index(0)}, {2});
  for (const AppendEntries& request : {gap, falling, future, nowhere}) {
    const Effects effects = follower.receive(2, request);
    EXPECT_TRUE(effects.messages_now.empty());
    EXPECT_FALSE(effects.persist.has_value());
  }
  EXPECT_EQ(follower.core().last_index(), Index(1));
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
