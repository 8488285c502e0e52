// Checkpoints and snapshots of a node, as server/checkpoint_schedule.cpp and
// server/checkpointer.cpp have them.
#include <algorithm>
#include <chrono>
#include <utility>

#include "base/check.hpp"
#include "base/mutant.hpp"
#include "sim/node.hpp"

namespace kvcluster::sim {

void Node::begin_checkpoint_if_due() {
  const kv::StateMachine& state = *engine_->state;
  if (checkpoint_ || state.applied() <= checkpoint_index_) return;
  const std::uint64_t percent = 100 + 20 * (id_ % 3) + (engine_->replica->leads() ? 60 : 0);
  const std::uint64_t logged = log_.logged_bytes() - checkpoint_log_begin_;
  if (!checkpoint_wanted_ && logged * 100 < world_.profile.checkpoint_bytes * percent) return;
  checkpoint_wanted_ = false;
  checkpoint_log_begin_ = log_.logged_bytes();
  checkpoint_ = image_of(state, engine_->table, digest_wrong_);
  Event done = event(EventKind::kCheckpointDone);
  done.value = ++checkpoint_number_;
  const auto most = static_cast<std::uint64_t>(world_.profile.checkpoint_time.count());
  world_.scheduler.after(Duration(static_cast<Duration::rep>(random_.between(most / 2, most))),
                         done);
}

void Node::checkpoint_done(std::uint64_t number) {
  if (number != checkpoint_number_ || !checkpoint_) return;  // a snapshot has overtaken it
  image_ = std::exchange(checkpoint_, nullptr);
  checkpoint_index_ = image_->last.index;
  ++checkpoints_made_;
  world_.coverage.hit(Path::kCheckpointMade);
  engine_->replica->checkpointed(local_now(), checkpoint_index_);
}

void Node::read_snapshots(const std::vector<raft::SnapshotRead>& reads) {
  for (const raft::SnapshotRead& read : reads) {
    Event due = event(EventKind::kChunkRead);
    due.value = reads_.put(read);
    world_.scheduler.after(world_.profile.sync_min, due);
  }
}

void Node::chunk_read(const raft::SnapshotRead& read) {
  // Every record has a checksum: a start will find the damage and begin the repair.
  if (image_ && image_->damaged) return fail({ErrorCode::kCorruption, "the checkpoint is damaged"});
  const bool busy = random_.below(1000) < world_.profile.unread_chunk_permille;
  if (auto chunk = busy ? std::nullopt : read_chunk(read)) {
    if (!chunk->data.empty() && random_.below(1000) < world_.profile.bad_chunk_permille) {
      Bytes bytes(chunk->data.view());
      char& byte = bytes[static_cast<std::size_t>(random_.below(bytes.size()))];
      byte = static_cast<char>(static_cast<unsigned char>(byte) ^ 1U);
      chunk->data = Slice::of(std::move(bytes));
    }
    engine_->replica->snapshot_chunk(local_now(), std::move(*chunk));
    return;
  }
  world_.coverage.hit(Path::kSnapshotUnavailable);
  readers_.erase(read.to);
  checkpoint_wanted_ = true;
  engine_->replica->snapshot_unavailable(local_now(), read.to);
}

std::optional<raft::SnapshotChunk> Node::read_chunk(const raft::SnapshotRead& read) {
  Reader& reader = readers_[read.to];
  // A transfer that begins takes the newest checkpoint; one under way keeps its own.
  if (!reader.stream || !read.last || reader.last != *read.last) {
    if ((read.last && read.offset != 0) || !image_) return std::nullopt;
    reader = {image_->last, image_->configuration,
              std::make_shared<const Bytes>(snapshot_of(*image_))};
  }
  const BytesView all = *reader.stream;
  if (read.offset > all.size()) return std::nullopt;
  const BytesView part =
      all.substr(static_cast<std::size_t>(read.offset), world_.profile.chunk_bytes);
  return raft::SnapshotChunk{.to = read.to,
                             .last = reader.last,
                             .configuration = reader.configuration,
                             .offset = read.offset,
                             .data = Slice(reader.stream, part),
                             .done = read.offset + part.size() == all.size()};
}

void Node::end_transfer(NodeId peer) {
  if (peer == kNoNode) {
    readers_.clear();
  } else {
    readers_.erase(peer);
  }
}

void Node::chunk_stored(const raft::SnapshotStore& chunk) {
  if (chunk.offset == 0 || receiving_ != chunk.last) {
    received_.clear();
    receiving_ = chunk.last;
  }
  raft::SnapshotStored stored{.last = chunk.last, .next_offset = 0};
  if (chunk.offset != received_.size()) {
    stored.refused = true;
  } else {
    received_.append(chunk.data.view());
    stored.next_offset = received_.size();
    if (chunk.done) {
      auto image = read_snapshot(received_);
      received_.clear();
      if (image && (*image)->last == chunk.last) {
        incoming_ = std::move(*image);
        install(chunk);
        return;
      }
      world_.coverage.hit(Path::kSnapshotRefused);
      stored.next_offset = 0;
      stored.refused = true;
    }
  }
  engine_->replica->snapshot_stored(local_now(), stored);
}

// Durable and in its place before consensus hears of it; the log starts anew after that.
void Node::install(const raft::SnapshotStore& chunk) {
  const std::shared_ptr<Image> image = std::exchange(incoming_, nullptr);
  kv::StateMachine& state = *engine_->state;
  KV_CHECK(image->last.index > state.applied(), "a snapshot never takes the state back");
  engine_->table = image->table;
  KV_CHECK(state.restore(image->meta), "a snapshot's meta is readable");
  image->digest_wrong = state.recompute_state_digest() != state.digests().state;
  set_digest_wrong(image->digest_wrong);
  if (!mutated(Mutant::kSnapshotNotDurable)) image_ = image;
  if (checkpoint_ && !mutated(Mutant::kCheckpointOverSnapshot)) {
    world_.coverage.hit(Path::kSnapshotOverCheckpoint);
    checkpoint_.reset();
    ++checkpoint_number_;
  }
  checkpoint_log_begin_ = log_.logged_bytes();
  checkpoint_index_ = image->last.index;
  ++checkpoints_made_;
  engine_->replica->snapshot_stored(
      local_now(),
      {.last = chunk.last, .next_offset = chunk.offset + chunk.data.size(), .installed = true});
}

}  // namespace kvcluster::sim
