// The state hash: which bytes of the state are hashed, and how.
//
// Elements of the multiset, each one bound to where it stands:
//   a record   u8 space | varint key length | key | stored value, for kData, kSession and kStream
//   genesis    u8 0xF0 | payload
//   membership u8 0xF1 | payload of the newest configuration entry
// kExpiry is derived from the records and not hashed.
//
// The canonical digest is an unkeyed BLAKE2b-256 over the same things in a fixed order: the records
// of kData, kSession and kStream, in that order and each space ascending by key, every one as
//   u8 space | varint key length | key | varint value length | stored value
// and then genesis and membership, each (when there is one) as
//   u8 0xF0 or 0xF1 | varint length | payload
// Neither index nor cluster time is part of it: anyone can repeat it on a dump.
#pragma once

#include <array>
#include <cstdint>

#include "base/bytes.hpp"
#include "base/digest.hpp"
#include "kv/table.hpp"

namespace kvcluster::kv {

// Elements that are no records. Beyond every Space, so that the two cannot be taken for each other.
enum class StatePart : std::uint8_t { kGenesis = 0xF0, kMembership = 0xF1 };

inline constexpr std::array<Space, 3> kHashedSpaces = {Space::kData, Space::kSession,
                                                       Space::kStream};

// The incremental hash. Thread-safety: none; one owner.
class StateHash {
 public:
  explicit StateHash(const HashKey& key) : key_(key), sum_(key) {}

  // Returns what it added, to be given to remove() where that is kept.
  MultisetHash::Term add(Space space, BytesView key, BytesView stored);
  // Requires: was added with these very bytes.
  void remove(Space space, BytesView key, BytesView stored);
  void remove(const MultisetHash::Term& term) { sum_.remove(term); }
  void add(StatePart part, BytesView payload);
  void remove(StatePart part, BytesView payload);

  [[nodiscard]] const HashKey& key() const { return key_; }
  [[nodiscard]] std::uint64_t count() const { return sum_.count(); }
  [[nodiscard]] Digest root(std::uint64_t index) const { return sum_.root(index); }
  void encode(Bytes& out) const { sum_.encode(out); }
  // Requires: MultisetHash::kEncodedSize bytes.
  void decode(BytesView raw) { sum_.decode(raw); }

 private:
  void set_element(Space space, BytesView key, BytesView stored);
  void set_element(StatePart part, BytesView payload);

  HashKey key_;
  MultisetHash sum_;
  Bytes element_;  // kept for its memory
};

// What the two walks over the whole state need beside the table.
struct StateParts {
  bool has_genesis = false;
  bool has_membership = false;
  BytesView genesis;
  BytesView membership;
};

// The incremental hash computed anew. O(state).
[[nodiscard]] StateHash recompute_state_hash(const Table& table, const StateParts& parts,
                                             const HashKey& key);
// The canonical digest. O(state).
[[nodiscard]] Digest canonical_digest(const Table& table, const StateParts& parts);

}  // namespace kvcluster::kv
