// Elections (dissertation, 3.4, 3.6.1, 3.8, 4.2.3, 9.6).
#include <gtest/gtest.h>

#include <algorithm>

#include "raft/cluster.hpp"

namespace kvcluster::raft::testing {
namespace {

bool traced(Cluster& cluster, unsigned node, Trace::Kind kind) {
  return std::ranges::find(cluster.at(node).trace, kind, &Trace::kind) !=
         cluster.at(node).trace.end();
}

TEST(RaftElection, ElectsOneLeaderWithinASecond) {
  Cluster cluster({});
  const unsigned leader = cluster.wait_for_leader(1s);
  ASSERT_NE(leader, 0U);
  for (unsigned n = 1; n <= 3; ++n) EXPECT_EQ(cluster.core(n).leader(), node_id(leader));
}

TEST(RaftElection, ASingleVoterElectsItself) {
  Cluster cluster({.voters = 1});
  cluster.elect(1);
  EXPECT_EQ(cluster.core(1).role(), Role::kLeader);
  EXPECT_TRUE(cluster.core(1).ready());
  EXPECT_TRUE(cluster.is_live());
}

// 3.6.1: the election restriction.
TEST(RaftElection, RefusesAVoteWhenTheCandidatesLogIsBehind) {
  Cluster cluster({});
  cluster.elect(1);
  cluster.isolate(3);
  cluster.write(1, "a");
  cluster.heal_all();
  cluster.crash(1);
  cluster.elect(3);
  EXPECT_NE(cluster.core(3).role(), Role::kLeader);
  cluster.elect(2);
  EXPECT_EQ(cluster.core(2).role(), Role::kLeader);
}

// 3.8: term and vote are durable before the reply leaves.
TEST(RaftElection, AVoteLeavesOnlyWhenItIsDurable) {
  Cluster cluster({});
  cluster.hold_writes(2);
  cluster.crash(3);
  cluster.elect(1);
  EXPECT_EQ(cluster.core(1).role(), Role::kCandidate);
  EXPECT_EQ(cluster.core(2).term(), Term(2));
  cluster.release_writes(2);
  cluster.settle();
  EXPECT_EQ(cluster.core(1).role(), Role::kLeader);
}

// 3.8: a vote that was given is remembered over a crash.
TEST(RaftElection, VotesOncePerTermAcrossARestart) {
  Cluster cluster({.tune = [](Config& config) { config.pre_vote = false; }});
  cluster.time_out(1);
  while (cluster.persist_one(1)) {
  }
  ASSERT_TRUE(cluster.deliver_one(1, 2));
  ASSERT_TRUE(cluster.persist_one(2));  // node 2's vote for node 1 in term 2
  cluster.drop(2, 1);
  cluster.restart(2);
  cluster.time_out(3);  // stands in term 2 as well
  while (cluster.persist_one(3)) {
  }
  ASSERT_TRUE(cluster.deliver_one(3, 2));
  EXPECT_EQ(cluster.core(2).status().voted_for, node_id(1));
  cluster.settle();
  EXPECT_NE(cluster.core(3).role(), Role::kLeader);
}

// 3.8: a vote that was not durable never left, so another may be given after the crash.
TEST(RaftElection, AVoteLostInACrashWasNeverSent) {
  Cluster cluster({});
  cluster.hold_writes(2);
  cluster.crash(3);
  cluster.elect(1);
  EXPECT_EQ(cluster.queued(2, 1), 0U);
  cluster.crash(2);
  EXPECT_EQ(cluster.at(2).disk.hard_state.voted_for, kNoNode);
  EXPECT_EQ(cluster.core(1).role(), Role::kCandidate);
}

// 3.8, 10.2.1: the own vote counts when it is durable.
TEST(RaftElection, ACandidateAsksForVotesOnlyWhenItsOwnIsDurable) {
  Cluster cluster({});
  cluster.hold_writes(1);
  cluster.elect(1);
  ASSERT_EQ(cluster.core(1).role(), Role::kCandidate);
  EXPECT_EQ(cluster.core(2).term(), Term(1));
  cluster.release_writes(1);
  cluster.settle();
  EXPECT_EQ(cluster.core(1).role(), Role::kLeader);
}

// 9.6: a node that was away does not disturb a working leader.
TEST(RaftElection, PreVoteKeepsANodeThatWasAwayFromDisturbing) {
  Cluster cluster({});
  cluster.elect(1);
  cluster.isolate(3);
  cluster.advance(5s);
  const Term before = cluster.core(1).term();
  EXPECT_EQ(cluster.core(3).term(), before) << "an isolated node took terms";
  cluster.heal_all();
  cluster.advance(2s);
  EXPECT_EQ(cluster.core(1).role(), Role::kLeader);
  EXPECT_EQ(cluster.core(1).term(), before);
  EXPECT_EQ(cluster.core(3).leader(), node_id(1));
}

// 9.6, 4.2.3: one broken link, and a node in between that hears both: terms stay flat.
TEST(RaftElection, OneBrokenLinkDoesNotMakeTermsClimb) {
  Cluster cluster({});
  cluster.elect(1);
  const Term before = cluster.core(1).term();
  cluster.cut(1, 3);
  cluster.lose(3, 1);
  cluster.lose(1, 3);
  for (int i = 0; i < 50; ++i) {
    cluster.advance(100ms);
    ASSERT_EQ(cluster.core(1).role(), Role::kLeader);
  }
  for (unsigned n = 1; n <= 3; ++n) EXPECT_EQ(cluster.core(n).term(), before);
  cluster.heal_all();
  EXPECT_TRUE(cluster.is_live());
}

// 9.6: a node back from isolation with a newer term, and a leader that vanishes: the others learn
// the term from its refusal and go on.
TEST(RaftElection, ANewerTermAtOneNodeDoesNotBlockPreVotes) {
  Cluster cluster({});
  cluster.elect(1);
  cluster.write(1, "a");
  cluster.crash(3);
  cluster.write(1, "b");
  cluster.at(3).disk.hard_state.current_term = Term(9);
  cluster.crash(1);
  cluster.restart(3);
  const unsigned leader = cluster.wait_for_leader();
  EXPECT_EQ(leader, 2U) << "only node 2 has all that was committed";
  EXPECT_GE(cluster.core(2).term(), Term(10));
}

// 4.2.3: whoever hears the leader refuses, whatever the candidate's term.
TEST(RaftElection, AVoterThatHearsTheLeaderIgnoresANewerTerm) {
  Cluster cluster({});
  cluster.elect(1);
  cluster.advance(100ms);
  const Term before = cluster.core(2).term();
  cluster.send({node_id(3), node_id(2), Term(99),
                RequestVote{.last_log = {Term(99), Index(99)}, .pre_vote = false}});
  cluster.settle();
  EXPECT_EQ(cluster.core(2).term(), before);
  EXPECT_EQ(cluster.core(2).leader(), node_id(1));
}

TEST(RaftElection, AClosedConnectionElectsANewLeaderWithinAFewMilliseconds) {
  for (std::uint64_t seed = 1; seed <= 50; ++seed) {
    Cluster cluster({.seed = seed});
    cluster.elect(1);
    cluster.advance(200ms);
    cluster.crash(1);
    cluster.lose(2, 1);
    cluster.lose(3, 1);
    const Instant before = cluster.now();
    while (cluster.leader() == 0 && cluster.now() - before < 1s) cluster.advance(1ms);
    EXPECT_LE(cluster.now() - before, 35ms) << "seed " << seed;
  }
}

TEST(RaftElection, AVoterThatNoticesTheClosedConnectionLateIsAskedAgain) {
  Cluster cluster({});
  cluster.elect(1);
  cluster.advance(100ms);
  cluster.crash(1);
  cluster.lose(2, 1);
  cluster.advance(10ms);  // node 3 still believes in node 1 and refuses
  EXPECT_TRUE(traced(cluster, 3, Trace::Kind::kVoteRefused));
  EXPECT_EQ(cluster.leader(), 0U);
  cluster.lose(3, 1);
  cluster.advance(35ms);
  EXPECT_NE(cluster.leader(), 0U);
}

TEST(RaftElection, SilenceAloneElectsANewLeaderAfterATimeout) {
  Cluster cluster({});
  cluster.elect(1);
  cluster.advance(200ms);
  cluster.crash(1);
  const unsigned leader = cluster.wait_for_leader(2s);
  EXPECT_NE(leader, 0U);
  EXPECT_NE(leader, 1U);
}

// 4.2.1: learners count for nothing.
TEST(RaftElection, LearnersNeitherCampaignNorVote) {
  Cluster cluster({.voters = 1, .learners = 2});
  cluster.crash(1);
  cluster.advance(5s);
  EXPECT_EQ(cluster.core(2).term(), Term(1));
  EXPECT_EQ(cluster.core(3).term(), Term(1));
  cluster.send({node_id(1), node_id(2), Term(2),
                RequestVote{.last_log = {Term(9), Index(9)}, .transfer = true}});
  cluster.settle();
  EXPECT_EQ(cluster.core(2).status().voted_for, kNoNode);
  cluster.restart(1);
  EXPECT_TRUE(cluster.is_live());
}

// Damage took acknowledged entries: the node votes only for a log that has them, and never stands.
TEST(RaftElection, ANodeUnderRepairVotesOnlyForLogsAsNewAsWhatItAcknowledged) {
  Config config;
  config.self = node_id(1);
  Restored restored;
  restored.hard_state = {Term(3), kNoNode, Index(1)};
  restored.entries = {{Term(1), Index(1), EntryKind::kGenesis, Slice()}};
  restored.repair_floor = EntryId{Term(3), Index(5)};
  for (unsigned n = 1; n <= 3; ++n) {
    Member member;
    member.id = node_id(n);
    restored.configuration.members.push_back(member);
  }
  Core core(config, std::move(restored), 1, Instant{});
  const Instant later = Instant{} + 10s;
  EXPECT_TRUE(core.step(later, Tick{}).messages_now.empty()) << "it must not campaign";
  const auto ask = [&](EntryId last, std::uint64_t term) {
    return core.step(later,
                     Receive{{node_id(2), node_id(1), Term(term), RequestVote{.last_log = last}}});
  };
  static_cast<void>(ask({Term(3), Index(4)}, 4));
  EXPECT_EQ(core.status().voted_for, kNoNode);
  static_cast<void>(ask({Term(3), Index(5)}, 5));
  EXPECT_EQ(core.status().voted_for, node_id(2));
}

TEST(RaftElection, MessagesFromItselfOrForOthersAreIgnored) {
  Cluster cluster({});
  cluster.elect(1);
  const Term before = cluster.core(2).term();
  for (const auto& [from, to] : {std::pair{2U, 2U}, std::pair{1U, 3U}, std::pair{0U, 2U}}) {
    static_cast<void>(
        cluster.step(2, Receive{{node_id(from), node_id(to), Term(50), AppendEntries{}}}));
  }
  static_cast<void>(
      cluster.step(2, Receive{{node_id(1), node_id(2), Term(UINT64_MAX), AppendEntries{}}}));
  EXPECT_EQ(cluster.core(2).term(), before);
}

TEST(RaftElection, TheSameSeedGivesTheSameElection) {
  const auto run = [](std::uint64_t seed) {
    Cluster cluster({.voters = 5, .seed = seed});
    cluster.wait_for_leader();
    return std::pair(cluster.leader(), cluster.now());
  };
  EXPECT_EQ(run(7), run(7));
}

}  // namespace
}  // namespace kvcluster::raft::testing
