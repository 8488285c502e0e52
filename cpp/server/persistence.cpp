#include "server/persistence.hpp"

#include <chrono>
#include <utility>

#include "server/clock.hpp"

namespace kvcluster::server {

namespace {

// Above this a sync costs more than two changes of thread.
constexpr Duration kInlineSync = std::chrono::microseconds(500);

}  // namespace

Status Persistence::queue(std::vector<raft::PersistBatch> batches) {
  counters_.queued_batches += batches.size();
  for (raft::PersistBatch& batch : batches) KV_TRY(thread_.enqueue(std::move(batch)));
  return {};
}

Status Persistence::start(std::vector<raft::PersistBatch> batches) {
  auto queued = order_.start(std::move(batches), usual_sync_ <= kInlineSync);
  counters_.logged_bytes = order_.logged_bytes();
  return queue(std::move(queued));
}

Result<std::uint64_t> Persistence::finish() {
  if (order_.own().empty()) return order_.release();

  std::size_t appended = 0;
  for (const raft::PersistBatch& batch : order_.own()) {
    const Status status = wal_.append(batch);
    if (!status && status.error().code == ErrorCode::kDiskFull) break;
    if (!status) return std::unexpected(status.error());
    ++appended;
  }
  counters_.inline_batches += appended;
  if (appended > 0) {
    const Instant begin = monotonic_now();
    KV_TRY(wal_.sync());
    synced(monotonic_now() - begin);
  }
  auto refused = order_.own_synced(appended);
  disk_full_ = !refused.empty();
  KV_TRY(queue(std::move(refused)));
  return order_.release();
}

std::uint64_t Persistence::reported(const WalReport& report) {
  order_.writer_synced(report.sequence, report.jobs);
  disk_full_ = report.disk_full;
  if (report.syncs > 0) synced(report.sync_time);
  return order_.release();
}

void Persistence::synced(Duration took) {
  ++counters_.syncs;
  counters_.sync_time += took;
  usual_sync_ = (7 * usual_sync_ + took) / 8;
  mark_due_ = true;
}

Status Persistence::compact(Index through) {
  KV_TRY(queue(order_.begin_compaction()));
  return thread_.compact(through);
}

Status Persistence::write_mark_if_idle() {
  if (!mark_due_ || !idle() || !order_.own().empty()) return {};
  mark_due_ = false;
  return wal_.write_mark();
}

}  // namespace kvcluster::server
