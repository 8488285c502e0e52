#include "sim/log_writer.hpp"

#include <algorithm>
#include <chrono>
#include <iterator>
#include <utility>

#include "kv/state_machine.hpp"

namespace kvcluster::sim {
namespace {

constexpr std::size_t kInlineEntries = 64;
constexpr std::size_t kInlineBytes = 16U << 10U;
constexpr std::size_t kEntryOverhead = 32;
constexpr Duration kDiskFullRetry = std::chrono::milliseconds(100);

bool has_writes(const raft::PersistBatch& batch) {
  return batch.log_reset || batch.hard_state || batch.truncate_from || !batch.entries.empty();
}

std::size_t bytes_of(const raft::PersistBatch& batch) {
  std::size_t bytes = 0;
  for (const raft::Entry& entry : batch.entries) bytes += entry.payload.size() + kEntryOverhead;
  return bytes;
}

bool small(const std::vector<raft::PersistBatch>& batches) {
  std::size_t entries = 0;
  std::size_t bytes = 0;
  for (const raft::PersistBatch& batch : batches) {
    if (batch.log_reset) return false;
    entries += batch.entries.size();
    bytes += bytes_of(batch);
  }
  return entries < kInlineEntries && bytes < kInlineBytes;
}

}  // namespace

LogWriter::LogWriter(std::uint8_t node, const Profile& profile, std::uint64_t seed,
                     storage::MemoryDisk& disk, Coverage& coverage, Invariants& invariants)
    : node_(node),
      profile_(profile),
      random_(stream(seed, Stream::kDisks, node)),
      disk_(disk),
      coverage_(coverage),
      invariants_(invariants) {}

void LogWriter::opened(std::unique_ptr<storage::Wal> wal) {
  wal_ = std::move(wal);
  waiting_.clear();
  own_.clear();
  queue_.clear();
  work_.clear();
  at_work_ = false;
  disk_full_ = false;
  mark_due_ = false;
  durable_ = 0;
  logged_bytes_ = 0;
  segment_ = wal_->durable_position().sequence;
  note_segments();
}

// The power fails while the writer is at work: a beginning of what it would have done reaches the
// disk's cache, and a part of that the disk.
void LogWriter::ended(std::optional<std::uint64_t> in_write) {
  if (in_write && wal_ && at_work_ && !hung_) {
    coverage_.hit(Path::kCrashInWrite);
    disk_.fail_from(disk_.operations() + *in_write);
    for (const Job& job : work_) {
      const auto* batch = std::get_if<raft::PersistBatch>(&job);
      if (batch != nullptr ? !append(*batch) : !wal_->compact(std::get<Index>(job))) break;
    }
    static_cast<void>(wal_->sync());
  }
  wal_.reset();
  queue_.clear();
  work_.clear();
  own_.clear();
  at_work_ = false;
}

Status LogWriter::append(const raft::PersistBatch& batch) {
  if (!batch.log_reset) return wal_->append(batch);
  KV_TRY(wal_->sync());
  KV_TRY(wal_->reset(*batch.log_reset, batch.hard_state.value_or(wal_->hard_state())));
  coverage_.hit(Path::kLogReset);
  if (batch.entries.empty()) return {};
  raft::PersistBatch rest = batch;
  rest.log_reset.reset();
  rest.hard_state.reset();
  return wal_->append(rest);
}

Status LogWriter::sync(std::deque<raft::PersistBatch>& appended) {
  KV_TRY(wal_->sync());
  ++syncs_;
  if (appended.size() > 1) coverage_.hit(Path::kGroupCommit);
  for (const raft::PersistBatch& batch : appended) invariants_.batch_synced(node_, batch);
  mark_due_ = true;
  note_segments();
  return {};
}

void LogWriter::note_segments() {
  const std::uint64_t segment = wal_->durable_position().sequence;
  if (segment != segment_) {
    coverage_.hit(Path::kSegmentTurned);
    if (spares_ > 0) coverage_.hit(Path::kSegmentRecycled);
    segment_ = segment;
    spares_ = 0;
    if (const auto names = disk_.list("wal")) {
      spares_ = static_cast<std::size_t>(std::ranges::count_if(
          *names, [](const std::string& name) { return name.starts_with("spare-"); }));
    }
  }
}

Status LogWriter::start(std::vector<raft::PersistBatch> batches) {
  const bool by_reactor =
      profile_.inline_sync && !hung_ && extra_sync_ == Duration{} && idle() && small(batches);
  for (raft::PersistBatch& batch : batches) {
    invariants_.batch_made(node_, batch);
    const bool writes = has_writes(batch);
    if (!writes && !waiting_.empty() && !waiting_.back().has_writes) {
      waiting_.back().sequence = batch.sequence;
    } else {
      waiting_.push_back({batch.sequence, writes});
    }
    if (!writes) continue;
    logged_bytes_ += bytes_of(batch);
    for (const raft::Entry& entry : batch.entries) {
      const bool clock_only = entry.payload.size() == kv::StateMachine::kEntryTimeBytes;
      if (clock_only && entry.kind == raft::EntryKind::kCommand) coverage_.hit(Path::kExpired);
    }
    if (by_reactor) {
      own_.push_back(std::move(batch));
    } else {
      queue_.emplace_back(std::move(batch));
    }
  }
  return {};
}

Result<std::uint64_t> LogWriter::finish() {
  if (own_.empty()) return release(durable_);
  std::uint64_t sequence = durable_;
  std::deque<raft::PersistBatch> appended;
  std::size_t done = 0;
  for (; done < own_.size(); ++done) {
    const Status status = append(own_[done]);
    if (!status && status.error().code == ErrorCode::kDiskFull) break;
    if (!status) return std::unexpected(status.error());
    sequence = own_[done].sequence;
    appended.push_back(std::move(own_[done]));
  }
  if (done > 0) KV_TRY(sync(appended));
  disk_full_ = done < own_.size();
  if (disk_full_) coverage_.hit(Path::kDiskFull);
  std::move(own_.begin() + static_cast<std::ptrdiff_t>(done), own_.end(),
            std::back_inserter(queue_));
  own_.clear();
  return release(sequence);
}

std::optional<Duration> LogWriter::begin_round() {
  if (at_work_ || idle() || !wal_) return std::nullopt;
  at_work_ = true;
  const bool again = !work_.empty();  // it found no room
  work_.insert(work_.end(), std::make_move_iterator(queue_.begin()),
               std::make_move_iterator(queue_.end()));
  queue_.clear();
  if (again) return kDiskFullRetry;
  const auto spread = static_cast<std::uint64_t>((profile_.sync_max - profile_.sync_min).count());
  return profile_.sync_min + extra_sync_ +
         Duration(static_cast<Duration::rep>(random_.below(spread + 1)));
}

Result<std::uint64_t> LogWriter::end_round() {
  at_work_ = false;
  std::uint64_t sequence = durable_;
  std::deque<raft::PersistBatch> appended;
  disk_full_ = false;
  while (!work_.empty()) {
    Job& job = work_.front();
    auto* batch = std::get_if<raft::PersistBatch>(&job);
    const Status done = batch != nullptr ? append(*batch) : wal_->compact(std::get<Index>(job));
    if (!done && done.error().code == ErrorCode::kDiskFull) {
      disk_full_ = true;
      coverage_.hit(Path::kDiskFull);
      break;
    }
    if (!done) return std::unexpected(done.error());
    if (batch != nullptr) {
      sequence = batch->sequence;
      appended.push_back(std::move(*batch));
    } else {
      coverage_.hit(Path::kLogCompacted);
    }
    work_.pop_front();
  }
  if (!appended.empty()) KV_TRY(sync(appended));
  return release(sequence);
}

std::uint64_t LogWriter::release(std::uint64_t sequence) {
  std::uint64_t newest = 0;
  while (!waiting_.empty() &&
         (waiting_.front().sequence <= sequence || !waiting_.front().has_writes)) {
    newest = waiting_.front().sequence;
    waiting_.pop_front();
  }
  durable_ = std::max({durable_, sequence, newest});
  return newest;
}

Status LogWriter::compact(Index through) {
  std::move(own_.begin(), own_.end(), std::back_inserter(queue_));
  own_.clear();
  queue_.emplace_back(through);
  return {};
}

Status LogWriter::write_mark_if_idle() {
  if (!mark_due_ || !idle() || !own_.empty() || hung_) return {};
  mark_due_ = false;
  return wal_->write_mark();
}

}  // namespace kvcluster::sim
