// The patterns of KEYS and SCAN: * ? [a-z] [^a] and \ before a byte that stands for itself.
#pragma once

#include <cstddef>

#include "base/bytes.hpp"

namespace kvcluster::kv {

// A longer pattern is refused, so that one match costs at most this times the key's length.
inline constexpr std::size_t kMaxPatternBytes = 1024;

[[nodiscard]] bool glob_matches(BytesView pattern, BytesView text);

// The bytes with which every match begins: a scan may start there and end after them.
[[nodiscard]] Bytes glob_prefix(BytesView pattern);

}  // namespace kvcluster::kv
