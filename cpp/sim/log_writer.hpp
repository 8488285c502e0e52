// The log of one simulated node: the real Wal on a MemoryDisk, written by the reactor itself or by
// a thread, as server/persistence.hpp and server/wal_thread.hpp have it, in the same PersistOrder.
// The thread is an event: what it takes in one round is written and synced when the round ends.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <span>
#include <variant>
#include <vector>

#include "base/random.hpp"
#include "base/result.hpp"
#include "raft/effects.hpp"
#include "sim/coverage.hpp"
#include "sim/invariants.hpp"
#include "sim/profile.hpp"
#include "storage/memory_disk.hpp"
#include "storage/persist_order.hpp"
#include "storage/wal.hpp"

namespace kvcluster::sim {

class LogWriter {
 public:
  LogWriter(std::uint8_t node, const Profile& profile, std::uint64_t seed,
            storage::MemoryDisk& disk, Coverage& coverage, Invariants& invariants);

  // The process has started with this log.
  void opened(std::unique_ptr<storage::Wal> wal);
  // The process has ended. `in_write`: at this operation of the disk from now on, if the writer
  // was at work.
  void ended(std::optional<std::uint64_t> in_write);

  // Takes the batches of one turn, in their order. Errors: end the node.
  [[nodiscard]] Status start(std::vector<raft::PersistBatch> batches);
  // Writes and syncs what start() left to the reactor. Gives the newest batch that is durable, 0
  // when there is none that was not told before. Errors: end the node.
  [[nodiscard]] Result<std::uint64_t> finish();
  [[nodiscard]] Status compact(Index through);
  [[nodiscard]] Status write_mark_if_idle();

  // How long the writer's next round takes; nullopt: it has nothing to do, is at work, or hangs.
  [[nodiscard]] std::optional<Duration> begin_round();
  // The round has ended. As finish().
  [[nodiscard]] Result<std::uint64_t> end_round();

  [[nodiscard]] bool idle() const { return order_.idle(); }
  [[nodiscard]] bool disk_full() const { return disk_full_; }
  [[nodiscard]] bool hung() const { return hung_; }
  void set_hung(bool hung) { hung_ = hung; }
  void set_extra_sync(Duration extra) { extra_sync_ = extra; }
  [[nodiscard]] std::uint64_t logged_bytes() const { return order_.logged_bytes(); }
  [[nodiscard]] storage::Wal& wal() { return *wal_; }
  [[nodiscard]] std::uint64_t syncs() const { return syncs_; }

 private:
  using Job = std::variant<raft::PersistBatch, Index>;

  [[nodiscard]] Status append(const raft::PersistBatch& batch);
  [[nodiscard]] Status sync(std::span<const raft::PersistBatch> appended);
  void queue(std::vector<raft::PersistBatch> batches);
  void note_segments();

  std::uint8_t node_;
  const Profile& profile_;
  Random random_;
  storage::MemoryDisk& disk_;
  Coverage& coverage_;
  Invariants& invariants_;
  std::unique_ptr<storage::Wal> wal_;

  storage::PersistOrder order_;
  std::deque<Job> queue_;
  std::deque<Job> work_;  // of the round under way, and what found no room
  bool at_work_ = false;
  bool hung_ = false;
  bool disk_full_ = false;
  bool mark_due_ = false;
  Duration extra_sync_{};
  std::uint64_t syncs_ = 0;
  std::uint64_t segment_ = 0;  // the newest segment's number, as last seen
  std::size_t spares_ = 0;
};

}  // namespace kvcluster::sim
