// Decimal numbers as RESP writes them.
#pragma once

#include <charconv>
#include <cstdint>
#include <optional>

#include "base/bytes.hpp"

namespace kvcluster::wire {

// Strict: the whole text, an optional '-', no '+', no blank, no leading zero, no overflow. So each
// number has one spelling, and a length can not be smuggled in under another.
[[nodiscard]] inline std::optional<std::int64_t> parse_decimal(BytesView text) {
  const BytesView digits = text.starts_with('-') ? text.substr(1) : text;
  if (digits.empty() || digits.front() < '0' || digits.front() > '9') return std::nullopt;
  if (digits.front() == '0' && text.size() > 1) return std::nullopt;
  std::int64_t value = 0;
  const char* const end = text.data() + text.size();
  const auto [stopped, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc{} || stopped != end) return std::nullopt;
  return value;
}

}  // namespace kvcluster::wire
