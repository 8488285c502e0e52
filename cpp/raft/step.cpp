// One event in; its effects gathered, and handed out as one value.
#include <algorithm>
#include <utility>

#include "base/check.hpp"
#include "base/mutant.hpp"
#include "raft/core_impl.hpp"

namespace kvcluster::raft {
namespace {

// Terms beyond are garbage: honest terms grow by one an election.
constexpr Term kMaxTerm{std::uint64_t{1} << 62U};

}  // namespace

Effects Core::Impl::step(Instant at, Event event) {
  KV_CHECK(at >= now, "time never goes back");
  now = at;
  const Before then = before();
  std::visit([this](auto& alternative) { on(std::move(alternative)); }, event);
  if (role == Role::kLeader) {
    open_lease_round();
    open_read_round();
    replicate();
  }
  collect_committed();
  resolve_reads();
  collect_persist();
  watch_commit(then.commit_index);
  out.role_changed = role != then.role || term != then.term || leader != then.leader;
  check_invariants(then);
  return finish();
}

Effects Core::Impl::finish() {
  heartbeat_due = false;
  round_opened = false;
  out.next_deadline = next_deadline();
  return std::exchange(out, {});
}

void Core::Impl::on(Tick) {
  if (role == Role::kLeader) {
    tick_leader();
  } else if (now >= election_deadline) {
    election_timed_out();
  }
}

void Core::Impl::on(Receive event) {
  Message& message = event.message;
  if (message.to != config.self || message.from == config.self || message.from == kNoNode ||
      message.term > kMaxTerm) {
    return;
  }
  // A request for a vote has rules of its own for newer terms (4.2.3, 9.6).
  if (const auto* request = std::get_if<RequestVote>(&message.body)) {
    receive_vote_request(message, *request);
    return;
  }
  if (!admit_term(message)) return;
  std::visit(
      [this, &message](auto& body) {
        if constexpr (!std::is_same_v<std::remove_cvref_t<decltype(body)>, RequestVote>) {
          receive(message.from, body);
        }
      },
      message.body);
}

bool Core::Impl::admit_term(const Message& message) {
  if (message.term > term) {
    become_follower(message.term, kNoNode, "saw a newer term");
    return true;
  }
  if (message.term == term) return true;
  // A leader of the past learns from the refusal that it is one (3.3).
  if (const auto* append_request = std::get_if<AppendEntries>(&message.body)) {
    refuse_append(message.from, *append_request);
  } else if (const auto* snapshot = std::get_if<InstallSnapshot>(&message.body)) {
    answer(message.from, SnapshotReply{.last = snapshot->last});
  }
  return false;
}

void Core::Impl::on(Persisted event) {
  tracker.complete(event.sequence);
  clear_repair_floor();
  if (role == Role::kCandidate && self_vote_sequence != 0 &&
      tracker.completed() >= self_vote_sequence) {
    self_vote_sequence = 0;
    count_vote(config.self, true);
  } else if (role == Role::kLeader) {
    advance_commit();
  }
}

void Core::Impl::on(PeerConnected event) {
  const auto known = std::ranges::find(known_peers, event.peer, &KnownPeer::id);
  if (known != known_peers.end()) {
    known->priority = event.priority;
  } else if (known_peers.size() < kMaxMembers) {
    known_peers.push_back({event.peer, event.priority});
  }
  if (Progress* peer = find_progress(event.peer)) {
    if (event.log_lost) {
      // The one case in which match_index goes back: what it vouched for is gone with its disk.
      peer->match_index = Index(0);
      peer->next_index = log.last_index().next();
    }
    // What was in flight on the old connection may be lost. Where nothing is known yet, the first
    // guess (the end of the log) is as good as it was.
    peer->probe(peer->match_index > Index(0) ? peer->match_index.next() : peer->next_index);
    peer->active = true;
  }
}

void Core::Impl::on(PeerLost event) {
  if (Progress* peer = find_progress(event.peer)) {
    peer->probe(peer->match_index > Index(0) ? peer->match_index.next() : peer->next_index);
    peer->active = false;
    // The probe that goes out would be lost: heartbeats repeat it.
    peer->probe_sent = true;
    if (transfer_to == event.peer) stop_transfer();
    return;
  }
  if (event.peer != leader || role != Role::kFollower) return;
  // Fast failover: the leader's process has probably ended. The jitter keeps the followers from
  // standing against each other; pre-vote keeps a mere broken link from costing a term.
  trace(Trace::Kind::kLeaderLost, event.peer);
  leader = kNoNode;
  leader_lost = true;
  quick_retries = 3;
  const auto jitter =
      static_cast<std::uint64_t>(std::max(config.peer_lost_jitter_max, Duration::zero()).count());
  const Instant soon = std::max(now, promised_until()) + Duration(random.between(0, jitter));
  election_deadline = std::min(election_deadline, soon);
}

void Core::Impl::on(Applied event) {
  if (event.index <= applied) return;
  KV_CHECK(event.index <= emitted, "only what was committed is applied");
  applied = event.index;
  // Configurations below can no longer be rolled back to.
  while (configurations.size() > 1 && configurations[1].since <= applied) {
    configurations.erase(configurations.begin());
  }
}

void Core::Impl::on(Compact event) {
  KV_CHECK(event.index <= applied, "only what is applied is compacted");
  // Who lags, or was away, is served from what is kept: a log is cheaper to send than a snapshot.
  if (mutated(Mutant::kCompactedTooFar)) event.index = applied;
  Index keep_after = log.base().index;
  while (keep_after < event.index &&
         log.bytes_between(keep_after, event.index) > config.retained_log_bytes) {
    keep_after = keep_after.next();
  }
  if (keep_after <= log.base().index) return;
  log.compact(keep_after);
  out.log_compacted = keep_after;
}

Index Core::Impl::committed_target() const {
  // The owner is about to replace the state machine's state: what follows is applied on top.
  if (receiving && receiving->final) return emitted;
  return std::max(emitted, std::min(commit_index, tracker.durable_index()));
}

void Core::Impl::collect_committed() {
  const Index page_end = emitted.plus(config.max_committed_per_step);
  const Index through = std::min(committed_target(), page_end);
  log.copy(emitted.next(), through, out.committed);
  emitted = through;
  if (mutated(Mutant::kPagedApplySkips) && through < committed_target()) emitted = through.next();
}

// A batch may be torn: its hard state then stands in the log without the truncation and the entries
// that follow it, and must not call committed what they would have replaced.
Index Core::Impl::commit_before(const std::vector<Entry>& appended) const {
  if (truncate_from) return std::min(commit_index, truncate_from->prev());
  return appended.empty() ? commit_index : std::min(commit_index, appended.front().index.prev());
}

void Core::Impl::collect_persist() {
  const bool writes = log_reset || hard_state_changed || truncate_from || !unwritten.empty();
  if (!writes && after_persist.empty()) return;
  PersistBatch batch;
  batch.sequence = tracker.open(log.last_index(), now);
  if (writes) batch.hard_state = HardState{term, voted_for, commit_before(unwritten)};
  batch.log_reset = std::exchange(log_reset, std::nullopt);
  batch.truncate_from = std::exchange(truncate_from, std::nullopt);
  batch.entries = std::exchange(unwritten, {});
  batch.messages = std::exchange(after_persist, {});
  hard_state_changed = false;
  out.persist = std::move(batch);
}

void Core::Impl::send_now(NodeId to, Body body) {
  out.messages_now.push_back({config.self, to, term, std::move(body)});
}

void Core::Impl::send_after_persist(NodeId to, Body body) {
  after_persist.push_back({config.self, to, term, std::move(body)});
}

void Core::Impl::answer(NodeId to, Body body, Index vouches) {
  if (hard_state_durable() && vouches <= tracker.durable_index()) {
    send_now(to, std::move(body));
  } else {
    send_after_persist(to, std::move(body));
  }
}

void Core::Impl::trace(Trace::Kind kind, NodeId peer, std::uint64_t value, const char* detail) {
  out.trace.push_back({kind, term, peer, value, detail});
}

void Core::Impl::set_hard_state(Term new_term, NodeId vote_for) {
  KV_CHECK(new_term > term || (new_term == term && voted_for == kNoNode),
           "one vote a term, and terms never go down");
  term = new_term;
  voted_for = vote_for;
  hard_state_changed = true;
  hard_state_sequence = tracker.next_sequence();
}

bool Core::Impl::hard_state_durable() const {
  return !hard_state_changed && tracker.completed() >= hard_state_sequence;
}

void Core::Impl::append(Entry entry) {
  if (entry.kind == EntryKind::kConfiguration) {
    // In force as soon as it is in the log, committed or not (4.1).
    auto decoded = decode_configuration(entry.payload.view());
    KV_CHECK(decoded.has_value(), "a configuration in the log is readable");
    configurations.push_back({entry.index, *std::move(decoded)});
  }
  unwritten.push_back(entry);
  log.append(std::move(entry));
}

void Core::Impl::truncate(Index from) {
  KV_CHECK(from > commit_index, "a committed entry is never truncated");
  KV_CHECK(role != Role::kLeader, "a leader only appends to its log");
  trace(Trace::Kind::kLogTruncated, leader, from.value());
  log.truncate(from);
  tracker.truncated(from);
  truncate_from = from;
  while (configurations.back().since >= from) configurations.pop_back();
}

void Core::Impl::clear_repair_floor() {
  if (!repair_floor) return;
  const Index durable = tracker.durable_index();
  if (EntryId{log.term_at(durable).value_or(Term(0)), durable} >= *repair_floor) {
    repair_floor.reset();
  }
}

const Configuration& Core::Impl::configuration() const {
  return configurations.back().configuration;
}

std::uint32_t Core::Impl::priority_of(NodeId id) const {
  if (id == config.self) return config.priority;
  const auto known = std::ranges::find(known_peers, id, &KnownPeer::id);
  return known == known_peers.end() ? 0 : known->priority;
}

}  // namespace kvcluster::raft
