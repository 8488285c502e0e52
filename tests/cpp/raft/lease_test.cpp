// Reads under a lease (dissertation, 6.4.1), and what makes the lease sound: the voters' promises.
#include <gtest/gtest.h>

#include <algorithm>
#include <iterator>

#include "raft/cluster.hpp"

namespace kvcluster::raft::testing {
namespace {

constexpr Duration kLease = 135ms;  // the shortest election timeout, less a tenth for the clocks

Cluster::Options with_leases() {
  return {.tune = [](Config& config) { config.lease_reads = true; }};
}

bool has_lease(Cluster& cluster, unsigned node) {
  return cluster.core(node).status().lease_until > cluster.now();
}

// Served without a message?
bool reads_at_once(Cluster& cluster, unsigned node) {
  const std::size_t messages = cluster.network().size();
  const std::uint64_t id = cluster.read(node);
  return cluster.reads.contains(id) && cluster.reads.at(id) && cluster.network().size() == messages;
}

// Would `voter` elect `candidate`, whose log is as new as its own, in `term`?
bool grants(Cluster& cluster, unsigned voter, unsigned candidate, Term term, RequestVote request) {
  request.last_log = cluster.core(voter).status().last_log;
  const Effects effects =
      cluster.step(voter, Receive{{node_id(candidate), node_id(voter), term, request}});
  std::vector<Message> sent = effects.messages_now;
  if (effects.persist) std::ranges::copy(effects.persist->messages, std::back_inserter(sent));
  return std::ranges::any_of(sent, [](const Message& message) {
    const auto* reply = std::get_if<VoteReply>(&message.body);
    return reply != nullptr && reply->granted;
  });
}

bool grants_vote(Cluster& cluster, unsigned voter, unsigned candidate) {
  return grants(cluster, voter, candidate, cluster.core(voter).term().next(), {});
}

bool grants_pre_vote(Cluster& cluster, unsigned voter, unsigned candidate) {
  return grants(cluster, voter, candidate, cluster.core(voter).term().next(),
                {.last_log = {}, .pre_vote = true});
}

TEST(RaftLease, AReadUnderALeaseNeedsNoMessage) {
  Cluster cluster(with_leases());
  cluster.elect(1);
  cluster.write(1, "a");
  EXPECT_TRUE(reads_at_once(cluster, 1));
}

TEST(RaftLease, WithoutTheOptionThereIsNoLease) {
  Cluster cluster({});
  cluster.elect(1);
  EXPECT_FALSE(has_lease(cluster, 1));
  EXPECT_FALSE(reads_at_once(cluster, 1));
}

TEST(RaftLease, HeartbeatsRenewTheLease) {
  Cluster cluster(with_leases());
  cluster.elect(1);
  for (int i = 0; i < 100; ++i) {
    cluster.advance(17ms);
    ASSERT_TRUE(reads_at_once(cluster, 1)) << i;
  }
}

TEST(RaftLease, ALeaseEndsBeforeThePromisesDo) {
  Cluster cluster(with_leases());
  cluster.elect(1);
  cluster.isolate(1);
  cluster.drift(kLease - 1us);
  EXPECT_TRUE(has_lease(cluster, 1));
  const std::uint64_t last = cluster.read(1);
  EXPECT_TRUE(cluster.reads.at(last));
  cluster.drift(1us);
  EXPECT_FALSE(has_lease(cluster, 1));
  EXPECT_FALSE(reads_at_once(cluster, 1));
}

// Clocks may differ in rate by so much.
TEST(RaftLease, TheBoundOnTheClocksShortensTheLease) {
  Cluster cluster({.tune = [](Config& config) {
    config.lease_reads = true;
    config.lease_drift_percent = 50;
  }});
  cluster.elect(1);
  EXPECT_EQ(cluster.core(1).status().lease_until, cluster.now() + 75ms);
}

// The voter heard the leader at some time after the message left: only the sending is certain.
TEST(RaftLease, ALeaseCountsFromTheSendingOfTheMessage) {
  Cluster cluster(with_leases());
  cluster.elect(1);
  cluster.drift(50ms);  // a heartbeat leaves
  const Instant sent = cluster.now();
  cluster.drift(50ms);
  ASSERT_TRUE(cluster.deliver_one(1, 2));
  ASSERT_TRUE(cluster.deliver_one(2, 1));
  EXPECT_EQ(cluster.core(1).status().lease_until, sent + kLease);
}

TEST(RaftLease, OneVoterOfThreeIsEnoughAndNoneIsNot) {
  Cluster cluster(with_leases());
  cluster.elect(1);
  cluster.crash(3);
  cluster.advance(200ms);
  EXPECT_TRUE(reads_at_once(cluster, 1));
  cluster.crash(2);
  cluster.advance(kLease);
  EXPECT_FALSE(reads_at_once(cluster, 1));
}

TEST(RaftLease, LearnersPromiseNothing) {
  Cluster::Options options = with_leases();
  options.learners = 2;
  Cluster cluster(options);
  cluster.elect(1);
  cluster.crash(2);
  cluster.crash(3);
  cluster.advance(kLease);
  EXPECT_FALSE(has_lease(cluster, 1));
}

// A voter that was started without the option does not keep what the others count on.
TEST(RaftLease, VotersWithoutTheOptionGiveNoLease) {
  Cluster cluster({.tune = [](Config& config) { config.lease_reads = config.self == node_id(1); }});
  cluster.elect(1);
  cluster.advance(200ms);
  EXPECT_FALSE(has_lease(cluster, 1));
  const std::uint64_t id = cluster.read(1);
  cluster.settle();
  EXPECT_TRUE(cluster.reads.at(id)) << "a round serves it";
}

TEST(RaftLease, AVoterPromisesNoMoreThanItsOwnElectionTimeout) {
  Cluster cluster({.tune = [](Config& config) {
    config.lease_reads = true;
    if (config.self != node_id(1)) config.election_timeout_min = 60ms;
  }});
  cluster.elect(1);
  EXPECT_EQ(cluster.core(1).status().lease_until, cluster.now() + 54ms);
}

// 6.4: what earlier leaders committed is known only with an entry of the own term.
TEST(RaftLease, NoReadBeforeTheLeadersFirstEntryIsCommitted) {
  Cluster cluster(with_leases());
  cluster.elect(1);
  cluster.write(1, "a");
  cluster.crash(1);
  cluster.hold_writes(3);
  cluster.time_out(2);
  while (cluster.core(2).role() != Role::kLeader) {
    cluster.persist_one(2);
    cluster.persist_one(3);
    cluster.deliver_one(2, 3);
    cluster.deliver_one(3, 2);
  }
  cluster.advance(50ms);  // a heartbeat is answered while the disk works
  EXPECT_TRUE(has_lease(cluster, 2));
  EXPECT_FALSE(reads_at_once(cluster, 2));
  cluster.release_writes(3);
  cluster.settle();
  EXPECT_TRUE(reads_at_once(cluster, 2));
}

TEST(RaftLease, AReadUnderALeaseWaitsForWhatWasCommittedBeforeIt) {
  Cluster cluster(with_leases());
  cluster.elect(1);
  cluster.hold_writes(1);
  cluster.write(1, "a");  // committed by the followers, not on the leader's disk
  const std::uint64_t id = cluster.read(1);
  EXPECT_FALSE(cluster.reads.contains(id));
  cluster.isolate(1);
  cluster.release_writes(1);
  EXPECT_TRUE(cluster.reads.at(id)) << "the lease held when it was asked for";
}

TEST(RaftLease, ALeaderThatStepsDownHasNoLease) {
  Cluster cluster(with_leases());
  cluster.elect(1);
  ASSERT_TRUE(has_lease(cluster, 1));
  const Term newer = cluster.core(1).term().next();
  static_cast<void>(cluster.step(1, Receive{{node_id(2), node_id(1), newer, VoteReply{}}}));
  EXPECT_FALSE(has_lease(cluster, 1));
}

// A promise belongs to the term in which it was given.
TEST(RaftLease, ALeaseIsNotCarriedIntoAnotherTerm) {
  Cluster cluster(with_leases());
  cluster.elect(1);
  cluster.elect(2);
  cluster.time_out(1);
  while (cluster.core(1).role() != Role::kLeader) {
    for (unsigned n = 1; n <= 3; ++n) cluster.persist_one(n);
    cluster.deliver_one(1, 3);
    cluster.deliver_one(3, 1);
  }
  EXPECT_FALSE(has_lease(cluster, 1));
}

// 3.10 and 6.4.1: whoever is asked to campaign may win at any time after.
TEST(RaftLease, ATransferEndsTheLeaseBeforeTheTargetIsAsked) {
  Cluster cluster(with_leases());
  cluster.elect(1);
  static_cast<void>(cluster.step(1, TransferLeadership{node_id(2)}));
  ASSERT_EQ(cluster.queued(1, 2), 1U);
  EXPECT_FALSE(has_lease(cluster, 1));
  EXPECT_FALSE(reads_at_once(cluster, 1));
}

// The request to campaign may still be on its way when the leader has given up waiting.
TEST(RaftLease, AnAbortedTransferBringsNoLeaseBack) {
  Cluster cluster(with_leases());
  cluster.elect(1);
  static_cast<void>(cluster.step(1, TransferLeadership{node_id(2)}));
  cluster.drop(1, 2);
  cluster.advance(400ms);
  ASSERT_EQ(cluster.leader(), 1U);
  ASSERT_EQ(cluster.core(1).status().transfer_to, kNoNode);
  EXPECT_FALSE(has_lease(cluster, 1));
  const std::uint64_t id = cluster.read(1);
  EXPECT_FALSE(cluster.reads.contains(id));
  cluster.settle();
  EXPECT_TRUE(cluster.reads.at(id)) << "a round serves it";
}

TEST(RaftLease, ATransferDoesNotWaitForThePromises) {
  Cluster cluster(with_leases());
  cluster.elect(1);
  static_cast<void>(cluster.step(1, TransferLeadership{node_id(2)}));
  cluster.settle();
  EXPECT_EQ(cluster.leader(), 2U);
  EXPECT_TRUE(reads_at_once(cluster, 2)) << "the new leader has a lease of its own";
}

// A voter that starts has forgotten what it promised before it ended.
TEST(RaftLease, AVoterThatStartsElectsNobodyForAnElectionTimeout) {
  Cluster cluster(with_leases());
  cluster.elect(1);
  cluster.isolate(1);
  cluster.restart(2);
  cluster.drift(150ms - 1us);
  EXPECT_EQ(cluster.core(2).role(), Role::kFollower) << "nor itself";
  EXPECT_FALSE(grants_pre_vote(cluster, 2, 3));
  EXPECT_FALSE(grants_vote(cluster, 2, 3));
  cluster.drift(1us);
  EXPECT_TRUE(grants_pre_vote(cluster, 2, 3));
  EXPECT_TRUE(grants_vote(cluster, 2, 3));
}

// A connection may close while the leader lives, and it still counts on the promise.
TEST(RaftLease, AClosedConnectionDoesNotEndAPromise) {
  Cluster cluster(with_leases());
  cluster.elect(1);
  const Instant heard = cluster.now();
  cluster.lose(2, 1);
  EXPECT_EQ(cluster.core(2).leader(), kNoNode);
  EXPECT_GE(cluster.core(2).next_deadline(), heard + 150ms) << "it binds the voter itself too";
  EXPECT_FALSE(grants_pre_vote(cluster, 2, 3));
  EXPECT_FALSE(grants_vote(cluster, 2, 3));
  cluster.drift(150ms);
  EXPECT_TRUE(grants_pre_vote(cluster, 2, 3));
}

TEST(RaftLease, AClosedConnectionIsFollowedByAnElectionAsSoonAsThePromisesAreOver) {
  Cluster cluster(with_leases());
  cluster.elect(1);
  const Instant heard = cluster.now();
  cluster.crash(1);
  cluster.lose(2, 1);
  cluster.lose(3, 1);
  EXPECT_LE(std::min(cluster.core(2).next_deadline(), cluster.core(3).next_deadline()),
            heard + 160ms);
  EXPECT_NE(cluster.wait_for_leader(1s), 0U);
}

// The promise is about elections, not about a term: a newer term, heard of in passing, ends
// nothing.
TEST(RaftLease, ANewerTermDoesNotEndAPromise) {
  Cluster cluster(with_leases());
  cluster.elect(1);
  const Term newer = cluster.core(2).term().next();
  static_cast<void>(cluster.step(2, Receive{{node_id(3), node_id(2), newer, VoteReply{}}}));
  ASSERT_EQ(cluster.core(2).term(), newer);
  EXPECT_FALSE(grants(cluster, 2, 3, newer, {}));
  cluster.drift(150ms);
  EXPECT_TRUE(grants(cluster, 2, 3, cluster.core(2).term().next(), {}));
}

// What the rules are for: a leader that is cut off stops to serve before another one is there.
TEST(RaftLease, ACutOffLeaderIsSilentBeforeAnotherOneWrites) {
  Cluster cluster(with_leases());
  cluster.elect(1);
  cluster.isolate(1);
  cluster.lose(2, 1);
  cluster.lose(3, 1);
  cluster.restart(3);
  while (cluster.leader() == 1) {
    cluster.advance(1ms);
    static_cast<void>(cluster.read(1));  // the fixture checks what it may see
  }
  EXPECT_FALSE(has_lease(cluster, 1));
  const unsigned next = cluster.wait_for_leader();
  cluster.write(next, "a");
  EXPECT_FALSE(reads_at_once(cluster, 1));
}

TEST(RaftLease, AMemberAloneReadsAtOnce) {
  Cluster::Options options = with_leases();
  options.voters = 1;
  Cluster cluster(options);
  cluster.elect(1);
  EXPECT_TRUE(reads_at_once(cluster, 1));
}

}  // namespace
}  // namespace kvcluster::raft::testing
