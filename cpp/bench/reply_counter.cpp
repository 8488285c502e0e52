#include "bench/reply_counter.hpp"

#include <charconv>
#include <optional>

namespace kvcluster::bench {
namespace {

constexpr std::int64_t kMaxCount = std::int64_t{1} << 30U;

std::optional<std::int64_t> number_of(std::string_view text) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  if (value < -1 || value > kMaxCount) return std::nullopt;
  return value;
}

}  // namespace

ReplyCounter::Header ReplyCounter::read_header(std::string_view line) {
  const char type = line.front();
  line.remove_prefix(1);
  if (!inside_) {
    kind_ = ReplyKind::kValue;
    text_.assign(line);
  }
  const auto mark = [this](ReplyKind kind) {
    if (!inside_) kind_ = kind;
  };
  switch (type) {
    case '+':
    case ':':
    case ',':
    case '#':
    case '(':
      return Header::kWhole;
    case '-':
      mark(ReplyKind::kError);
      return Header::kWhole;
    case '_':
      mark(ReplyKind::kNull);
      return Header::kWhole;
    case '$':
    case '=': {
      const auto length = number_of(line);
      if (!length) return Header::kUnknown;
      if (*length < 0) {
        mark(ReplyKind::kNull);
        return Header::kWhole;
      }
      skip_ = static_cast<std::size_t>(*length) + 2;
      return Header::kPayload;
    }
    case '*':
    case '~':
    case '%': {
      const auto count = number_of(line);
      if (!count) return Header::kUnknown;
      if (*count < 0) mark(ReplyKind::kNull);
      if (*count <= 0) return Header::kWhole;
      // The array itself was counted as an element of what holds it; its members stand for it.
      if (open_ > 0) --open_;
      open_ += static_cast<std::uint64_t>(*count) * (type == '%' ? 2 : 1);
      inside_ = true;
      return Header::kElements;
    }
    default:
      return Header::kUnknown;
  }
}

}  // namespace kvcluster::bench
