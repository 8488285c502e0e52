#include "sim/log_writer.hpp"

#include <algorithm>
#include <chrono>
#include <iterator>
#include <utility>

#include "kv/state_machine.hpp"

namespace kvcluster::sim {
namespace {

constexpr Duration kDiskFullRetry = std::chrono::milliseconds(100);

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
  order_ = {};
  queue_.clear();
  work_.clear();
  at_work_ = false;
  disk_full_ = false;
  mark_due_ = false;
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
  order_ = {};
  queue_.clear();
  work_.clear();
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

Status LogWriter::sync(std::span<const raft::PersistBatch> appended) {
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

void LogWriter::queue(std::vector<raft::PersistBatch> batches) {
  std::ranges::move(batches, std::back_inserter(queue_));
}

Status LogWriter::start(std::vector<raft::PersistBatch> batches) {
  for (const raft::PersistBatch& batch : batches) {
    invariants_.batch_made(node_, batch);
    for (const raft::Entry& entry : batch.entries) {
      const bool clock_only = entry.payload.size() == kv::StateMachine::kEntryTimeBytes;
      if (clock_only && entry.kind == raft::EntryKind::kCommand) coverage_.hit(Path::kExpired);
    }
  }
  const bool quick = profile_.inline_sync && !hung_ && extra_sync_ == Duration{};
  queue(order_.start(std::move(batches), quick));
  return {};
}

Result<std::uint64_t> LogWriter::finish() {
  if (order_.own().empty()) return order_.release();
  std::size_t appended = 0;
  for (const raft::PersistBatch& batch : order_.own()) {
    const Status status = append(batch);
    if (!status && status.error().code == ErrorCode::kDiskFull) break;
    if (!status) return std::unexpected(status.error());
    ++appended;
  }
  if (appended > 0) KV_TRY(sync(std::span(order_.own()).first(appended)));
  auto refused = order_.own_synced(appended);
  disk_full_ = !refused.empty();
  if (disk_full_) coverage_.hit(Path::kDiskFull);
  queue(std::move(refused));
  return order_.release();
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
  std::uint64_t sequence = 0;
  std::uint64_t jobs = 0;
  std::vector<raft::PersistBatch> appended;
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
    ++jobs;
    work_.pop_front();
  }
  if (!appended.empty()) KV_TRY(sync(appended));
  order_.writer_synced(sequence, jobs);
  return order_.release();
}

Status LogWriter::compact(Index through) {
  queue(order_.begin_compaction());
  queue_.emplace_back(through);
  return {};
}

Status LogWriter::write_mark_if_idle() {
  if (!mark_due_ || !idle() || !order_.own().empty() || hung_) return {};
  mark_due_ = false;
  return wal_->write_mark();
}

}  // namespace kvcluster::sim
