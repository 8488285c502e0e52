// The log in memory: the entries after a base, where a snapshot or a compaction ends. It knows
// nothing of disks; what is durable is PersistTracker's business.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <vector>

#include "base/ids.hpp"
#include "raft/log_entry.hpp"

namespace kvcluster::raft {

// What an entry weighs beyond its payload, so that a flood of tiny entries is bounded too.
inline constexpr std::size_t kEntryOverheadBytes = 32;

class Log {
 public:
  // Requires: `entries` follow `base` without a gap, their terms never go down.
  Log(EntryId base, std::vector<Entry> entries);

  // The entry just before the first one held; its term stays known, so that the election
  // restriction and the consistency check work on an empty log too (dissertation, 5.1).
  [[nodiscard]] EntryId base() const { return base_; }
  [[nodiscard]] Index last_index() const { return base_.index.plus(slots_.size()); }
  [[nodiscard]] EntryId last() const;

  // The term of the base or of an entry held; empty otherwise.
  [[nodiscard]] std::optional<Term> term_at(Index index) const;
  [[nodiscard]] bool holds(EntryId id) const { return term_at(id.index) == id.term; }
  // Requires: base < index <= last.
  [[nodiscard]] const Entry& at(Index index) const;

  // The largest id (base included) with index <= limit.index and term <= limit.term: where a leader
  // goes back to after a conflict, a whole term at a time (dissertation, 3.5). Empty: below the
  // base.
  [[nodiscard]] std::optional<EntryId> largest_at_most(EntryId limit) const;

  // Bytes (payload and overhead) of the entries in (after, last]. Requires: base <= after <= last
  // <= last_index.
  [[nodiscard]] std::size_t bytes_between(Index after, Index last) const;
  // The largest index such that [first, it] holds at most `max_bytes`, but at least `first`.
  // Requires: base < first <= last_index.
  [[nodiscard]] Index last_within(Index first, std::size_t max_bytes) const;
  // Copies [first, last]; payloads are shared, not copied.
  void copy(Index first, Index last, std::vector<Entry>& out) const;

  // Requires: follows the last entry; its term is not lower.
  void append(Entry entry);
  // Removes `from` and all after it. Requires: from > base.
  void truncate(Index from);
  // Drops the entries up to and including `index` from memory. Requires: base <= index <= last.
  void compact(Index index);
  // Empties the log, which then starts after `base`.
  void reset(EntryId base);

 private:
  struct Slot {
    Entry entry;
    // Bytes of all entries ever appended up to here, so that a range is one subtraction.
    std::uint64_t bytes_through;
  };

  [[nodiscard]] std::uint64_t bytes_through(Index index) const;
  [[nodiscard]] const Slot& slot(Index index) const;

  EntryId base_;
  std::uint64_t base_bytes_through_ = 0;
  std::deque<Slot> slots_;
};

}  // namespace kvcluster::raft
