// Holding the lead: becoming a leader, check-quorum (dissertation, 6.2), transfer (3.10), priority.
#include <algorithm>

#include "base/check.hpp"
#include "base/mutant.hpp"
#include "raft/core_impl.hpp"

namespace kvcluster::raft {
namespace {

constexpr int kLongestPreferencePause = 64;  // times Config::priority_transfer_delay

}  // namespace

void Core::Impl::become_leader() {
  KV_CHECK(role == Role::kCandidate && hard_state_durable(), "only a durable candidacy wins");
  role = Role::kLeader;
  leader = config.self;
  votes.clear();
  quick_retries = 0;
  leader_lost = false;
  transfer_to = kNoNode;
  progress.clear();
  end_lease();
  match_progress_to_configuration();
  heartbeat_deadline = now + config.heartbeat_interval;
  commit_notice_deadline = Instant::max();
  trace(Trace::Kind::kBecameLeader, kNoNode, log.last_index().value());
  // Entries of earlier terms are committed only along with one of this term (3.6.2), and no read is
  // served before (6.4): append one at once.
  first_own_index = log.last_index().next();
  propose(EntryKind::kNoop, Slice());
  advance_commit();
}

void Core::Impl::match_progress_to_configuration() {
  std::vector<Progress> next;
  for (const Member& member : configuration().members) {
    if (member.id == config.self) continue;
    if (Progress* known = find_progress(member.id)) {
      next.push_back(std::move(*known));
      continue;
    }
    Progress fresh;
    fresh.id = member.id;
    fresh.next_index = log.last_index().next();
    fresh.last_active = now;  // it has an election timeout to answer
    next.push_back(std::move(fresh));
  }
  progress = std::move(next);
}

Progress* Core::Impl::find_progress(NodeId id) {
  const auto at = std::ranges::find(progress, id, &Progress::id);
  return at == progress.end() ? nullptr : &*at;
}

bool Core::Impl::ready() const { return role == Role::kLeader && commit_index >= first_own_index; }

void Core::Impl::tick_leader() {
  if (disk_stalled() && !mutated(Mutant::kDiskHangKeepsLead)) {
    become_follower(term, kNoNode, "the own disk does not answer");
    return;
  }
  if (config.check_quorum && !has_active_quorum()) {
    become_follower(term, kNoNode, "no answer from a quorum");
    return;
  }
  if (transfer_to != kNoNode && now >= transfer_deadline) stop_transfer();
  for (Progress& peer : progress) {
    if (peer.state == Progress::State::kReplicate && !peer.inflight.empty() &&
        now - peer.inflight_since >= config.election_timeout_max) {
      peer.probe(peer.match_index.next());
    }
    tick_snapshot(peer);
    watch_health(peer);
  }
  if (transfer_to == kNoNode) prefer_priority();
  if (now >= heartbeat_deadline) {
    heartbeat_due = true;
    heartbeat_deadline = now + config.heartbeat_interval;
  }
}

bool Core::Impl::recently_active(const Progress& peer) const {
  return peer.active && now - peer.last_active < config.election_timeout_max;
}

bool Core::Impl::has_active_quorum() const {
  std::size_t active = is_voter(config.self) ? 1 : 0;
  for (const Progress& peer : progress) {
    if (is_voter(peer.id) && recently_active(peer)) ++active;
  }
  return active >= configuration().quorum();
}

void Core::Impl::watch_health(Progress& peer) {
  const bool healthy = recently_active(peer) && peer.state == Progress::State::kReplicate &&
                       peer.match_index >= commit_index;
  if (!healthy) {
    // A follower that is merely a message behind is not ill; one that no longer answers is.
    if (!recently_active(peer) || peer.state != Progress::State::kReplicate) {
      peer.healthy_since.reset();
    }
  } else if (!peer.healthy_since) {
    peer.healthy_since = now;
  }
}

bool Core::Impl::preference_rests() const {
  return preferred_at && now - *preferred_at < preference_pause;
}

void Core::Impl::prefer_priority() {
  if (!ready() || preference_rests()) return;
  NodeId best = kNoNode;
  for (const Progress& peer : progress) {
    if (!is_voter(peer.id) || priority_of(peer.id) <= config.priority) continue;
    if (!peer.healthy_since || now - *peer.healthy_since < config.priority_transfer_delay) continue;
    if (best == kNoNode || priority_of(peer.id) > priority_of(best)) best = peer.id;
  }
  if (best == kNoNode) return;
  // A preferred node that hears this leader but not the others is elected and loses the lead at
  // once, again and again: each try waits twice as long as the one before.
  const Duration longest = kLongestPreferencePause * config.priority_transfer_delay;
  const bool forgotten = !preferred_at || now - *preferred_at > 2 * longest;
  preference_pause =
      forgotten ? 2 * config.priority_transfer_delay : std::min(2 * preference_pause, longest);
  preferred_at = now;
  start_transfer(best);
}

NodeId Core::Impl::best_transfer_target() const {
  const Progress* best = nullptr;
  for (const Progress& peer : progress) {
    if (!is_voter(peer.id) || !recently_active(peer) || peer.state == Progress::State::kSnapshot) {
      continue;
    }
    const auto rank = [this](const Progress& candidate) {
      return std::pair(candidate.match_index, priority_of(candidate.id));
    };
    if (best == nullptr || rank(peer) > rank(*best)) best = &peer;
  }
  return best == nullptr ? kNoNode : best->id;
}

void Core::Impl::on(TransferLeadership event) {
  if (role != Role::kLeader || transfer_to != kNoNode) return;
  if (event.to == kNoNode && configuration().voter_count() < 2) return;  // nobody to ask for
  const NodeId target = event.to == kNoNode ? best_transfer_target() : event.to;
  if (target == kNoNode || target == config.self || !is_voter(target)) {
    trace(Trace::Kind::kTransferAborted, target, 0, "no voter to hand over to");
    return;
  }
  start_transfer(target);
}

void Core::Impl::start_transfer(NodeId to) {
  transfer_to = to;
  transfer_deadline = now + config.election_timeout_max;
  timeout_now_sent = false;
  trace(Trace::Kind::kTransferStarted, to);
  advance_transfer();
}

void Core::Impl::stop_transfer() {
  trace(Trace::Kind::kTransferAborted, transfer_to, 0, "it did not take over in time");
  if (Progress* peer = find_progress(transfer_to)) peer->healthy_since.reset();
  transfer_to = kNoNode;
}

void Core::Impl::advance_transfer() {
  if (transfer_to == kNoNode || timeout_now_sent) return;
  const Progress* target = find_progress(transfer_to);
  if (target == nullptr || target->match_index < log.last_index()) return;
  timeout_now_sent = true;
  lease_given_up = true;  // whoever is asked may win at any time from now on
  send_now(transfer_to, TimeoutNow{});
}

void Core::Impl::receive(NodeId from, const TimeoutNow&) {
  if (role != Role::kFollower || !may_campaign()) return;
  // Without a pre-vote, which voters that hear the leader would refuse (3.10).
  trace(Trace::Kind::kElectionTimeout, from, 0, "asked to by the leader");
  become_candidate(true);
}

}  // namespace kvcluster::raft
