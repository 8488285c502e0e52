#include "kv/command_options.hpp"

#include <fmt/format.h>

#include <utility>

#include "kv/integer.hpp"

namespace kvcluster::kv {
namespace {

std::unexpected<Error> invalid_expire_time(BytesView command) {
  return invalid_argument(fmt::format("ERR invalid expire time in '{}' command", command));
}

void set_expiry(std::int64_t ms, ExpiryUnit unit, Request& request) {
  request.flags |= unit.relative ? flag::kRelative : flag::kAbsolute;
  request.numbers[0] = ms;
}

struct ExpiryOption {
  BytesView name;
  ExpiryUnit unit;
};
constexpr ExpiryOption kExpiryOptions[] = {
    {"EX", {.ms = 1000, .relative = true}},
    {"PX", {.ms = 1, .relative = true}},
    {"EXAT", {.ms = 1000, .relative = false}},
    {"PXAT", {.ms = 1, .relative = false}},
};

const ExpiryOption* find_expiry_option(BytesView option) {
  for (const ExpiryOption& known : kExpiryOptions) {
    if (is_option(option, known.name)) return &known;
  }
  return nullptr;
}

// The expiry of SET and GETEX: one unit (Redis lets it repeat, the last one counts), and not
// together with the option that excludes it. Its number is read after all options, as Redis does.
class ExpiryChoice {
 public:
  // True when options[at] and the number after it are a unit that fits.
  bool take(Arguments options, std::size_t at, bool excluded) {
    const ExpiryOption* option = find_expiry_option(options[at]);
    if (option == nullptr || excluded || at + 1 == options.size()) return false;
    if (chosen_ != nullptr && chosen_ != option) return false;
    chosen_ = option;
    number_ = options[at + 1];
    return true;
  }
  [[nodiscard]] bool chosen() const { return chosen_ != nullptr; }
  [[nodiscard]] Status apply(BytesView command, Request& request) const {
    if (chosen_ == nullptr) return {};
    return set_positive_expiry(command, number_, chosen_->unit, request);
  }

 private:
  const ExpiryOption* chosen_ = nullptr;
  BytesView number_;
};

}  // namespace

std::unexpected<Error> invalid_argument(Bytes text) {
  return fail(ErrorCode::kInvalidArgument, std::move(text));
}

std::unexpected<Error> syntax_error() { return invalid_argument("ERR syntax error"); }

bool is_option(BytesView option, BytesView upper_case) {
  if (option.size() != upper_case.size()) return false;
  for (std::size_t i = 0; i < option.size(); ++i) {
    const char byte = option[i];
    const char upper = byte >= 'a' && byte <= 'z' ? static_cast<char>(byte - 'a' + 'A') : byte;
    if (upper != upper_case[i]) return false;
  }
  return true;
}

Result<std::int64_t> parse_number(BytesView text) {
  const auto number = parse_integer(text);
  if (!number) return invalid_argument("ERR value is not an integer or out of range");
  return *number;
}

Status set_positive_expiry(BytesView command, BytesView number, ExpiryUnit unit, Request& request) {
  const auto parsed = parse_number(number);
  if (!parsed) return std::unexpected(parsed.error());
  if (*parsed <= 0 || *parsed > INT64_MAX / unit.ms) return invalid_expire_time(command);
  const std::int64_t ms = *parsed * unit.ms;
  if (unit.relative && ms > kMaxRelativeMs) return invalid_expire_time(command);
  set_expiry(ms, unit, request);
  return {};
}

Status set_any_expiry(BytesView command, BytesView number, ExpiryUnit unit, Request& request) {
  const auto parsed = parse_number(number);
  if (!parsed) return std::unexpected(parsed.error());
  if (*parsed > INT64_MAX / unit.ms || *parsed < INT64_MIN / unit.ms) {
    return invalid_expire_time(command);
  }
  const std::int64_t ms = *parsed * unit.ms;
  if (unit.relative && ms > kMaxRelativeMs) return invalid_expire_time(command);
  set_expiry(ms, unit, request);
  return {};
}

Status parse_set_options(Arguments options, Request& request) {
  ExpiryChoice expiry;
  for (std::size_t at = 0; at < options.size(); ++at) {
    const BytesView option = options[at];
    if (is_option(option, "NX") && !request.has(flag::kIfPresent)) {
      request.flags |= flag::kIfMissing;
    } else if (is_option(option, "XX") && !request.has(flag::kIfMissing)) {
      request.flags |= flag::kIfPresent;
    } else if (is_option(option, "GET")) {
      request.flags |= flag::kReturnOld;
    } else if (is_option(option, "KEEPTTL") && !expiry.chosen()) {
      request.flags |= flag::kKeepTtl;
    } else if (expiry.take(options, at, request.has(flag::kKeepTtl))) {
      ++at;
    } else {
      return syntax_error();
    }
  }
  return expiry.apply("set", request);
}

Status parse_getex_options(Arguments options, Request& request) {
  ExpiryChoice expiry;
  for (std::size_t at = 0; at < options.size(); ++at) {
    if (is_option(options[at], "PERSIST") && !expiry.chosen()) {
      request.flags |= flag::kPersist;
    } else if (expiry.take(options, at, request.has(flag::kPersist))) {
      ++at;
    } else {
      return syntax_error();
    }
  }
  return expiry.apply("getex", request);
}

Status parse_expire_options(Arguments options, Request& request) {
  for (const BytesView option : options) {
    if (is_option(option, "NX")) {
      request.flags |= flag::kIfMissing;
    } else if (is_option(option, "XX")) {
      request.flags |= flag::kIfPresent;
    } else if (is_option(option, "GT")) {
      request.flags |= flag::kIfGreater;
    } else if (is_option(option, "LT")) {
      request.flags |= flag::kIfLess;
    } else {
      return invalid_argument(fmt::format("ERR Unsupported option {}", option.substr(0, 128)));
    }
  }
  const bool greater = request.has(flag::kIfGreater);
  const bool less = request.has(flag::kIfLess);
  if (request.has(flag::kIfMissing) && (request.has(flag::kIfPresent) || greater || less)) {
    return invalid_argument("ERR NX and XX, GT or LT options at the same time are not compatible");
  }
  if (greater && less) {
    return invalid_argument("ERR GT and LT options at the same time are not compatible");
  }
  return {};
}

}  // namespace kvcluster::kv
