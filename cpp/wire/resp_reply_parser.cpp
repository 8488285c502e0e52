#include "wire/resp_reply_parser.hpp"

#include <fmt/format.h>

#include <charconv>
#include <cstring>
#include <optional>
#include <utility>

#include "wire/decimal.hpp"

namespace kvcluster::wire {
namespace {

constexpr std::size_t kMostReserved = 1024;  // a count is only a claim until its elements arrive

std::optional<double> parse_double(BytesView text) {
  double value = 0;
  const char* const end = text.data() + text.size();
  const auto [stopped, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc{} || stopped != end) return std::nullopt;
  return value;
}

kv::Reply close_map(std::vector<kv::Reply> items) {
  std::vector<std::pair<kv::Reply, kv::Reply>> pairs;
  pairs.reserve(items.size() / 2);
  for (std::size_t i = 0; i + 1 < items.size(); i += 2) {
    pairs.emplace_back(std::move(items[i]), std::move(items[i + 1]));
  }
  return kv::Reply::map(std::move(pairs));
}

}  // namespace

RespReplyParser::Outcome RespReplyParser::parse(BytesView input) {
  if (failed_) return Outcome::kError;
  consumed_ = 0;
  for (;;) {
    const std::size_t before = consumed_;
    const Step done = step(input.substr(consumed_));
    reply_bytes_ += consumed_ - before;
    if (done == Step::kError) return Outcome::kError;
    if (reply_bytes_ > limits_.max_reply_bytes) {
      fail(fmt::format("a reply of more than {} bytes", limits_.max_reply_bytes));
      return Outcome::kError;
    }
    if (done == Step::kNeedMore) return Outcome::kNeedMore;
    if (done == Step::kReply) {
      reply_bytes_ = 0;
      return Outcome::kReply;
    }
  }
}

// Reads one element, or the head of a container.
RespReplyParser::Step RespReplyParser::step(BytesView input) {
  const void* const found =
      scanned_ < input.size() ? std::memchr(input.data() + scanned_, '\n', input.size() - scanned_)
                              : nullptr;
  const std::size_t end =
      found == nullptr ? input.size()
                       : static_cast<std::size_t>(static_cast<const char*>(found) - input.data());
  if (end > limits_.max_line_bytes) return fail("a line is too long");
  if (found == nullptr) {
    scanned_ = input.size();
    wanted_ = input.size() + 1;
    return Step::kNeedMore;
  }
  if (end < 2 || input[end - 1] != '\r') return fail("a line is empty or does not end with CRLF");
  const char type = input.front();
  const BytesView text = input.substr(1, end - 2);
  if (type == '$' || type == '!' || type == '=') return read_blob(input, type, text, end + 1);
  scanned_ = 0;
  consumed_ += end + 1;
  switch (type) {
    case '+':
      return add(kv::Reply::simple(std::string(text)));
    case '-':
      return add(kv::Reply::error(std::string(text)));
    case ':':
      if (const auto number = parse_decimal(text)) return add(kv::Reply::integer(*number));
      return fail("not an integer");
    case ',':
      if (const auto number = parse_double(text)) return add(kv::Reply{*number});
      return fail("not a double");
    case '#':
      if (text == "t" || text == "f") return add(kv::Reply{text == "t"});
      return fail("not a boolean");
    case '_':
      return text.empty() ? add(kv::Reply::nil()) : fail("not a nil");
    case '(':
      return add(kv::Reply::bulk(text));
    case '*':
    case '~':
    case '>':
      return open(Container::kArray, text);
    case '%':
      return open(Container::kMap, text);
    case '|':
      return open(Container::kAttribute, text);
    default:
      return fail("not a reply");
  }
}

RespReplyParser::Step RespReplyParser::read_blob(BytesView input, char type, BytesView size_text,
                                                 std::size_t data_at) {
  const auto size = parse_decimal(size_text);
  if (size == -1 && type == '$') {
    scanned_ = 0;
    consumed_ += data_at;
    return add(kv::Reply::nil());
  }
  if (!size || *size < 0 || static_cast<std::uint64_t>(*size) > limits_.max_bulk_bytes) {
    return fail("an invalid bulk length");
  }
  const std::size_t end = data_at + static_cast<std::size_t>(*size);
  if (input.size() < end + 2) {
    scanned_ = data_at - 1;  // where the '\n' of the head stands
    wanted_ = end + 2;
    return Step::kNeedMore;
  }
  if (input.substr(end, 2) != "\r\n") return fail("a bulk string does not end with CRLF");
  scanned_ = 0;
  consumed_ += end + 2;
  BytesView data = input.substr(data_at, end - data_at);
  if (type == '!') return add(kv::Reply::error(std::string(data)));
  if (type == '=') {  // three characters name the format
    if (data.size() < 4 || data[3] != ':') return fail("a verbatim string without its format");
    data.remove_prefix(4);
  }
  return add(kv::Reply::bulk(data));
}

RespReplyParser::Step RespReplyParser::open(Container container, BytesView count_text) {
  const auto count = parse_decimal(count_text);
  if (count == -1 && container == Container::kArray) return add(kv::Reply::nil());
  // An element takes 3 bytes at least.
  if (!count || *count < 0 || static_cast<std::uint64_t>(*count) > limits_.max_reply_bytes / 3) {
    return fail("an invalid count of elements");
  }
  if (frames_.size() >= limits_.max_depth) return fail("nested too deeply");
  const std::size_t left =
      static_cast<std::size_t>(*count) * (container == Container::kArray ? 1 : 2);
  if (left == 0) {
    if (container == Container::kArray) return add(kv::Reply::array({}));
    if (container == Container::kMap) return add(kv::Reply::map({}));
    return Step::kAgain;
  }
  frames_.push_back({container, left, {}});
  frames_.back().items.reserve(left < kMostReserved ? left : kMostReserved);
  return Step::kAgain;
}

RespReplyParser::Step RespReplyParser::add(kv::Reply element) {
  while (!frames_.empty()) {
    Frame& top = frames_.back();
    top.items.push_back(std::move(element));
    if (--top.left > 0) return Step::kAgain;
    const Container container = top.container;
    std::vector<kv::Reply> items = std::move(top.items);
    frames_.pop_back();
    if (container == Container::kAttribute) return Step::kAgain;  // the reply itself follows
    element = container == Container::kMap ? close_map(std::move(items))
                                           : kv::Reply::array(std::move(items));
  }
  reply_ = std::move(element);
  return Step::kReply;
}

RespReplyParser::Step RespReplyParser::fail(std::string what) {
  error_ = "the server's reply breaks the protocol: " + std::move(what);
  failed_ = true;
  frames_.clear();
  return Step::kError;
}

}  // namespace kvcluster::wire
