#include "server/checkpointer.hpp"

#include <utility>

#include "server/clock.hpp"

namespace kvcluster::server {

namespace {

constexpr std::size_t kMaxQueuedJobs = 1024;

}  // namespace

Checkpointer::Checkpointer(storage::Store& store, std::size_t chunk_bytes, Report report)
    : store_(store),
      chunk_bytes_(chunk_bytes),
      report_(std::move(report)),
      thread_([this] { run(); }) {}

Checkpointer::~Checkpointer() {
  {
    const std::scoped_lock lock(mutex_);
    stopping_ = true;
    queue_.clear();
  }
  ready_.notify_one();
  thread_.join();
}

Status Checkpointer::write(storage::CheckpointJob job) { return push(std::move(job)); }
Status Checkpointer::dispose(std::shared_ptr<const storage::Memtable> written) {
  return push(std::move(written));
}
Status Checkpointer::read(const raft::SnapshotRead& read) { return push(read); }
Status Checkpointer::store(raft::SnapshotStore chunk) { return push(std::move(chunk)); }
Status Checkpointer::end_reads() { return push(EndReads{kNoNode}); }
Status Checkpointer::end_read(NodeId peer) { return push(EndReads{peer}); }

Status Checkpointer::push(Job job) {
  {
    const std::scoped_lock lock(mutex_);
    if (queue_.size() >= kMaxQueuedJobs) {
      return fail(ErrorCode::kLimitExceeded, "the checkpointer's queue is over its bound");
    }
    queue_.push_back(std::move(job));
  }
  ready_.notify_one();
  return {};
}

void Checkpointer::run() {
  for (;;) {
    std::unique_lock lock(mutex_);
    ready_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
    if (stopping_) return;
    Job job = std::move(queue_.front());
    queue_.pop_front();
    lock.unlock();
    std::visit([this](auto& what) { perform(std::move(what)); }, job);
  }
}

void Checkpointer::perform(storage::CheckpointJob job) {
  const Instant begin = monotonic_now();
  Status status = store_.write_checkpoint(job);
  report_(CheckpointWritten{std::move(job), std::move(status), monotonic_now() - begin});
}

void Checkpointer::perform(const raft::SnapshotRead& read) {
  auto chunk = read_chunk(read);
  if (chunk) {
    report_(SnapshotChunkRead{std::move(*chunk)});
  } else {
    readers_.erase(read.to);
    report_(SnapshotNotRead{read.to, std::move(chunk).error()});
  }
}

Result<raft::SnapshotChunk> Checkpointer::read_chunk(const raft::SnapshotRead& read) {
  auto& reader = readers_[read.to];
  // A transfer that begins takes the newest checkpoint; one under way keeps its own.
  const bool same = reader && read.last && reader->meta().applied == *read.last;
  if (!same) {
    if (read.last && read.offset != 0) {
      return fail(ErrorCode::kNotFound, "the snapshot that was being sent is gone");
    }
    auto opened = store_.open_snapshot();
    if (!opened) return std::unexpected(std::move(opened).error());
    reader = std::move(*opened);
  }
  auto part = reader->read(read.offset, chunk_bytes_);
  if (!part) return std::unexpected(std::move(part).error());
  return raft::SnapshotChunk{.to = read.to,
                             .last = reader->meta().applied,
                             .configuration = reader->meta().configuration,
                             .offset = read.offset,
                             .data = std::move(part->data),
                             .done = part->done};
}

void Checkpointer::perform(const raft::SnapshotStore& chunk) {
  auto stored = store_chunk(chunk);
  if (stored) {
    report_(std::move(*stored));
    return;
  }
  writer_.reset();
  SnapshotChunkStored refused;
  refused.stored = {.last = chunk.last, .next_offset = 0, .installed = false, .refused = true};
  refused.error = std::move(stored).error();
  report_(std::move(refused));
}

Result<SnapshotChunkStored> Checkpointer::store_chunk(const raft::SnapshotStore& chunk) {
  if (chunk.offset == 0 || !writer_ || writing_ != chunk.last) {
    writer_.reset();  // what an earlier sender left half done goes first
    auto begun = store_.begin_install();
    if (!begun) return std::unexpected(std::move(begun).error());
    writer_ = std::move(*begun);
    writing_ = chunk.last;
  }
  KV_TRY(writer_->write(chunk.offset, chunk.data.view()));
  SnapshotChunkStored result;
  result.stored.last = chunk.last;
  result.stored.next_offset = writer_->next_offset();
  if (!chunk.done) return result;

  auto installed = writer_->finish(chunk.last);
  writer_.reset();
  if (!installed) return std::unexpected(std::move(installed).error());
  result.stored.installed = true;
  result.installed = std::move(*installed);
  return result;
}

void Checkpointer::perform(const EndReads& end) {
  if (end.peer == kNoNode) {
    readers_.clear();
  } else {
    readers_.erase(end.peer);
  }
}

}  // namespace kvcluster::server
