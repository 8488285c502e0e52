// Numbers inside keys: big-endian, so that the order of the bytes is the order of the numbers.
#pragma once

#include <cstdint>

#include "base/bytes.hpp"

namespace kvcluster::kv {

// Appends the lowest `size` bytes of `number`.
inline void append_big_endian(std::uint64_t number, std::size_t size, Bytes& out) {
  for (std::size_t shift = 8 * size; shift != 0; shift -= 8) {
    out.push_back(static_cast<char>(static_cast<std::uint8_t>(number >> (shift - 8))));
  }
}

// Requires: at most 8 bytes.
[[nodiscard]] inline std::uint64_t big_endian(BytesView bytes) {
  std::uint64_t number = 0;
  for (const char byte : bytes) number = (number << 8U) | static_cast<std::uint8_t>(byte);
  return number;
}

}  // namespace kvcluster::kv
