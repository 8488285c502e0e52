// The replicated state machine: applies encoded requests in log order, answers reads, and keeps the
// two digests of the state hash at every index. Deterministic: the same entries give the same
// bytes in the table, the same replies and the same digests on every node.
//
// Thread-safety: none; one owner. Views handed out live until the next non-const call.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>

#include "base/bytes.hpp"
#include "base/digest.hpp"
#include "base/ids.hpp"
#include "base/time.hpp"
#include "kv/change.hpp"
#include "kv/reply.hpp"
#include "kv/request.hpp"
#include "kv/table.hpp"

namespace kvcluster::kv {

struct Digests {
  Index index;
  Digest history;  // H_i = BLAKE2b-256(H_{i-1} || entry_i)
  Digest state;    // the shown root of the multiset hash
  std::uint64_t keys = 0;
  friend bool operator==(const Digests&, const Digests&) = default;
};

class StateMachine {
 public:
  // An empty state, or what encode_meta() saved together with this very table.
  // `table` must outlive the state machine.
  explicit StateMachine(Table& table);
  ~StateMachine();
  StateMachine(const StateMachine&) = delete;
  StateMachine& operator=(const StateMachine&) = delete;

  // Tells of every change from now on; nullptr: nobody. `observer` must outlive the state machine,
  // or be taken back.
  void observe(ChangeObserver* observer);

  // The bytes of an entry as they are hashed into the history: every node sees the same.
  struct LogPosition {
    Index index;
    Term term;
  };

  // Entry 1: makes the hash key and cluster id part of the state.
  void apply_genesis(LogPosition at, const HashKey& key, BytesView payload);
  // An entry without a command (no-op, configuration): moves index and history only; a
  // configuration's bytes also enter the state digest in place of the one before.
  void apply_empty(LogPosition at, BytesView payload, bool is_configuration);
  // A command entry: `payload` is encode_entry()'s. Requires: at.index == applied().next().
  // A payload that cannot be decoded breaks an invariant: it was checked before it was proposed.
  Reply apply(LogPosition at, BytesView payload);

  // These command entries are about to be applied: brings near the records that they will touch.
  // Changes nothing but the time.
  void expect(std::span<const BytesView> payloads) const;
  // How many to name at a time: the first is still near when the last was brought.
  static constexpr std::size_t kExpectedEntries = 32;

  // The payload of a command entry: the leader's clock (u64, little-endian), then the encoded
  // request, unchanged. So a leader can keep room for the time and stamp it in place.
  static constexpr std::size_t kEntryTimeBytes = 8;
  static void encode_entry(WallMillis time, BytesView encoded_request, Bytes& out);
  // An entry that only moves the cluster time, so that what is due expires.
  static void encode_clock_entry(WallMillis time, Bytes& out);

  // Answers a read at the current state. `now` only refines what TTL shows.
  // Requires: `encoded_request` is not a write.
  [[nodiscard]] Reply read(BytesView encoded_request, WallMillis now) const;

  [[nodiscard]] Index applied() const;
  [[nodiscard]] Term applied_term() const;
  // The newest time inside the log.
  [[nodiscard]] WallMillis cluster_time() const;
  // When the next record expires; nullopt when none will.
  [[nodiscard]] std::optional<WallMillis> next_expiry() const;
  // When to look again: the same up to `now`; beyond, nothing expires earlier than this, which is
  // known without a look into the table. Cheap: for every turn.
  [[nodiscard]] std::optional<WallMillis> expiry_deadline(WallMillis now) const;
  [[nodiscard]] std::uint64_t key_count() const;
  [[nodiscard]] std::uint64_t session_count() const;

  [[nodiscard]] Digests digests() const;
  // Cheap: for every applied index.
  [[nodiscard]] const Digest& history() const;
  // The unkeyed canonical BLAKE2b-256 over the sorted records: O(state).
  [[nodiscard]] Digest full_digest() const;
  // The incremental hash computed anew from the table; equal to digests().state. O(state).
  [[nodiscard]] Digest recompute_state_digest() const;

  // All that is not in the table, for a checkpoint: index, term, time, digests, counts, hash key,
  // cluster payload, configuration bytes.
  void encode_meta(Bytes& out) const;
  // Continues from a checkpoint or a snapshot. Errors: kCorruption, kVersionMismatch.
  [[nodiscard]] Status restore(BytesView meta);
  // The payloads last given to apply_genesis and apply_empty(is_configuration).
  [[nodiscard]] BytesView genesis_payload() const;
  [[nodiscard]] BytesView configuration_payload() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace kvcluster::kv
