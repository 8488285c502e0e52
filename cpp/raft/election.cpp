// Elections: timeouts, pre-vote, candidacy (dissertation, 3.4 and 9.6).
#include <algorithm>

#include "base/check.hpp"
#include "base/mutant.hpp"
#include "raft/core_impl.hpp"

namespace kvcluster::raft {
namespace {

constexpr Duration kQuickRetryMin = std::chrono::milliseconds(10);
constexpr Duration kQuickRetryMax = std::chrono::milliseconds(20);

std::uint64_t ticks(Duration duration) { return static_cast<std::uint64_t>(duration.count()); }

}  // namespace

void Core::Impl::restart_election_timer() {
  election_timeout = Duration(
      random.between(ticks(config.election_timeout_min), ticks(config.election_timeout_max)));
  election_deadline = now + election_timeout;
  leader_lost = false;
}

void Core::Impl::heard_from_leader(NodeId from) {
  KV_CHECK(role != Role::kLeader, "a term has at most one leader");
  KV_CHECK(leader == kNoNode || leader == from, "a term has at most one leader");
  if (role != Role::kFollower || leader != from) {
    become_follower(term, from, "heard from the leader");
    if (uncommitted_since) uncommitted_since = now;  // it has its time
  }
  if (leader_is_stuck()) return;
  last_heard = now;
  election_deadline = now + election_timeout;
  leader_lost = false;
  quick_retries = 0;
}

bool Core::Impl::hears_leader() const {
  if (role == Role::kLeader) return true;  // check-quorum keeps it honest
  return leader != kNoNode && now - last_heard < config.election_timeout_min;
}

bool Core::Impl::disk_stalled() const {
  const auto since = tracker.oldest_since();
  return since && now - *since >= config.disk_stall_timeout;
}

void Core::Impl::watch_commit(Index commit_before) {
  if (commit_index >= log.last_index()) {
    uncommitted_since.reset();
  } else if (!uncommitted_since || commit_index != commit_before) {
    uncommitted_since = now;
  }
}

// A leader may be answered by a quorum and yet commit nothing: the disk of one follower hangs, and
// others are out of its reach that this voter can reach. Such a leader counts as not heard. Whether
// a quorum does without it the pre-vote shows: a voter that it commits for refuses.
bool Core::Impl::leader_is_stuck() const {
  return uncommitted_since && now - *uncommitted_since >= config.disk_stall_timeout;
}

bool Core::Impl::may_campaign() const {
  return is_voter(config.self) && !repair_floor && !disk_stalled();
}

void Core::Impl::become_follower(Term new_term, NodeId new_leader, const char* why) {
  const Role was = role;
  const bool behind = new_term > term;
  if (new_term > term) set_hard_state(new_term, kNoNode);
  role = Role::kFollower;
  leader = new_leader;
  votes.clear();
  self_vote_sequence = 0;
  if (was == Role::kLeader) {
    fail_reads();
    end_lease();
    transfer_to = kNoNode;
    progress.clear();
    trace(Trace::Kind::kSteppedDown, new_leader, 0, why);
  } else if (was != Role::kFollower || new_leader != kNoNode) {
    trace(Trace::Kind::kBecameFollower, new_leader, 0, why);
  }
  // A follower that only learns of a newer term keeps its timer: it was granted to a leader or a
  // candidate, and this is neither.
  if (was != Role::kFollower) restart_election_timer();
  if (was == Role::kPreCandidate && behind && new_leader == kNoNode) {
    // It asked in too low a term; it may ask again in this one.
    quick_retry_due = false;
    refused_once();
  }
}

void Core::Impl::election_timed_out() {
  KV_CHECK(!promised(), "a promise binds its giver too");
  if (!leader_lost && role == Role::kFollower) {
    const auto silence = std::chrono::duration_cast<std::chrono::milliseconds>(now - last_heard);
    trace(Trace::Kind::kElectionTimeout, leader, static_cast<std::uint64_t>(silence.count()));
  }
  leader = kNoNode;  // own timeout: no longer heard
  quick_retry_due = false;
  restart_election_timer();
  if (!may_campaign()) {
    role = Role::kFollower;
    votes.clear();
    return;
  }
  if (config.pre_vote && !mutated(Mutant::kNoPreVote)) {
    become_pre_candidate();
  } else {
    become_candidate(false);
  }
}

void Core::Impl::become_pre_candidate() {
  role = Role::kPreCandidate;
  self_vote_sequence = 0;
  votes.assign(1, {config.self, true});
  trace(Trace::Kind::kPreCandidate);
  if (won()) {
    become_candidate(false);
    return;
  }
  for_each_other_voter([this](NodeId voter) {
    out.messages_now.push_back(
        {config.self, voter, term.next(), RequestVote{.last_log = log.last(), .pre_vote = true}});
  });
}

void Core::Impl::become_candidate(bool transfer) {
  set_hard_state(term.next(), mutated(Mutant::kSelfVoteUnrecorded) ? kNoNode : config.self);
  role = Role::kCandidate;
  leader = kNoNode;
  votes.clear();
  quick_retry_due = false;
  restart_election_timer();
  // The own vote counts when it is durable, not before; the requests leave then too (3.8).
  self_vote_sequence = hard_state_sequence;
  trace(Trace::Kind::kCandidate);
  for_each_other_voter([this, transfer](NodeId voter) {
    send_after_persist(voter, RequestVote{.last_log = log.last(), .transfer = transfer});
  });
}

void Core::Impl::count_vote(NodeId from, bool granted) {
  if (std::ranges::find(votes, from, &Vote::from) != votes.end()) return;
  votes.push_back({from, granted});
  if (!granted) {
    refused_once();
    return;
  }
  const auto so_far = static_cast<std::uint64_t>(std::ranges::count(votes, true, &Vote::granted));
  trace(Trace::Kind::kVoteReceived, from, so_far,
        role == Role::kPreCandidate ? "pre-vote" : "vote");
  // Others may have answered before the own vote is known to be durable.
  if (!won() || self_vote_sequence != 0) return;
  if (role == Role::kPreCandidate) {
    become_candidate(false);
  } else {
    become_leader();
  }
}

bool Core::Impl::won() const {
  const auto granted = static_cast<std::size_t>(std::ranges::count(votes, true, &Vote::granted));
  return granted >= configuration().quorum();
}

void Core::Impl::refused_once() {
  // The voter may not have noticed yet that the leader's connection closed, or two candidates stand
  // against each other: ask again soon, a few times, before waiting for a whole timeout.
  if (quick_retries == 0 || quick_retry_due) return;
  --quick_retries;
  quick_retry_due = true;
  const Instant soon = now + Duration(random.between(ticks(kQuickRetryMin), ticks(kQuickRetryMax)));
  election_deadline = std::min(election_deadline, soon);
}

}  // namespace kvcluster::raft
