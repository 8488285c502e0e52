#include "kv/integer.hpp"

#include <charconv>

namespace kvcluster::kv {

std::optional<std::int64_t> parse_integer(BytesView text) {
  const BytesView digits = text.starts_with('-') ? text.substr(1) : text;
  if (digits.empty()) return std::nullopt;
  if (digits.front() == '0' && text != "0") return std::nullopt;  // "00", "-0", "01"
  std::int64_t number = 0;
  const char* end = text.data() + text.size();
  const auto [parsed_to, error] = std::from_chars(text.data(), end, number);
  if (error != std::errc{} || parsed_to != end) return std::nullopt;
  return number;
}

std::optional<std::int64_t> checked_add(std::int64_t a, std::int64_t b) {
  std::int64_t sum = 0;
  if (__builtin_add_overflow(a, b, &sum)) return std::nullopt;
  return sum;
}

}  // namespace kvcluster::kv
