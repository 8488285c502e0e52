// Records, sessions and their expiry over a Table: every change goes through here, and takes the
// state hash, the counts and the expiry index with it.
//
// Invariant: kExpiry holds exactly one entry for each record and session that will expire.
// Invariant: the state hash is the hash of what is in the table.
//
// Thread-safety: none; one owner.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>

#include "base/bytes.hpp"
#include "base/time.hpp"
#include "kv/change.hpp"
#include "kv/record.hpp"
#include "kv/state_hash.hpp"
#include "kv/table.hpp"

namespace kvcluster::kv {

// What is under a key now. Lives until the next change of the keyspace; the key is the caller's.
struct Slot {
  BytesView key;
  std::optional<BytesView> stored;  // also of a record that is due but not yet purged
  Record record;                    // decoded from `stored`
  bool live = false;                // stored, and not due
};

class Keyspace {
 public:
  // How many due records, and elements of due streams, one entry purges at most: the work of an
  // entry is bounded, what is left over counts as missing and goes with the next entries.
  static constexpr std::size_t kMaxPurge = 64;

  Keyspace(Table& table, StateHash& hash) : table_(table), hash_(hash) {}

  // nullptr: nobody. It must outlive the keyspace, or be taken back.
  void observe(ChangeObserver* observer) { observer_ = observer; }

  // Requires: a key of 1 to 511 bytes, as everywhere here.
  [[nodiscard]] Slot find(BytesView key, WallMillis now) const;
  // Puts `record` in place of what `slot` holds. Its value may be a part of slot.record.value.
  // Anything but a stream takes the elements of a stream with it.
  void write(const Slot& slot, const Record& record);
  // True when a live record was erased. The elements of a stream go with it: O(elements).
  bool erase(const Slot& slot);
  // Erases all records of kData. Sessions stay: a flush must not let a command apply twice.
  void flush();

  // Ascending from the first key >= `from`; also visits records that are due.
  using Visitor = std::function<bool(BytesView key, const Record& record)>;
  void scan(BytesView from, const Visitor& visitor) const;

  // The elements of a stream. Whoever changes them writes the stream's record as well.
  // Requires: an element that is not there yet.
  void add_element(BytesView key, std::uint64_t sequence, BytesView value);
  // Requires: all from `first` up to `end`, which is excluded, are there.
  void erase_elements(BytesView key, std::uint64_t first, std::uint64_t end);
  // Visits first..last, ascending, until the visitor returns false.
  using ElementVisitor = std::function<bool(std::uint64_t sequence, BytesView value)>;
  void scan_elements(BytesView key, std::uint64_t first, std::uint64_t last,
                     const ElementVisitor& visitor) const;

  [[nodiscard]] std::optional<Session> session(BytesView client) const;
  void write_session(BytesView client, const Session& session);

  // Erases up to kMaxPurge of what is due, in order of time.
  void purge_due(WallMillis now);
  // See StateMachine::expiry_deadline().
  [[nodiscard]] std::optional<WallMillis> expiry_deadline(WallMillis now) const;

  [[nodiscard]] std::uint64_t key_count() const { return key_count_; }
  [[nodiscard]] std::uint64_t session_count() const { return session_count_; }
  // After a restore: the counts that belong to this table.
  void restore_counts(std::uint64_t keys, std::uint64_t sessions);

 private:
  void replace(Space space, BytesView key, std::optional<BytesView> old, WallMillis old_expiry,
               BytesView fresh, WallMillis fresh_expiry);
  void remove(Space space, BytesView key, BytesView old, WallMillis old_expiry);
  void unhash(Space space, BytesView key, BytesView old);
  void index_expiry(WallMillis time, Space space, BytesView key);
  void unindex_expiry(WallMillis time, Space space, BytesView key);
  // False when `work` was used up before all of a stream was erased.
  bool purge(Space space, BytesView key, WallMillis expected_expiry, std::size_t& work);
  void erase_element(BytesView element_key);
  void tell(ChangeKind kind, BytesView key, BytesView value = {});
  // write() without telling of it.
  void put(const Slot& slot, const Record& record);
  std::uint64_t& count(Space space);

  Table& table_;
  StateHash& hash_;
  ChangeObserver* observer_ = nullptr;
  std::uint64_t key_count_ = 0;
  std::uint64_t session_count_ = 0;
  // Invariant: nothing expires earlier. Spares most looks into kExpiry, and lets the others begin
  // behind the traces that erased entries leave in a layered table.
  mutable WallMillis nothing_before_ = 0;
  Bytes fresh_;  // kept for its memory
};

}  // namespace kvcluster::kv
