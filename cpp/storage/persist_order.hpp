// The order in which persist batches become durable: who writes each of them, which ones wait, and
// up to which one the node may vouch for what it holds (dissertation, figure 3.1: "updated on
// stable storage before responding").
//
// Two may write the log: the reactor itself, and the WAL writer, which has a thread of its own.
// They never do at once, and never out of order: the reactor writes only while the writer has
// nothing to do, and gives it what it has not written itself before anything newer goes there. So a
// sync covers all batches before the newest one that it covers, and one number says what is
// durable.
//
// The server's threads and the simulator's events both ask here. Pure: it sees no log, no thread
// and no clock; it is told what was written.
//
// Thread-safety: none; the reactor's.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <vector>

#include "raft/effects.hpp"

namespace kvcluster::storage {

class PersistOrder {
 public:
  using Batches = std::vector<raft::PersistBatch>;

  // Above either the writer writes, however quick the disk is.
  static constexpr std::size_t kReactorEntries = 64;
  static constexpr std::size_t kReactorBytes = 16U << 10U;
  // What an entry counts beside its payload.
  static constexpr std::size_t kEntryOverhead = 32;

  // Takes the batches of one turn and gives back those that the writer is to be given now, in
  // their order; what the reactor is to write itself is in own(). `quick`: for little the reactor
  // may wait for the disk.
  // Requires: sequences ascend, over all calls.
  [[nodiscard]] Batches start(Batches batches, bool quick);

  // What the reactor is to write, in this order: append until one finds no room, then sync.
  [[nodiscard]] const Batches& own() const { return own_; }
  // It appended the first `appended` of own(), and synced them if there are any. Gives back the
  // others, which found no room: the writer is to be given them, and tries again.
  [[nodiscard]] Batches own_synced(std::size_t appended);

  // The writer is to be given a compaction, behind all that came before it: gives back what goes
  // there first.
  [[nodiscard]] Batches begin_compaction();
  // The writer has done `jobs` (batches and compactions), and synced up to the batch `sequence`;
  // 0: there was no batch among them.
  // Requires: it was given them.
  void writer_synced(std::uint64_t sequence, std::uint64_t jobs);

  // The newest batch that is durable, with all before it; 0 when there is none that was not told
  // before. One that writes nothing is durable when those before it are.
  [[nodiscard]] std::uint64_t release();

  // The writer has nothing to do: the log may be touched.
  [[nodiscard]] bool idle() const { return jobs_at_writer_ == 0; }
  // Of all batches so far: payloads, and kEntryOverhead an entry.
  [[nodiscard]] std::uint64_t logged_bytes() const { return logged_bytes_; }

 private:
  struct Waiting {
    std::uint64_t sequence = 0;
    bool has_writes = false;
  };

  void wait_for(const raft::PersistBatch& batch);
  // Everything of own(), then `batches`.
  [[nodiscard]] Batches hand_over(Batches batches);

  std::deque<Waiting> waiting_;  // Invariant: sequences ascend
  Batches own_;                  // Invariant: empty unless idle()
  std::uint64_t jobs_at_writer_ = 0;
  std::uint64_t newest_ = 0;   // that was taken
  std::uint64_t durable_ = 0;  // Invariant: durable_ <= newest_
  std::uint64_t logged_bytes_ = 0;
};

}  // namespace kvcluster::storage
