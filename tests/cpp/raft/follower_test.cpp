// AppendEntries at one follower, whose leader is played by the test (dissertation, 3.5).
#include <gtest/gtest.h>

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
  static AppendEntries append(EntryId prev, const std::vector<std::uint64_t>& terms,
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

// A crash may leave the hard state of a batch in the log without the rest of the batch.
TEST(RaftFollower, ABatchCallsNothingCommittedThatItReplacesItself) {
  LoneFollower follower;
  static_cast<void>(follower.receive(2, LoneFollower::append(kGenesisId, {2, 2})));
  const Effects effects = follower.receive(3, LoneFollower::append(kGenesisId, {3, 3}, 3), 3);
  ASSERT_TRUE(effects.persist && effects.persist->hard_state);
  EXPECT_EQ(effects.persist->truncate_from, Index(2));
  EXPECT_EQ(effects.persist->hard_state->commit_index, Index(1));
  EXPECT_EQ(follower.core().commit_index(), Index(3));
}

TEST(RaftFollower, ABatchCallsNothingCommittedThatItAppendsItself) {
  LoneFollower follower;
  const Effects effects = follower.receive(2, LoneFollower::append(kGenesisId, {2, 2}, 3));
  ASSERT_TRUE(effects.persist && effects.persist->hard_state);
  EXPECT_EQ(effects.persist->hard_state->commit_index, Index(1));
  EXPECT_EQ(follower.core().commit_index(), Index(3));
}

// 3.5, 3.8: an append is acknowledged when it is durable.
TEST(RaftFollower, AFollowerAcknowledgesOnlyWhatIsDurable) {
  LoneFollower follower;
  const Effects effects = follower.receive(2, LoneFollower::append(kGenesisId, {2, 2}));
  EXPECT_TRUE(effects.messages_now.empty());
  const AppendReply& reply = LoneFollower::reply_in(effects.persist->messages);
  EXPECT_TRUE(reply.success);
  EXPECT_EQ(reply.index, Index(3));
}

// A copy of a message whose entries are still in flight must not be acknowledged before they are.
TEST(RaftFollower, ADoubledAppendWaitsForTheWriteOfTheFirst) {
  LoneFollower follower;
  static_cast<void>(follower.receive(2, LoneFollower::append(kGenesisId, {2, 2})));
  const Effects again = follower.receive(2, LoneFollower::append(kGenesisId, {2, 2}));
  EXPECT_TRUE(again.messages_now.empty());
  ASSERT_TRUE(again.persist.has_value());
  EXPECT_TRUE(again.persist->entries.empty());
  EXPECT_EQ(again.persist->messages.size(), 1U);
}

// Figure 3.1: success means "matched up to prev + count of this message", never the log's tail.
TEST(RaftFollower, AFollowerNeverAcknowledgesItsOwnLongerTail) {
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
TEST(RaftFollower, AFollowerCommitsNoFurtherThanTheMessageVouchesFor) {
  LoneFollower follower;
  static_cast<void>(follower.receive(2, LoneFollower::append(kGenesisId, {2, 2, 2})));
  static_cast<void>(follower.receive(3, LoneFollower::append(kGenesisId, {2}, 9), 3));
  EXPECT_EQ(follower.core().commit_index(), Index(2));
}

// 3.6: what is committed stays. A leader that contradicts it cannot be; going on would lose data.
TEST(RaftFollowerDeathTest, ACutBelowTheCommitIndexEndsTheProcess) {
  LoneFollower follower;
  static_cast<void>(follower.receive(2, LoneFollower::append(kGenesisId, {2, 2}, 3)));
  ASSERT_EQ(follower.core().commit_index(), Index(3));
  EXPECT_DEATH(static_cast<void>(follower.receive(3, LoneFollower::append(kGenesisId, {3}), 3)),
               "a committed entry is never truncated");
}

// 3.5: only a conflict cuts the log; an overtaken message must not cut what a later one appended.
TEST(RaftFollower, AnOvertakenMessageCutsNothing) {
  LoneFollower follower;
  static_cast<void>(follower.receive(2, LoneFollower::append(kGenesisId, {2, 2, 2})));
  static_cast<void>(follower.receive(2, LoneFollower::append(kGenesisId, {2})));
  EXPECT_EQ(follower.core().last_index(), Index(4));
}

TEST(RaftFollower, AConflictCutsTheLogFromThereOn) {
  LoneFollower follower;
  static_cast<void>(follower.receive(2, LoneFollower::append(kGenesisId, {2, 2, 2})));
  const Effects effects = follower.receive(3, LoneFollower::append(kGenesisId, {2, 3}), 3);
  EXPECT_EQ(effects.persist->truncate_from, Index(3));
  EXPECT_EQ(follower.core().last_index(), Index(3));
  EXPECT_EQ(follower.core().entry(Index(3))->term, Term(3));
}

// Durable index goes back with a truncation: the late completion of the first write must not vouch
// for entries that were cut and appended anew.
TEST(RaftFollower, ALateCompletionDoesNotVouchForEntriesThatWereCut) {
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

TEST(RaftFollower, AHeartbeatIsAnsweredAtOnceForWhatIsDurable) {
  LoneFollower follower;
  static_cast<void>(follower.receive(2, LoneFollower::append(kGenesisId, {2, 2})));
  const Effects beat = follower.receive(2, LoneFollower::append({Term(2), Index(3)}, {}));
  const AppendReply& reply = LoneFollower::reply_in(beat.messages_now);
  EXPECT_TRUE(reply.success);
  EXPECT_EQ(reply.index, Index(1));
}

// 3.5: the consistency check, and where the leader should go back to.
TEST(RaftFollower, ARefusalNamesTheLargestEntryThatMayAgree) {
  LoneFollower follower;
  static_cast<void>(follower.receive(5, LoneFollower::append(kGenesisId, {2, 2, 5, 5})));
  const Effects effects = follower.receive(6, LoneFollower::append({Term(4), Index(9)}, {}), 3);
  const AppendReply& reply = LoneFollower::reply_in(effects.persist->messages);
  EXPECT_FALSE(reply.success);
  EXPECT_EQ(reply.index, Index(9));
  EXPECT_EQ(reply.hint, (EntryId{Term(2), Index(3)}));
}

// 3.3: a leader of the past is refused with the newer term.
TEST(RaftFollower, ALeaderOfThePastIsRefused) {
  LoneFollower follower;
  static_cast<void>(follower.receive(5, LoneFollower::append(kGenesisId, {})));
  static_cast<void>(follower.core().step(Instant{}, Persisted{1}));
  const Effects effects = follower.receive(4, LoneFollower::append(kGenesisId, {4}), 3);
  EXPECT_FALSE(LoneFollower::reply_in(effects.messages_now).success);
  EXPECT_EQ(effects.messages_now.at(0).term, Term(5));
  EXPECT_EQ(follower.core().last_index(), Index(1));
}

// A reply that reveals a term waits until the term is durable (3.8).
TEST(RaftFollower, AReplyInANewTermWaitsUntilTheTermIsDurable) {
  LoneFollower follower;
  const Effects effects = follower.receive(5, LoneFollower::append(kGenesisId, {}));
  EXPECT_TRUE(effects.messages_now.empty());
  EXPECT_EQ(effects.persist->messages.size(), 1U);
  EXPECT_EQ(effects.persist->hard_state->current_term, Term(5));
}

TEST(RaftFollower, MalformedAppendsAreIgnored) {
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

}  // namespace
}  // namespace kvcluster::raft::testing
