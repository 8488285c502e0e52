#include "wire/resp_parser.hpp"

#include <fmt/format.h>

#include <cstring>
#include <limits>
#include <utility>

#include "wire/decimal.hpp"
#include "wire/inline_command.hpp"

namespace kvcluster::wire {
namespace {

constexpr std::size_t kArgsKept = 1024;  // capacity kept between commands

std::string shown(char c) {
  const auto byte = static_cast<unsigned char>(c);
  if (byte < 0x20 || byte > 0x7E) return fmt::format("\\x{:02x}", byte);
  return {c};
}

}  // namespace

RespParser::Outcome RespParser::parse(BytesView input) {
  // All positions were relative to the input of the last call; its consumed bytes are gone.
  if (state_ == State::kFailed) return Outcome::kError;
  start_ -= consumed_;
  at_ -= consumed_;
  scanned_ -= consumed_;
  consumed_ = 0;
  for (;;) {
    switch (step(input)) {
      case Step::kAgain:
        break;
      case Step::kNeedMore:
        consumed_ = start_;
        wanted_ -= start_;
        if (wanted_ <= limits_.max_query_buffer) return Outcome::kNeedMore;
        fail_too_large();
        return Outcome::kError;
      case Step::kCommand:
        consumed_ = start_;
        return Outcome::kCommand;
      case Step::kError:
        consumed_ = input.size();
        return Outcome::kError;
    }
  }
}

RespParser::Step RespParser::step(BytesView input) {
  switch (state_) {
    case State::kStart:
      return read_start(input);
    case State::kCount:
      return read_count(input);
    case State::kBulkLength:
      return read_bulk_length(input);
    case State::kBulk:
      return read_bulk(input);
    case State::kInline:
      return read_inline(input);
    case State::kFailed:
      break;
  }
  return Step::kError;
}

RespParser::Step RespParser::read_start(BytesView input) {
  if (start_ >= input.size()) {
    wanted_ = start_ + 1;
    return Step::kNeedMore;
  }
  at_ = start_;
  scanned_ = start_;
  extents_.clear();
  args_.clear();
  if (args_.capacity() > kArgsKept) {  // one huge command must not hold memory for ever
    args_ = {};
    extents_ = {};
  }
  state_ = input[start_] == '*' ? State::kCount : State::kInline;
  return Step::kAgain;
}

RespParser::Step RespParser::find_line(BytesView input, BytesView too_big, BytesView& line) {
  const void* const found =
      scanned_ < input.size() ? std::memchr(input.data() + scanned_, '\n', input.size() - scanned_)
                              : nullptr;
  const std::size_t end =
      found == nullptr ? input.size()
                       : static_cast<std::size_t>(static_cast<const char*>(found) - input.data());
  if (end - at_ > limits_.max_inline_bytes) return fail(std::string(too_big));
  if (found == nullptr) {
    scanned_ = input.size();
    wanted_ = input.size() + 1;
    return Step::kNeedMore;
  }
  line = input.substr(at_, end - at_);
  at_ = end + 1;
  scanned_ = at_;
  return Step::kAgain;
}

RespParser::Step RespParser::read_count(BytesView input) {
  BytesView line;
  const Step step = find_line(input, "too big mbulk count string", line);
  if (step != Step::kAgain) return step;
  if (!line.ends_with('\r')) return fail("invalid multibulk length");
  const auto count = parse_decimal(line.substr(1, line.size() - 2));
  if (!count || *count > std::numeric_limits<std::int32_t>::max()) {
    return fail("invalid multibulk length");
  }
  if (*count <= 0) return skip_command();
  if (static_cast<std::uint64_t>(*count) > limits_.max_args) {
    return fail(limits_.authenticated ? "invalid multibulk length"
                                      : "unauthenticated multibulk length");
  }
  args_left_ = static_cast<std::size_t>(*count);
  state_ = State::kBulkLength;
  return Step::kAgain;
}

RespParser::Step RespParser::read_bulk_length(BytesView input) {
  if (at_ >= input.size()) {
    wanted_ = at_ + 1;
    return Step::kNeedMore;
  }
  if (input[at_] != '$') return fail(fmt::format("expected '$', got '{}'", shown(input[at_])));
  BytesView line;
  const Step step = find_line(input, "too big bulk count string", line);
  if (step != Step::kAgain) return step;
  if (!line.ends_with('\r')) return fail("invalid bulk length");
  const auto size = parse_decimal(line.substr(1, line.size() - 2));
  if (!size || *size < 0) return fail("invalid bulk length");
  if (static_cast<std::uint64_t>(*size) > limits_.max_bulk_bytes) {
    return fail(limits_.authenticated ? "invalid bulk length" : "unauthenticated bulk length");
  }
  bulk_size_ = static_cast<std::size_t>(*size);
  if (at_ - start_ + bulk_size_ + 2 > limits_.max_query_buffer) {
    return fail_too_large();
  }
  state_ = State::kBulk;
  return Step::kAgain;
}

RespParser::Step RespParser::read_bulk(BytesView input) {
  const std::size_t end = at_ + bulk_size_;
  if (input.size() < end + 2) {
    wanted_ = end + 2;
    return Step::kNeedMore;
  }
  if (input[end] != '\r' || input[end + 1] != '\n') {
    return fail("a bulk string does not end with CRLF");
  }
  extents_.push_back({at_ - start_, bulk_size_});
  at_ = end + 2;
  scanned_ = at_;
  if (--args_left_ > 0) {
    state_ = State::kBulkLength;
    return Step::kAgain;
  }
  args_.reserve(extents_.size());
  for (const Extent& extent : extents_) {
    args_.push_back(input.substr(start_ + extent.offset, extent.size));
  }
  start_ = at_;
  state_ = State::kStart;
  return Step::kCommand;
}

RespParser::Step RespParser::read_inline(BytesView input) {
  BytesView line;
  const Step step = find_line(input, "too big inline request", line);
  if (step != Step::kAgain) return step;
  if (line.ends_with('\r')) line.remove_suffix(1);
  if (!split_inline_command(line, unquoted_, args_)) return fail("unbalanced quotes in request");
  if (args_.empty()) return skip_command();
  if (args_.size() > limits_.max_args) return fail("too many arguments in inline request");
  start_ = at_;
  state_ = State::kStart;
  return Step::kCommand;
}

RespParser::Step RespParser::skip_command() {
  start_ = at_;
  state_ = State::kStart;
  return Step::kAgain;
}

RespParser::Step RespParser::fail_too_large() {
  return fail(fmt::format("a command of more than {} bytes", limits_.max_query_buffer));
}

RespParser::Step RespParser::fail(std::string what) {
  error_ = "ERR Protocol error: " + std::move(what);
  state_ = State::kFailed;
  args_.clear();
  return Step::kError;
}

}  // namespace kvcluster::wire
