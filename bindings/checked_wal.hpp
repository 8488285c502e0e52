// A write-ahead log with its disk, for curious hands: what does not fit the log is refused with
// std::invalid_argument, where the log itself would end the process.
//
// Thread-safety: all functions from any thread; they take turns. Only in the process that opened
// it, not in a fork.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "storage/disk.hpp"
#include "storage/log_terms.hpp"
#include "storage/wal.hpp"

namespace kvcluster::python {

// What WalRecovered holds beside the log itself.
struct WalFound {
  raft::HardState hard_state;
  raft::EntryId log_base;
  std::vector<raft::Entry> entries;
  std::uint64_t torn_bytes = 0;
};

class CheckedWal {
 public:
  static void create(const std::string& directory, const storage::WalOptions& options,
                     const storage::WalIdentity& identity);
  // Opens. Throws NativeError, as do all functions below.
  CheckedWal(const std::string& directory, const storage::WalOptions& options,
             const storage::WalIdentity& identity);

  [[nodiscard]] const WalFound& recovered() const { return recovered_; }
  void append(const raft::PersistBatch& batch);
  void sync();
  void write_mark();
  void reset(raft::EntryId base, const raft::HardState& hard_state);
  void compact(Index through);
  void close();

  [[nodiscard]] storage::WalPosition durable_position() const;
  [[nodiscard]] storage::WalPosition appended_position() const;
  [[nodiscard]] raft::EntryId base() const;
  [[nodiscard]] raft::EntryId last() const;
  [[nodiscard]] raft::HardState hard_state() const;
  [[nodiscard]] std::size_t segment_count() const;
  [[nodiscard]] std::uint64_t room_bytes() const;
  [[nodiscard]] bool disk_full() const;

 private:
  [[nodiscard]] std::unique_lock<std::mutex> take_turn() const;
  // Requires: the caller's turn.
  [[nodiscard]] storage::Wal& open() const;
  void check(const raft::PersistBatch& batch) const;
  void check_hard_state(const raft::HardState& hard_state) const;

  mutable std::mutex mutex_;
  const pid_t owner_;
  std::unique_ptr<storage::Disk> disk_;
  std::unique_ptr<storage::Wal> wal_;
  storage::LogTerms terms_;  // as the log's own
  WalFound recovered_;
};

}  // namespace kvcluster::python
