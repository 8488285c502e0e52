// Proposals, AppendEntries to the followers, and what counts as committed (dissertation, 3.5, 3.6,
// 10.2).
#include <algorithm>
#include <array>
#include <functional>
#include <utility>

#include "base/check.hpp"
#include "base/mutant.hpp"
#include "raft/core_impl.hpp"

namespace kvcluster::raft {
namespace {

// Voters may not change here; places may be claimed and addresses may move.
bool same_voters(const Configuration& a, const Configuration& b) {
  const auto voters_of = [](const Configuration& from) {
    std::vector<NodeId> voters;
    for (const Member& member : from.members) {
      if (member.role == MemberRole::kVoter) voters.push_back(member.id);
    }
    return voters;
  };
  return voters_of(a) == voters_of(b);
}

}  // namespace

bool Core::Impl::may_propose() const {
  if (role != Role::kLeader || transfer_to != kNoNode) return false;
  // What is not committed, and what the own disk has not written, is bounded.
  const Index settled = std::max(log.base().index, std::min(commit_index, tracker.durable_index()));
  return log.bytes_between(settled, log.last_index()) < config.max_uncommitted_bytes;
}

void Core::Impl::on(Propose event) {
  out.proposed = Proposed{.accepted = may_propose(), .term = term, .first = Index(0)};
  if (!out.proposed->accepted) return;
  out.proposed->first = log.last_index().next();
  unwritten.reserve(event.items.size());
  for (Propose::Item& item : event.items) propose(item.kind, std::move(item.payload));
  advance_commit();
}

void Core::Impl::propose(EntryKind kind, Slice payload) {
  if (kind == EntryKind::kConfiguration) {
    const auto proposed = decode_configuration(payload.view());
    KV_CHECK(proposed.has_value() && same_voters(*proposed, configuration()),
             "a proposed configuration is readable and keeps the voters");
  }
  append({term, log.last_index().next(), kind, std::move(payload)});
  if (kind == EntryKind::kConfiguration) match_progress_to_configuration();
}

bool Core::Impl::commit_untold(const Progress& peer) const {
  return peer.state == Progress::State::kReplicate &&
         peer.commit_sent < std::min(commit_index, peer.next_index.prev());
}

void Core::Impl::replicate() {
  const auto untold = [this](const Progress& peer) { return commit_untold(peer); };
  if (commit_notice_deadline == Instant::max() && std::ranges::any_of(progress, untold)) {
    commit_notice_deadline = now + config.commit_notice_delay;
  }
  for (Progress& peer : progress) {
    if (replicate_to(peer)) continue;
    const bool notice = now >= commit_notice_deadline && commit_untold(peer);
    const bool round = round_opened && is_voter(peer.id);
    if (heartbeat_due || round || notice) send_empty_append(peer);
  }
  if (std::ranges::none_of(progress, untold)) commit_notice_deadline = Instant::max();
}

// True when something was sent.
bool Core::Impl::replicate_to(Progress& peer) {
  if (peer.state == Progress::State::kSnapshot) return false;
  // What it would be sent next was compacted. It may still hold that much: asking at the oldest
  // place that is known here is cheaper than a snapshot.
  if (peer.next_index <= log.base().index) peer.probe(log.base().index.next());
  if (peer.state == Progress::State::kProbe && peer.probe_sent) return false;
  if (peer.state == Progress::State::kProbe) {
    send_append(peer, config.max_append_bytes);
    peer.probe_sent = true;
    return true;
  }
  bool sent = false;
  while (peer.next_index <= log.last_index() &&
         peer.inflight.size() < config.max_inflight_messages &&
         peer.inflight_bytes < config.max_inflight_bytes) {
    send_append(peer,
                std::min(config.max_append_bytes, config.max_inflight_bytes - peer.inflight_bytes));
    sent = true;
  }
  return sent;
}

void Core::Impl::send_append(Progress& peer, std::size_t max_bytes) {
  const Index prev = peer.next_index.prev();
  AppendEntries request{.prev = {*log.term_at(prev), prev},
                        .commit_index = commit_index,
                        .read_round = read_round,
                        .entries = {}};
  Index last = prev;
  if (peer.next_index <= log.last_index()) {
    last = log.last_within(peer.next_index, max_bytes);
    log.copy(peer.next_index, last, request.entries);
    // A probe's next_index stays: the answer says where the logs part.
    if (peer.state == Progress::State::kReplicate) {
      peer.sent(last, log.bytes_between(prev, last), now);
    }
  }
  peer.commit_sent = std::max(peer.commit_sent, std::min(commit_index, last));
  send_now(peer.id, std::move(request));
}

// A heartbeat, a read round, or news of the commit index. Where replication stands at a place the
// log still knows it is checked along the way; otherwise an entry that surely matches is named.
void Core::Impl::send_empty_append(Progress& peer) {
  Index prev = peer.next_index.prev();
  if (peer.state == Progress::State::kSnapshot || prev < log.base().index) prev = peer.match_index;
  const std::optional<Term> prev_term = log.term_at(prev);
  EntryId named;  // (0, 0): before every log
  if (prev_term) named = {*prev_term, prev};
  if (peer.state == Progress::State::kReplicate) {
    peer.commit_sent = std::max(peer.commit_sent, std::min(commit_index, named.index));
  }
  send_now(
      peer.id,
      AppendEntries{
          .prev = named, .commit_index = commit_index, .read_round = read_round, .entries = {}});
}

void Core::Impl::advance_commit() {
  if (role != Role::kLeader) return;
  std::array<Index, kMaxMembers> matched{};
  std::size_t voters = 0;
  // The leader's own disk works while the followers do: it counts at what is durable (10.2.1).
  if (is_voter(config.self)) {
    matched[voters++] =
        mutated(Mutant::kLeaderCountsUndurable) ? log.last_index() : tracker.durable_index();
  }
  for (const Progress& peer : progress) {
    if (is_voter(peer.id)) matched[voters++] = peer.match_index;
  }
  if (voters == 0) return;
  const std::size_t quorum = configuration().quorum();
  const auto at = matched.begin() + static_cast<std::ptrdiff_t>(quorum - 1);
  std::nth_element(matched.begin(), at, matched.begin() + static_cast<std::ptrdiff_t>(voters),
                   std::greater<>());
  // Only entries of the own term are committed by counting; older ones along with them (3.6.2).
  const bool countable = log.term_at(*at) == term || mutated(Mutant::kCommitOldTerm);
  if (*at > commit_index && countable) commit_index = *at;
}

}  // namespace kvcluster::raft
