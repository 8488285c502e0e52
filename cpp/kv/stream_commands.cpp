// The commands on streams: part of execute_read and execute_write.
#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <utility>

#include "base/check.hpp"
#include "base/codec.hpp"
#include "kv/execute.hpp"
#include "kv/integer.hpp"
#include "kv/stream.hpp"

namespace kvcluster::kv {
namespace {

// How many messages an entry trims at most when it was told "about so many" (MAXLEN ~ n).
constexpr std::uint64_t kMaxTrimSome = 64;
// A page of XREAD, unless its first message alone is larger. Below what a follower hands on.
constexpr std::size_t kReadPageBytes = std::size_t{4} << 20U;
// What a reply's item takes beside its bytes.
constexpr std::size_t kItemBytes = 32;

bool is_other_type(const Slot& slot) {
  return slot.live && slot.record.type != RecordType::kStream;
}

StreamHead head_of(const Slot& slot) {
  return slot.live ? decode_stream_head(slot.record.value) : StreamHead{};
}

void write_head(const Writing& writing, const Slot& slot, const StreamHead& head) {
  Bytes value;
  encode(head, value);
  writing.keyspace.write(slot, {.type = RecordType::kStream,
                                .revision = writing.index.value(),
                                .expire_at_ms = slot.live ? slot.record.expire_at_ms : 0,
                                .value = value});
}

// How many messages at the front are to go.
std::uint64_t excess_of(const Request& request, const StreamHead& head) {
  const auto most = static_cast<std::uint64_t>(request.numbers[1]);
  if (!request.has(flag::kTrim) || head.length() <= most) return 0;
  const std::uint64_t excess = head.length() - most;
  return request.has(flag::kTrimSome) ? std::min(excess, kMaxTrimSome) : excess;
}

Reply message(std::uint64_t sequence, BytesView stored) {
  std::vector<Reply> fields;
  Decoder in(stored);
  while (in.ok() && in.remaining() > 0) fields.push_back(Reply::bulk(in.bytes()));
  KV_CHECK(in.ok(), "a stored message is damaged");
  return Reply::array({Reply::bulk(stream_id(sequence)), Reply::array(std::move(fields))});
}

std::size_t reply_bytes(BytesView stored) {
  std::size_t items = 2;
  Decoder in(stored);
  for (; in.ok() && in.remaining() > 0; ++items) in.bytes();
  return stored.size() + items * kItemBytes;
}

// The messages first..last, as far as `take` has room for their bytes. False: it had not.
bool collect(const Reading& reading, BytesView key, std::uint64_t first, std::uint64_t last,
             const std::function<bool(std::size_t)>& take, std::vector<Reply>& messages) {
  bool whole = true;
  if (first > last) return whole;
  reading.keyspace.scan_elements(key, first, last, [&](std::uint64_t sequence, BytesView stored) {
    whole = take(reply_bytes(stored));
    if (whole) messages.push_back(message(sequence, stored));
    return whole;
  });
  return whole;
}

Reply length(const Reading& reading, const Request& request) {
  const Slot slot = reading.find(request.args[0]);
  if (is_other_type(slot)) return wrong_type();
  return Reply::integer(static_cast<std::int64_t>(head_of(slot).length()));
}

Reply range(const Reading& reading, const Request& request) {
  const BytesView key = request.args[0];
  const Slot slot = reading.find(key);
  if (is_other_type(slot)) return wrong_type();
  const StreamHead head = head_of(slot);
  const auto [start, end, most] = request.numbers;
  if (end < 0) return Reply::array({});
  std::uint64_t first = std::max(head.first, static_cast<std::uint64_t>(start));
  std::uint64_t last = std::min(head.last, static_cast<std::uint64_t>(end));
  if (first > last) return Reply::array({});
  const auto limit = static_cast<std::uint64_t>(most);
  if (last - first >= limit) {
    // Who gave a count asked for a page; who gave none would take a part for the whole.
    if (!request.has(flag::kRangeLimited)) {
      return Reply::error(fmt::format("ERR more than {} messages: give a COUNT", most));
    }
    if (request.has(flag::kReverse)) {
      first = last - limit + 1;
    } else {
      last = first + limit - 1;
    }
  }
  std::vector<Reply> messages;
  const auto take = [&](std::size_t bytes) { return reading.budget.take(bytes); };
  if (!collect(reading, key, first, last, take, messages)) return reply_too_large();
  if (request.has(flag::kReverse)) std::ranges::reverse(messages);
  return Reply::array(std::move(messages));
}

// After which message a stream is read.
std::uint64_t position(BytesView text, const StreamHead& head) {
  if (text == "$") return head.last;
  return static_cast<std::uint64_t>(parse_integer(text).value_or(0));
}

Reply read(const Reading& reading, const Request& request) {
  std::vector<std::pair<Reply, Reply>> found;
  std::vector<Reply> positions;
  ReplyBudget page(kReadPageBytes);
  bool any = false;
  const auto take = [&](std::size_t bytes) {
    const bool fits = page.take(bytes) || !any;  // one message at least
    if (!fits || !reading.budget.take(bytes)) return false;
    any = true;
    return true;
  };
  bool whole = true;
  for (std::size_t i = 0; i < request.args.size() && whole; i += 2) {
    const BytesView key = request.args[i];
    const Slot slot = reading.find(key);
    if (is_other_type(slot)) return wrong_type();
    const StreamHead head = head_of(slot);
    const std::uint64_t after = position(request.args[i + 1], head);
    positions.push_back(Reply::integer(static_cast<std::int64_t>(after)));
    if (after >= head.last) continue;
    const std::uint64_t first = std::max(head.first, after + 1);
    const auto most = static_cast<std::uint64_t>(request.numbers[0]) - 1;
    const std::uint64_t last = head.last - first > most ? first + most : head.last;
    std::vector<Reply> messages;
    whole = collect(reading, key, first, last, take, messages);
    if (!messages.empty()) found.emplace_back(Reply::bulk(key), Reply::array(std::move(messages)));
  }
  if (!whole && !any) return reply_too_large();
  if (!found.empty()) return Reply::map_of_pairs(std::move(found));
  return request.has(flag::kReadPositions) ? Reply::array(std::move(positions)) : Reply::nil();
}

Reply info(const Reading& reading, const Request& request) {
  const BytesView key = request.args[0];
  const Slot slot = reading.find(key);
  if (!slot.live) return Reply::error("ERR no such key");
  if (is_other_type(slot)) return wrong_type();
  const StreamHead head = head_of(slot);
  const auto number = [](std::uint64_t value) {
    return Reply::integer(static_cast<std::int64_t>(value));
  };
  const auto one = [&](std::uint64_t sequence) {
    std::vector<Reply> messages;
    const auto take = [&](std::size_t bytes) { return reading.budget.take(bytes); };
    if (head.length() > 0) collect(reading, key, sequence, sequence, take, messages);
    return messages.empty() ? Reply::nil() : std::move(messages.front());
  };
  return Reply::map({{Reply::bulk("length"), number(head.length())},
                     {Reply::bulk("last-generated-id"), Reply::bulk(stream_id(head.last))},
                     {Reply::bulk("entries-added"), number(head.last)},
                     {Reply::bulk("first-entry"), one(head.first)},
                     {Reply::bulk("last-entry"), one(head.last)}});
}

Reply add(const Writing& writing, const Request& request) {
  const BytesView key = request.args[0];
  Slot slot = writing.find(key);
  if (is_other_type(slot)) return wrong_type();
  if (request.has(flag::kIfPresent) && !slot.live) return Reply::nil();
  StreamHead head = head_of(slot);
  const std::uint64_t next = head.last + 1;
  const auto asked = static_cast<std::uint64_t>(request.numbers[0]);
  if (asked != 0 && asked != next) {
    return Reply::error(
        fmt::format("ERR the next id of this stream is {}: ids are contiguous, so XADD takes '*' "
                    "or exactly that one",
                    stream_id(next)));
  }
  if (slot.stored && !slot.live) {
    // The messages of a stream that is due may not all be purged yet: they go before new ones come.
    writing.keyspace.erase(slot);
    slot = writing.find(key);
  }
  Bytes stored;
  Encoder encoder(stored);
  for (std::size_t i = 1; i < request.args.size(); ++i) encoder.bytes(request.args[i]);
  head.last = next;
  const std::uint64_t first = head.first;
  head.first += excess_of(request, head);
  // The record before the messages: the slot's views end with the first change of the table.
  write_head(writing, slot, head);
  writing.keyspace.add_element(key, next, stored);
  writing.keyspace.erase_elements(key, first, head.first);
  return Reply::bulk(stream_id(next));
}

Reply trim_stream(const Writing& writing, const Request& request) {
  const BytesView key = request.args[0];
  const Slot slot = writing.find(key);
  if (is_other_type(slot)) return wrong_type();
  if (!slot.live) return Reply::integer(0);
  StreamHead head = head_of(slot);
  const std::uint64_t first = head.first;
  const std::uint64_t excess = excess_of(request, head);
  if (excess == 0) return Reply::integer(0);
  head.first += excess;
  write_head(writing, slot, head);
  writing.keyspace.erase_elements(request.args[0], first, head.first);
  return Reply::integer(static_cast<std::int64_t>(excess));
}

}  // namespace

Reply execute_stream_read(const Reading& reading, const Request& request) {
  switch (request.operation) {
    case Operation::kStreamLength:
      return length(reading, request);
    case Operation::kStreamRange:
      return range(reading, request);
    case Operation::kStreamRead:
      return read(reading, request);
    case Operation::kStreamInfo:
      return info(reading, request);
    default:
      break;
  }
  KV_CHECK(false, "only reads of streams are executed as such");
  return Reply::nil();
}

Reply execute_stream_write(const Writing& writing, const Request& request) {
  if (request.operation == Operation::kStreamAdd) return add(writing, request);
  KV_CHECK(request.operation == Operation::kStreamTrim, "only writes of streams come here");
  return trim_stream(writing, request);
}

}  // namespace kvcluster::kv
