// The invariants of leaders, fed with real cores that lead.
#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include "kv/map_table.hpp"
#include "sim/invariants.hpp"

namespace kvcluster::sim {
namespace {

raft::Entry entry(std::uint64_t term, std::uint64_t index) {
  return {Term(term), Index(index), raft::EntryKind::kNoop, Slice()};
}

raft::Restored restored(std::vector<raft::Entry> entries, std::uint64_t term,
                        std::uint64_t commit) {
  raft::Restored made;
  made.hard_state = {Term(term), kNoNode, Index(commit)};
  made.entries = std::move(entries);
  made.configuration.members = {{NodeId(1), raft::MemberRole::kVoter, {1}, "node1"}};
  return made;
}

raft::Config config() {
  raft::Config made;
  made.self = NodeId(1);
  return made;
}

// Alone in its configuration, it wins the term after `term`.
raft::Core leader(std::vector<raft::Entry> entries, std::uint64_t term) {
  raft::Core core(config(), restored(std::move(entries), term, 0), 1, Instant{});
  const Instant later(std::chrono::seconds(5));
  const raft::Effects effects = core.step(later, raft::Tick{});
  static_cast<void>(core.step(later, raft::Persisted{effects.persist->sequence}));
  EXPECT_EQ(core.role(), raft::Role::kLeader);
  return core;
}

TEST(LeaderInvariants, TwoLeadersOfOneTermBreakElectionSafety) {
  Invariants invariants(2);
  const raft::Core core = leader({}, 3);
  invariants.became_leader(1, Term(4), core);
  EXPECT_FALSE(invariants.violation().has_value());
  invariants.became_leader(2, Term(4), core);
  ASSERT_TRUE(invariants.violation().has_value());
  EXPECT_EQ(invariants.violation()->check, Check::kElectionSafety);
}

raft::Message vote(std::uint64_t from, std::uint64_t to, bool pre_vote = false) {
  return {NodeId(from), NodeId(to), Term(4),
          raft::VoteReply{.pre_vote = pre_vote, .granted = true, .for_term = Term(4)}};
}

TEST(LeaderInvariants, TwoVotesInOneTermBreakElectionSafety) {
  Invariants invariants(3);
  invariants.sends(1, vote(1, 2));
  invariants.sends(1, vote(1, 2));        // told again
  invariants.sends(1, vote(1, 3, true));  // binds nobody
  EXPECT_FALSE(invariants.violation().has_value());
  invariants.sends(1, vote(1, 3));
  ASSERT_TRUE(invariants.violation().has_value());
  EXPECT_EQ(invariants.violation()->check, Check::kElectionSafety);
}

TEST(LeaderInvariants, ACandidateThatVotesForAnotherBreaksElectionSafety) {
  Invariants invariants(3);
  invariants.sends(1, {NodeId(1), NodeId(2), Term(4), raft::RequestVote{}});
  EXPECT_FALSE(invariants.violation().has_value());
  invariants.sends(1, vote(1, 3));
  ASSERT_TRUE(invariants.violation().has_value());
  EXPECT_EQ(invariants.violation()->check, Check::kElectionSafety);
}

TEST(LeaderInvariants, ALeaderWithoutACommittedEntryBreaksLeaderCompleteness) {
  Invariants invariants(2);
  const raft::Core follower(config(), restored({entry(1, 1), entry(1, 2)}, 1, 2), 1, Instant{});
  kv::MapTable table;
  const kv::StateMachine state(table);
  invariants.observe(1, follower, state);
  ASSERT_EQ(invariants.committed(), Index(2));
  invariants.became_leader(2, Term(2), leader({entry(1, 1)}, 1));
  ASSERT_TRUE(invariants.violation().has_value());
  EXPECT_EQ(invariants.violation()->check, Check::kLeaderCompleteness);
}

TEST(LeaderInvariants, ALeaderWithAllCommittedEntriesIsWelcome) {
  Invariants invariants(2);
  const raft::Core follower(config(), restored({entry(1, 1), entry(1, 2)}, 1, 2), 1, Instant{});
  kv::MapTable table;
  const kv::StateMachine state(table);
  invariants.observe(1, follower, state);
  invariants.became_leader(2, Term(2), leader({entry(1, 1), entry(1, 2)}, 1));
  EXPECT_FALSE(invariants.violation().has_value());
}

}  // namespace
}  // namespace kvcluster::sim
