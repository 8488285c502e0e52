// RequestVote and its reply (dissertation, 3.4, 3.6.1, 4.2.3, 9.6).
#include <algorithm>
#include <tuple>

#include "base/mutant.hpp"
#include "raft/core_impl.hpp"

namespace kvcluster::raft {

void Core::Impl::receive_vote_request(const Message& message, const RequestVote& request) {
  if (request.pre_vote) {
    pre_vote(message.from, message.term, request);
    return;
  }
  // A server that still hears its leader takes no part in the election of another, not even by
  // taking the newer term over; unless the leader itself asked for it (4.2.3, 3.10).
  if (message.term > term && config.check_quorum && !request.transfer && hears_leader()) {
    trace(Trace::Kind::kVoteRefused, message.from, 0, "the leader is heard");
    return;
  }
  if (message.term >= term && !request.transfer && promised()) {
    trace(Trace::Kind::kVoteRefused, message.from, 0, "the leader may hold a lease");
    return;
  }
  if (message.term > term) become_follower(message.term, kNoNode, "a candidate has a newer term");
  if (message.term < term) {
    trace(Trace::Kind::kVoteRefused, message.from, 0, "its term is old");
    answer(message.from, VoteReply{.for_term = message.term});
    return;
  }
  vote(message.from, request);
}

const char* Core::Impl::objection(EntryId last_log) const {
  if (!is_voter(config.self)) return "not a voter";
  if (last_log < log.last() && !mutated(Mutant::kVoteForStaleLog)) return "its log is behind";
  // Entries that this node acknowledged are lost here: only a log that has them may win.
  const bool bound = repair_floor && !mutated(Mutant::kRepairFloorIgnored);
  if (bound && last_log < *repair_floor) return "its log is behind what was acknowledged";
  return nullptr;
}

void Core::Impl::pre_vote(NodeId from, Term for_term, const RequestVote& request) {
  const char* why_not = objection(request.last_log);
  if (for_term <= term) why_not = "its term is old";
  if (promised()) why_not = "the leader may hold a lease";
  if (hears_leader()) why_not = "the leader is heard";
  const bool granted = why_not == nullptr;
  if (granted) {
    trace(Trace::Kind::kVoteGranted, from, 0, "pre-vote");
  } else {
    trace(Trace::Kind::kVoteRefused, from, 0, why_not);
  }
  answer(from, VoteReply{.pre_vote = true, .granted = granted, .for_term = for_term});
  // Of two that stand at once, one gives way, so that they do not split the vote.
  const auto rank = [this](NodeId id, EntryId last) {
    return std::tuple(last, priority_of(id), id);
  };
  if (granted && role == Role::kPreCandidate &&
      rank(from, request.last_log) > rank(config.self, log.last())) {
    become_follower(term, kNoNode, "gave way to another pre-candidate");
  }
}

void Core::Impl::vote(NodeId from, const RequestVote& request) {
  const char* why_not = objection(request.last_log);
  if (role != Role::kFollower || leader != kNoNode) why_not = "the term has a leader or candidate";
  if (voted_for != kNoNode && voted_for != from) why_not = "voted for another in this term";
  const bool granted = why_not == nullptr;
  if (granted) {
    trace(Trace::Kind::kVoteGranted, from, 0, "vote");
    if (voted_for == kNoNode) set_hard_state(term, from);
    restart_election_timer();
  } else {
    trace(Trace::Kind::kVoteRefused, from, 0, why_not);
  }
  if (mutated(Mutant::kVoteNotDurable)) {
    send_now(from, VoteReply{.granted = granted, .for_term = term});
    return;
  }
  answer(from, VoteReply{.granted = granted, .for_term = term});
}

void Core::Impl::receive(NodeId from, const VoteReply& reply) {
  if (reply.pre_vote) {
    if (role != Role::kPreCandidate || reply.for_term != term.next()) return;
  } else {
    if (role != Role::kCandidate || reply.for_term != term) return;
  }
  if (is_voter(from)) count_vote(from, reply.granted);
}

}  // namespace kvcluster::raft
