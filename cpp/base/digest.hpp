// BLAKE2b (RFC 7693) through libb2, and the incremental multiset hash over it.
#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <string>

#include "base/bytes.hpp"

namespace kvcluster {

// A BLAKE2b-256 value.
struct Digest {
  std::array<std::uint8_t, 32> bytes{};

  [[nodiscard]] BytesView view() const {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
  }
  [[nodiscard]] std::string hex() const;  // 64 lower-case digits
  // Requires: exactly 32 bytes.
  static Digest from(BytesView raw);

  friend auto operator<=>(const Digest&, const Digest&) = default;
};

// A 32-byte BLAKE2b key; made once, when the cluster is created.
using HashKey = std::array<std::uint8_t, 32>;

[[nodiscard]] Digest blake2b_256(BytesView bytes);
[[nodiscard]] Digest blake2b_256_keyed(const HashKey& key, BytesView bytes);

// Streams bytes into an unkeyed BLAKE2b-256.
class Blake2b256 {
 public:
  Blake2b256();
  Blake2b256(const Blake2b256&) = delete;
  Blake2b256& operator=(const Blake2b256&) = delete;

  void update(BytesView bytes);
  // Ends the stream. Requires: called once.
  [[nodiscard]] Digest finish();

 private:
  // libb2's blake2b_state.
  alignas(std::uint64_t) std::array<std::byte, 360> state_;
};

// One link of a hash chain: BLAKE2b-256(previous || bytes).
[[nodiscard]] Digest chain(const Digest& previous, BytesView bytes);

// An incremental hash of a multiset (MSet-Add-Hash; Clarke, Devadas, van Dijk, Gassend and Suh,
// ASIACRYPT 2003): the sum modulo 2^512 of a keyed BLAKE2b-512 of each element. Adding and removing
// cost one hash each, in any order.
class MultisetHash {
 public:
  static constexpr std::size_t kEncodedSize = 64 + 8;

  // What an element adds to the sum: its keyed BLAKE2b-512, as little-endian limbs.
  using Term = std::array<std::uint64_t, 8>;

  explicit MultisetHash(const HashKey& key);

  [[nodiscard]] Term term(BytesView element) const;
  void add(const Term& term);
  // Requires: the element was added and not yet removed.
  void remove(const Term& term);
  void add(BytesView element) { add(term(element)); }
  void remove(BytesView element) { remove(term(element)); }

  [[nodiscard]] std::uint64_t count() const { return count_; }
  // BLAKE2b-256_K(sum || count || index). The sum itself is never shown.
  [[nodiscard]] Digest root(std::uint64_t index) const;

  // The sum and count, for a checkpoint; 72 bytes.
  void encode(Bytes& out) const;
  // Requires: kEncodedSize bytes.
  void decode(BytesView raw);

  friend bool operator==(const MultisetHash&, const MultisetHash&) = default;

 private:
  HashKey key_;
  // BLAKE2b's chaining value after the key, which is a block of its own: every hash goes on from
  // here, and a short element costs one compression instead of two.
  Term after_key_;
  Term sum_{};
  std::uint64_t count_ = 0;
};

}  // namespace kvcluster
