// CRC-32C (Castagnoli; RFC 3720, appendix B.4), as used by the WAL and by peer frames.
#pragma once

#include <cstdint>

#include "base/bytes.hpp"

namespace kvcluster {

// Continues `seed` (0 to start) over `bytes`: crc32c(ab) == crc32c(b, crc32c(a)).
[[nodiscard]] std::uint32_t crc32c(BytesView bytes, std::uint32_t seed = 0);

}  // namespace kvcluster
