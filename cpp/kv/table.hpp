// Where the state machine keeps its records: an ordered map from byte strings to byte strings, in a
// few separate spaces. Implementations: MapTable (memory, tests, simulator) and storage's
// LayeredTable (memtable over an LMDB checkpoint).
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>

#include "base/bytes.hpp"

namespace kvcluster::kv {

// Written to disk: values are never reused.
enum class Space : std::uint8_t {
  kData = 0,     // user key -> Record
  kSession = 1,  // client id -> Session
  kExpiry = 2,   // big-endian expiry time || BLAKE2b-128 of space and key -> space and key
  kStream = 3,   // stream elements
};
inline constexpr std::size_t kSpaceCount = 4;

// Keys of every space are 1 to 511 bytes (LMDB's limit), and sorted as unsigned bytes.
inline constexpr std::size_t kMaxKeyBytes = 511;

class Table {
 public:
  virtual ~Table() = default;

  // The view is valid until the next non-const call.
  [[nodiscard]] virtual std::optional<BytesView> get(Space space, BytesView key) const = 0;
  virtual void put(Space space, BytesView key, BytesView value) = 0;

  // A note of the owner's beside a value, which spares it computing something again. A table may
  // keep it for as long as the value stays in memory; with the value it goes.
  using Note = std::array<std::uint64_t, 8>;
  virtual void put_noted(Space space, BytesView key, BytesView value, const Note& /*note*/) {
    put(space, key, value);
  }
  // nullptr when it was not kept. Valid until the next non-const call.
  [[nodiscard]] virtual const Note* note(Space /*space*/, BytesView /*key*/) const {
    return nullptr;
  }

  // Erasing what is not there changes nothing.
  virtual void erase(Space space, BytesView key) = 0;

  // Visits in ascending order from the first key >= `from` until the visitor returns false. The
  // views are valid during the visit only; the visitor must not change the table.
  using Visitor = std::function<bool(BytesView key, BytesView value)>;
  virtual void scan(Space space, BytesView from, const Visitor& visitor) const = 0;

  // These keys are about to be asked for: a table in memory brings them near all at once, where one
  // after the other would wait for each. Changes nothing but the time.
  virtual void prefetch(Space /*space*/, std::span<const BytesView> /*keys*/) const {}

  // Removes everything, in all spaces.
  virtual void clear() = 0;

 protected:
  Table() = default;
  Table(const Table&) = default;
  Table& operator=(const Table&) = default;
};

}  // namespace kvcluster::kv
