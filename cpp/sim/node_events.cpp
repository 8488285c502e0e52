// What happens to a node between its turns.
#include <chrono>
#include <utility>

#include "sim/node.hpp"

namespace kvcluster::sim {
namespace {

constexpr Duration kHousekeeping = std::chrono::milliseconds(250);

}  // namespace

void Node::on_event(const Event& event) {
  // The slots of a life that is over are given back all the same.
  const bool alive = running_ && event.life == life_;
  switch (event.kind) {
    case EventKind::kWake:
      if (!alive) return;
      if (event.at == wake_at_) wake_at_ = Instant::max();
      if (local_now() < next_deadline_) return schedule_wake();
      break;
    case EventKind::kHousekeeping:
      if (!alive) return;
      housekeeping();
      world_.scheduler.after(kHousekeeping, this->event(EventKind::kHousekeeping));
      break;
    case EventKind::kDiskDone: {
      if (!alive || log_.hung()) return;
      const auto durable = log_.end_round();
      if (!durable) return fail(durable.error());
      if (*durable != 0 && engine_) engine_->replica->persisted(local_now(), *durable);
      if (log_.disk_full() != refusing_writes_) judge_disk_space();
      break;
    }
    case EventKind::kCheckpointDone:
      if (!alive) return;
      checkpoint_done(event.value);
      break;
    case EventKind::kChunkRead: {
      const raft::SnapshotRead read = reads_.take(event.value);
      if (!alive || !engine_) return;
      chunk_read(read);
      break;
    }
    case EventKind::kChunkStored: {
      const raft::SnapshotStore chunk = stores_.take(event.value);
      if (!alive || !engine_) return;
      chunk_stored(chunk);
      break;
    }
    default:
      return;
  }
  turn();
}

void Node::disk_changed() {
  if (running_ && !log_.hung() && !log_.idle()) {
    world_.scheduler.after(Duration(1), event(EventKind::kDiskDone));
  }
}

void Node::request(BytesView encoded, std::uint64_t id, std::uint64_t connection,
                   replica::RequestBatch::Mode mode, Index min_index) {
  const bool local = mode == replica::RequestBatch::Mode::kLocalRead;
  if (!engine_ || mark_) {
    world_.clients.completed(id_,
                             {id, replica::Completion::Outcome::kNoLeader, {}, kv::Reply::nil()});
    return;
  }
  if (local && min_index > state().applied()) world_.coverage.hit(Path::kLocalReadWaited);
  batch_.begin().append(encoded);
  batch_.commit(id, connection, mode, min_index);
  turn();
}

void Node::transfer_leadership(NodeId to) {
  if (!serves()) return;
  engine_->replica->transfer_leadership(local_now(), to);
  turn();
}

}  // namespace kvcluster::sim
