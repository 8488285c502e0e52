// A follower's answer to AppendEntries (dissertation, 3.5; figure 3.1, "rules for leaders").
#include <algorithm>

#include "raft/core_impl.hpp"

namespace kvcluster::raft {

void Core::Impl::receive(NodeId from, const AppendReply& reply) {
  Progress* peer = find_progress(from);
  if (role != Role::kLeader || peer == nullptr) return;
  peer->last_active = now;
  peer->active = true;
  round_answered(*peer, reply.read_round);
  promise_received(*peer, reply);
  if (!reply.success) {
    append_rejected(*peer, reply);
    return;
  }
  if (reply.index > log.last_index()) return;  // vouches for what was never sent
  peer->acknowledged(reply.index, now);
  // The probe's place is known to agree. An answer for what is compacted here says nothing about
  // it: a heartbeat asks again.
  const bool found =
      reply.index >= log.base().index && (reply.index > Index(0) || peer->next_index == Index(1));
  if (peer->state == Progress::State::kProbe && found) peer->replicate();
  advance_commit();
  note_caught_up(*peer);
  advance_transfer();
}

void Core::Impl::append_rejected(Progress& peer, const AppendReply& reply) {
  // Late: what it refused then is known to agree by now.
  if (reply.index <= peer.match_index) return;
  if (peer.state == Progress::State::kSnapshot) return;
  // In probing only the answer to the message that is out counts; the others are late too.
  if (peer.state == Progress::State::kProbe && reply.index != peer.next_index.prev()) return;
  if (reply.index >= peer.next_index) return;
  const EntryId limit{reply.hint.term, std::min(reply.hint.index, reply.index.prev())};
  const std::optional<EntryId> agrees = log.largest_at_most(limit);
  if (agrees) {
    peer.probe(agrees->index.next());
  } else {
    begin_snapshot(peer);  // they part below what this log still holds
  }
}

void Core::Impl::note_caught_up(Progress& peer) {
  if (peer.caught_up || peer.state != Progress::State::kReplicate) return;
  if (peer.match_index < commit_index || peer.match_index < first_own_index) return;
  peer.caught_up = true;
  trace(Trace::Kind::kFollowerCaughtUp, peer.id, peer.match_index.value());
}

}  // namespace kvcluster::raft
