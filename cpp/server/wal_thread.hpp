// The WAL writer's thread: takes all batches that wait, writes them with one write and one sync,
// and reports how far the log is durable (group commit).
//
// While the thread has work the Wal is its own. The reactor may use the Wal itself only when every
// batch that it queued has been reported durable.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <thread>
#include <variant>
#include <vector>

#include "base/result.hpp"
#include "base/time.hpp"
#include "raft/effects.hpp"
#include "storage/wal.hpp"

namespace kvcluster::server {

struct WalReport {
  std::uint64_t sequence = 0;  // durable up to this batch; 0: none new
  std::uint64_t jobs = 0;      // finished jobs that this report covers, compactions included
  std::uint64_t syncs = 0;     // 0 or 1
  Duration sync_time{};
  bool disk_full = false;      // a batch waits for room and is tried again
  std::optional<Error> error;  // the log has ended
};

class WalThread {
 public:
  // Called on the WAL thread after every sync, and when the disk is full or the log has failed.
  using Report = std::function<void(WalReport)>;

  // `wal` must outlive the thread.
  WalThread(storage::Wal& wal, Report report);
  // Writes what is queued, unless the disk is full or the log has failed, and joins.
  ~WalThread();
  WalThread(const WalThread&) = delete;
  WalThread& operator=(const WalThread&) = delete;

  // Bounded by consensus: a leader stops proposing at Config::max_uncommitted_bytes, and sends no
  // follower more than max_inflight_bytes that are not acknowledged. Beyond twice that something is
  // broken. Errors: kLimitExceeded.
  [[nodiscard]] Status enqueue(raft::PersistBatch batch);
  // Gives up segments that a durable checkpoint covers.
  [[nodiscard]] Status compact(Index through);

 private:
  using Job = std::variant<raft::PersistBatch, Index>;

  [[nodiscard]] Status push(Job job, std::size_t bytes);
  void run();
  // False when the thread is to end.
  bool wait_for_work(bool retry);
  // Appends jobs from the front of `work_` until one finds no room, and makes them durable.
  WalReport write_all();

  storage::Wal& wal_;
  Report report_;

  std::mutex mutex_;
  std::condition_variable ready_;
  std::deque<Job> queue_;         // guarded by mutex_
  std::size_t queued_bytes_ = 0;  // likewise; of queue_ alone
  bool stopping_ = false;         // likewise

  std::deque<Job> work_;  // the thread's own
  std::thread thread_;    // last: it uses all of the above
};

}  // namespace kvcluster::server
