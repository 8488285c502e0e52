#include "server/persistence.hpp"

#include <algorithm>
#include <chrono>
#include <iterator>
#include <utility>

#include "server/clock.hpp"

namespace kvcluster::server {

namespace {

// Above either the WAL thread writes.
constexpr std::size_t kInlineEntries = 64;
constexpr std::size_t kInlineBytes = 16U << 10U;
// Above this a sync costs more than two changes of thread.
constexpr Duration kInlineSync = std::chrono::microseconds(500);
constexpr std::size_t kEntryOverhead = 32;

bool has_writes(const raft::PersistBatch& batch) {
  return batch.log_reset || batch.hard_state || batch.truncate_from || !batch.entries.empty();
}

std::size_t bytes_of(const raft::PersistBatch& batch) {
  std::size_t bytes = 0;
  for (const raft::Entry& entry : batch.entries) bytes += entry.payload.size() + kEntryOverhead;
  return bytes;
}

}  // namespace

bool Persistence::small(const std::vector<raft::PersistBatch>& batches) const {
  std::size_t entries = 0;
  std::size_t bytes = 0;
  for (const raft::PersistBatch& batch : batches) {
    if (batch.log_reset) return false;  // several files and syncs
    entries += batch.entries.size();
    bytes += bytes_of(batch);
  }
  return entries < kInlineEntries && bytes < kInlineBytes;
}

void Persistence::remember(std::uint64_t sequence, bool writes) {
  // Neighbours that write nothing become durable together: a full disk may hold them up for hours.
  if (!writes && !waiting_.empty() && !waiting_.back().has_writes) {
    waiting_.back().sequence = sequence;
  } else {
    waiting_.push_back({sequence, writes});
  }
}

Status Persistence::queue(raft::PersistBatch batch) {
  ++jobs_in_flight_;
  ++counters_.queued_batches;
  return thread_.enqueue(std::move(batch));
}

Status Persistence::start(std::vector<raft::PersistBatch> batches) {
  const bool inline_sync = idle() && usual_sync_ <= kInlineSync && small(batches);
  for (raft::PersistBatch& batch : batches) {
    const bool writes = has_writes(batch);
    remember(batch.sequence, writes);
    if (!writes) continue;
    counters_.logged_bytes += bytes_of(batch);
    if (inline_sync) {
      own_.push_back(std::move(batch));
    } else {
      KV_TRY(queue(std::move(batch)));
    }
  }
  return {};
}

Result<std::uint64_t> Persistence::finish() {
  if (own_.empty()) return release(durable_);

  std::uint64_t sequence = durable_;
  std::size_t done = 0;
  for (; done < own_.size(); ++done) {
    const Status appended = wal_.append(own_[done]);
    if (!appended && appended.error().code == ErrorCode::kDiskFull) break;
    if (!appended) return std::unexpected(appended.error());
    sequence = own_[done].sequence;
    ++counters_.inline_batches;
  }
  if (done > 0) {
    const Instant begin = monotonic_now();
    KV_TRY(wal_.sync());
    synced(monotonic_now() - begin);
  }
  // What found no room waits at the WAL thread, which tries again.
  disk_full_ = done < own_.size();
  for (std::size_t i = done; i < own_.size(); ++i) KV_TRY(queue(std::move(own_[i])));
  own_.clear();
  return release(sequence);
}

std::uint64_t Persistence::reported(const WalReport& report) {
  jobs_in_flight_ -= report.jobs;
  disk_full_ = report.disk_full;
  if (report.syncs > 0) synced(report.sync_time);
  return release(std::max(report.sequence, durable_));
}

void Persistence::synced(Duration took) {
  ++counters_.syncs;
  counters_.sync_time += took;
  usual_sync_ = (7 * usual_sync_ + took) / 8;
  mark_due_ = true;
}

std::uint64_t Persistence::release(std::uint64_t sequence) {
  std::uint64_t newest = 0;
  while (!waiting_.empty() &&
         (waiting_.front().sequence <= sequence || !waiting_.front().has_writes)) {
    newest = waiting_.front().sequence;
    waiting_.pop_front();
  }
  durable_ = std::max({durable_, sequence, newest});
  return newest;
}

Status Persistence::compact(Index through) {
  // From here on the Wal is the thread's: what was left to the reactor is written there too, first.
  for (raft::PersistBatch& batch : own_) KV_TRY(queue(std::move(batch)));
  own_.clear();
  ++jobs_in_flight_;
  return thread_.compact(through);
}

Status Persistence::write_mark_if_idle() {
  if (!mark_due_ || !idle() || !own_.empty()) return {};
  mark_due_ = false;
  return wal_.write_mark();
}

}  // namespace kvcluster::server
