// Equal things get equal numbers: the search compares states and sets of operations by one number
// each, without ever mistaking a hash for equality.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace kvcluster::check {

// Mixes 64 bits (the finalizer of MurmurHash3).
[[nodiscard]] constexpr std::uint64_t mix(std::uint64_t bits) {
  bits ^= bits >> 33U;
  bits *= 0xFF51AFD7ED558CCDULL;
  bits ^= bits >> 33U;
  bits *= 0xC4CEB9FE1A85EC53ULL;
  return bits ^ (bits >> 33U);
}

// Numbers 64-bit words in the order in which they are first seen.
class WordTable {
 public:
  // The word's number, and whether it is new.
  std::pair<std::uint32_t, bool> intern(std::uint64_t word);
  [[nodiscard]] std::uint64_t operator[](std::uint32_t number) const { return words_[number]; }
  [[nodiscard]] std::size_t size() const { return words_.size(); }
  [[nodiscard]] std::size_t memory_bytes() const {
    return words_.capacity() * sizeof(std::uint64_t) + slots_.size() * sizeof(std::uint32_t);
  }

 private:
  void grow();

  std::vector<std::uint64_t> words_;
  std::vector<std::uint32_t> slots_;  // open addressing: number + 1; 0 is free
};

// Immutable arrays of 32-bit numbers as binary trees whose equal parts are one: two arrays are
// equal exactly when their roots are, and a changed copy costs O(log size).
class ConsedArrays {
 public:
  using Root = std::uint32_t;

  // All arrays have `size` places.
  explicit ConsedArrays(std::size_t size)
      : depth_(size <= 1 ? 0U : static_cast<unsigned>(std::bit_width(size - 1))) {}

  // Every place holds `value`.
  [[nodiscard]] Root filled(std::uint32_t value);
  // Requires: index < size.
  [[nodiscard]] std::uint32_t get(Root root, std::size_t index) const;
  [[nodiscard]] Root set(Root root, std::size_t index, std::uint32_t value);
  [[nodiscard]] std::size_t memory_bytes() const { return nodes_.memory_bytes(); }

 private:
  [[nodiscard]] Root node(std::uint32_t left, std::uint32_t right) {
    return nodes_.intern((static_cast<std::uint64_t>(left) << 32U) | right).first;
  }

  unsigned depth_;
  WordTable nodes_;  // left << 32 | right
};

}  // namespace kvcluster::check
