// Decimal integers as Redis reads and writes them: no sign '+', no leading zero, no space.
#pragma once

#include <cstdint>
#include <optional>

#include "base/bytes.hpp"

namespace kvcluster::kv {

// nullopt when `text` is not the one canonical form of a number of 64 bits.
[[nodiscard]] std::optional<std::int64_t> parse_integer(BytesView text);

// The sum, unless it leaves the 64 bits.
[[nodiscard]] std::optional<std::int64_t> checked_add(std::int64_t a, std::int64_t b);

}  // namespace kvcluster::kv
