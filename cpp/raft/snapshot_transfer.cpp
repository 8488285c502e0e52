// A snapshot to a follower that needs what was compacted (dissertation, 5.1, figure 5.3): chunk by
// chunk, each asked of the owner, sent, and answered before the next.
#include "base/check.hpp"
#include "raft/core_impl.hpp"

namespace kvcluster::raft {

void Core::Impl::begin_snapshot(Progress& peer) {
  const Index match = peer.match_index;
  peer.probe(match.next());
  peer.state = Progress::State::kSnapshot;
  request_chunk(peer);
}

void Core::Impl::request_chunk(Progress& peer) {
  SnapshotTransfer& transfer = peer.snapshot;
  transfer.chunk.reset();
  transfer.unavailable = false;
  transfer.since = now;
  out.snapshot_reads.push_back({peer.id, transfer.last, transfer.offset});
}

void Core::Impl::on(SnapshotChunk event) {
  Progress* peer = find_progress(event.to);
  if (role != Role::kLeader || peer == nullptr) return;
  SnapshotTransfer& transfer = peer->snapshot;
  const bool awaited = peer->state == Progress::State::kSnapshot && !transfer.chunk &&
                       event.offset == transfer.offset &&
                       (!transfer.last || *transfer.last == event.last);
  if (!awaited) return;
  KV_CHECK(event.last.index <= commit_index, "a snapshot holds only what is committed");
  if (!transfer.last) {
    trace(Trace::Kind::kSnapshotSending, peer->id, event.last.index.value());
    transfer.last = event.last;
  }
  transfer.chunk = InstallSnapshot{.last = event.last,
                                   .configuration = std::move(event.configuration),
                                   .offset = event.offset,
                                   .data = std::move(event.data),
                                   .done = event.done};
  send_chunk(*peer);
}

void Core::Impl::send_chunk(Progress& peer) {
  InstallSnapshot message = *peer.snapshot.chunk;
  message.read_round = read_round;
  peer.snapshot.since = now;
  send_now(peer.id, std::move(message));
}

void Core::Impl::on(SnapshotUnavailable event) {
  Progress* peer = find_progress(event.to);
  if (peer == nullptr || peer->state != Progress::State::kSnapshot) return;
  // The one that was begun may be gone in favour of a newer one.
  start_over(*peer);
}

// With a snapshot that is read anew, an election timeout from now.
void Core::Impl::start_over(Progress& peer) {
  peer.snapshot = {};
  peer.snapshot.unavailable = true;
  peer.snapshot.since = now;
}

void Core::Impl::tick_snapshot(Progress& peer) {
  if (peer.state != Progress::State::kSnapshot || !recently_active(peer) ||
      now - peer.snapshot.since < config.election_timeout_max) {
    return;
  }
  if (peer.snapshot.chunk) {
    send_chunk(peer);
  } else if (peer.snapshot.unavailable) {
    request_chunk(peer);
  }
}

void Core::Impl::receive(NodeId from, const SnapshotReply& reply) {
  Progress* peer = find_progress(from);
  if (role != Role::kLeader || peer == nullptr) return;
  peer->last_active = now;
  peer->active = true;
  round_answered(*peer, reply.read_round);
  SnapshotTransfer& transfer = peer->snapshot;
  if (peer->state != Progress::State::kSnapshot || transfer.last != reply.last) return;
  if (reply.installed) {
    peer->acknowledged(reply.last.index, now);
    peer->probe(peer->match_index.next());
    advance_commit();
    return;
  }
  // What was sent may have been damaged before it was: sending it again would never end.
  if (reply.refused) return start_over(*peer);
  if (!transfer.chunk) return;  // an earlier answer again, while the next part is being read
  const std::uint64_t end = transfer.offset + transfer.chunk->data.size();
  // Still at this chunk, or at the last one and installing: the timer sends it again.
  if (reply.next_offset == transfer.offset) return;
  if (reply.next_offset == end && transfer.chunk->done) return;
  // Onwards; or where the follower says that it stands, which may be the beginning.
  transfer.offset = reply.next_offset;
  request_chunk(*peer);
}

}  // namespace kvcluster::raft
