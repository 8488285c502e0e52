// The hash slot of a key, as cluster clients compute it: CRC16 (XMODEM) modulo 16384, of the part
// between the first '{' and the next '}' when that is not empty.
#pragma once

#include <cstdint>

#include "base/bytes.hpp"

namespace kvcluster::server {

inline constexpr std::uint16_t kHashSlots = 16384;

[[nodiscard]] std::uint16_t hash_slot(BytesView key);

}  // namespace kvcluster::server
