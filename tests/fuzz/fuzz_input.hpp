// The bytes that a fuzzer made, read as choices. At the end every number is zero and every string
// empty, so that each input means something.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "base/bytes.hpp"

// What libFuzzer and the replay program call with each input.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace kvcluster::fuzz {

class FuzzInput {
 public:
  FuzzInput(const std::uint8_t* data, std::size_t size)
      : left_(reinterpret_cast<const char*>(data), size) {}

  [[nodiscard]] bool at_end() const { return left_.empty(); }

  std::uint8_t byte() {
    if (left_.empty()) return 0;
    const auto value = static_cast<std::uint8_t>(left_.front());
    left_.remove_prefix(1);
    return value;
  }
  bool flag() { return (byte() & 1U) != 0; }
  // Little-endian, of so many bytes.
  std::uint64_t number(unsigned bytes = 8) {
    std::uint64_t value = 0;
    for (unsigned i = 0; i < bytes; ++i) value |= std::uint64_t{byte()} << (8 * i);
    return value;
  }
  // Mostly small, at times any: the first byte says how many bytes follow.
  std::uint64_t varied() {
    const std::uint8_t first = byte();
    return first < 0xF8 ? first : number((first & 7U) + 1);
  }
  // Up to 255 bytes; the first byte says how many.
  BytesView string() { return raw(byte()); }
  BytesView raw(std::size_t size) {
    const BytesView taken = left_.substr(0, std::min(size, left_.size()));
    left_.remove_prefix(taken.size());
    return taken;
  }
  BytesView rest() { return raw(left_.size()); }

 private:
  BytesView left_;
};

}  // namespace kvcluster::fuzz
