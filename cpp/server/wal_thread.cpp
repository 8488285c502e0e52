#include "server/wal_thread.hpp"

#include <chrono>
#include <iterator>
#include <utility>

#include "server/clock.hpp"

namespace kvcluster::server {

namespace {

constexpr std::size_t kMaxQueuedJobs = 1'000'000;
constexpr std::size_t kMaxQueuedBytes = 256U << 20U;
// How often a batch that found no room is tried again.
constexpr auto kDiskFullRetry = std::chrono::milliseconds(100);

std::size_t payload_bytes(const raft::PersistBatch& batch) {
  std::size_t bytes = 0;
  for (const raft::Entry& entry : batch.entries) bytes += entry.payload.size();
  return bytes;
}

}  // namespace

WalThread::WalThread(storage::Wal& wal, Report report)
    : wal_(wal), report_(std::move(report)), thread_([this] { run(); }) {}

WalThread::~WalThread() {
  {
    const std::scoped_lock lock(mutex_);
    stopping_ = true;
  }
  ready_.notify_one();
  thread_.join();
}

Status WalThread::enqueue(raft::PersistBatch batch) {
  const std::size_t bytes = payload_bytes(batch);
  return push(std::move(batch), bytes);
}

Status WalThread::compact(Index through) { return push(through, 0); }

Status WalThread::push(Job job, std::size_t bytes) {
  {
    const std::scoped_lock lock(mutex_);
    if (queue_.size() >= kMaxQueuedJobs || queued_bytes_ + bytes > kMaxQueuedBytes) {
      return fail(ErrorCode::kLimitExceeded, "the WAL writer's queue is over its bound");
    }
    queue_.push_back(std::move(job));
    queued_bytes_ += bytes;
  }
  ready_.notify_one();
  return {};
}

bool WalThread::wait_for_work(bool retry) {
  std::unique_lock lock(mutex_);
  const auto due = [this] { return stopping_ || !queue_.empty(); };
  if (retry) {
    ready_.wait_for(lock, kDiskFullRetry, due);
  } else {
    ready_.wait(lock, due);
  }
  // Jobs that found no room stay in front of the new ones.
  work_.insert(work_.end(), std::make_move_iterator(queue_.begin()),
               std::make_move_iterator(queue_.end()));
  queue_.clear();
  queued_bytes_ = 0;
  return !stopping_ || (!work_.empty() && !retry);
}

WalReport WalThread::write_all() {
  WalReport report;
  bool appended = false;
  while (!work_.empty()) {
    const Job& job = work_.front();
    const auto* batch = std::get_if<raft::PersistBatch>(&job);
    const Status done = batch != nullptr ? wal_.append(*batch) : wal_.compact(std::get<Index>(job));
    if (!done && done.error().code == ErrorCode::kDiskFull) {
      report.disk_full = true;
      break;
    }
    if (!done) {
      report.error = done.error();
      return report;
    }
    if (batch != nullptr) {
      report.sequence = batch->sequence;
      appended = true;
    }
    ++report.jobs;
    work_.pop_front();
  }
  if (!appended) return report;
  const Instant begin = monotonic_now();
  const Status synced = wal_.sync();
  report.sync_time = monotonic_now() - begin;
  report.syncs = 1;
  if (!synced) {
    report.sequence = 0;
    report.error = synced.error();
  }
  return report;
}

void WalThread::run() {
  bool retry = false;
  while (wait_for_work(retry)) {
    WalReport report = write_all();
    retry = report.disk_full;
    const bool failed = report.error.has_value();
    report_(std::move(report));
    if (failed) return;  // the queue is never looked at again: the node ends
  }
}

}  // namespace kvcluster::server
