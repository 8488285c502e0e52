// Makes persist batches durable and says up to which one they are; the replica keeps the messages
// that vouch for them until then. storage/persist_order.hpp has their order.
//
// The reactor writes itself, after it has sent what needs no sync, when the WAL thread has nothing
// to do, the turn's batches are small, and syncs have been quick of late; otherwise the WAL thread
// does. At small depth waking another thread costs more than it gives; at depth, or on a slow disk,
// the reactor has better things to do than to wait.
//
// Thread-safety: none; reactor only.
#pragma once

#include <cstdint>
#include <vector>

#include "base/result.hpp"
#include "raft/effects.hpp"
#include "server/wal_thread.hpp"
#include "storage/persist_order.hpp"

namespace kvcluster::server {

struct PersistenceCounters {
  std::uint64_t syncs = 0;
  Duration sync_time{};
  std::uint64_t inline_batches = 0;
  std::uint64_t queued_batches = 0;
  std::uint64_t logged_bytes = 0;  // payloads and about 32 bytes an entry
};

class Persistence {
 public:
  // Both must outlive this object.
  Persistence(storage::Wal& wal, WalThread& thread) : wal_(wal), thread_(thread) {}

  // Takes the batches of one turn, in their order. Errors: end the node.
  [[nodiscard]] Status start(std::vector<raft::PersistBatch> batches);
  // Writes and syncs what start() left to the reactor; call it when the turn's messages are out.
  // Gives the newest batch that is durable, 0 when there is none that was not told before.
  // Errors: end the node.
  [[nodiscard]] Result<std::uint64_t> finish();
  // The same, from the WAL thread. Requires: `report` carries no error.
  [[nodiscard]] std::uint64_t reported(const WalReport& report);
  // Gives up segments that a durable checkpoint covers, behind all that is queued.
  [[nodiscard]] Status compact(Index through);

  // Notes in the log up to where it is durable, if it is idle and that is not yet noted.
  [[nodiscard]] Status write_mark_if_idle();

  // Nothing is queued at the WAL thread: the Wal may be looked at.
  [[nodiscard]] bool idle() const { return order_.idle(); }
  [[nodiscard]] bool disk_full() const { return disk_full_; }
  [[nodiscard]] const PersistenceCounters& counters() const { return counters_; }

 private:
  [[nodiscard]] Status queue(std::vector<raft::PersistBatch> batches);
  void synced(Duration took);

  storage::Wal& wal_;
  WalThread& thread_;
  storage::PersistOrder order_;
  Duration usual_sync_{};  // a moving average
  bool mark_due_ = false;
  bool disk_full_ = false;
  PersistenceCounters counters_;
};

}  // namespace kvcluster::server
