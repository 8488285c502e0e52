// Arrays of bytes of a fixed size, as they stand in a format.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

#include "base/bytes.hpp"
#include "base/codec.hpp"

namespace kvcluster::wire {

template <std::size_t N>
[[nodiscard]] BytesView view_of(const std::array<std::uint8_t, N>& bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), N};
}

// Leaves `bytes` as it is when the decoder is bad.
template <std::size_t N>
void read_fixed(Decoder& decoder, std::array<std::uint8_t, N>& bytes) {
  const BytesView raw = decoder.raw(N);
  std::ranges::copy(raw, bytes.begin());
}

}  // namespace kvcluster::wire
