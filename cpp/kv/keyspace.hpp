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
  // How many due records one entry purges at most: the work of an entry is bounded, what is left
  // over counts as missing and goes with the next entries.
  static constexpr std::size_t kMaxPurge = 64;

  Keyspace(Table& table, StateHash& hash) : table_(table), hash_(hash) {}

  // Requires: a key of 1 to 511 bytes, as everywhere here.
  [[nodiscard]] Slot find(BytesView key, WallMillis now) const;
  // Puts `record` in place of what `slot` holds. Its value may be a part of slot.record.value.
  void write(const Slot& slot, const Record& record);
  // True when a live record was erased.
  bool erase(const Slot& slot);
  // Erases all records of kData. Sessions stay: a flush must not let a command apply twice.
  void flush();

  // Ascending from the first key >= `from`; also visits records that are due.
  using Visitor = std::function<bool(BytesView key, const Record& record)>;
  void scan(BytesView from, const Visitor& visitor) const;

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
  void index_expiry(WallMillis time, Space space, BytesView key);
  void unindex_expiry(WallMillis time, Space space, BytesView key);
  void purge(Space space, BytesView key, WallMillis expected_expiry);
  std::uint64_t& count(Space space);

  Table& table_;
  StateHash& hash_;
  std::uint64_t key_count_ = 0;
  std::uint64_t session_count_ = 0;
  // Invariant: nothing expires earlier. Spares most looks into kExpiry, and lets the others begin
  // behind the traces that erased entries leave in a layered table.
  mutable WallMillis nothing_before_ = 0;
  Bytes fresh_;  // kept for its memory
};

}  // namespace kvcluster::kv
