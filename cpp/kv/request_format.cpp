#include "kv/request_format.hpp"

#include <algorithm>
#include <bit>

#include "base/codec.hpp"
#include "kv/integer.hpp"
#include "kv/stream.hpp"
#include "kv/table.hpp"

namespace kvcluster::kv {
namespace {

constexpr std::uint32_t kAny = UINT32_MAX;

// The form of a plain request: what a decoder checks before the state machine trusts it.
struct Shape {
  Operation operation;
  std::uint8_t flags;    // those allowed
  std::uint8_t numbers;  // how many
  std::uint32_t min_args;
  std::uint32_t max_args;
  KeyPositions keys;
};

using enum KeyPositions;
constexpr std::uint8_t kExpiry = flag::kRelative | flag::kAbsolute;
constexpr std::uint8_t kTrims = flag::kTrim | flag::kTrimSome;
constexpr std::uint8_t kConditions = flag::kIfMissing | flag::kIfPresent;
constexpr Shape kShapes[] = {
    {Operation::kGet, 0, 0, 1, 1, kFirst},
    {Operation::kMget, 0, 0, 1, kAny, kEvery},
    {Operation::kExists, 0, 0, 1, kAny, kEvery},
    {Operation::kStrlen, 0, 0, 1, 1, kFirst},
    {Operation::kGetRange, 0, 2, 1, 1, kFirst},
    {Operation::kTtl, flag::kTtlMillis | flag::kTtlAbsolute, 0, 1, 1, kFirst},
    {Operation::kType, 0, 0, 1, 1, kFirst},
    {Operation::kKeys, 0, 1, 1, 1, kNone},
    {Operation::kDbsize, 0, 0, 0, 0, kNone},
    {Operation::kGetRevision, 0, 0, 1, 1, kFirst},
    {Operation::kRange, flag::kRangeLimited, 1, 2, 2, kNone},
    {Operation::kHash, 0, 0, 0, 0, kNone},
    {Operation::kFullHash, 0, 0, 0, 0, kNone},
    {Operation::kRevisions, 0, 0, 0, kAny, kNone},
    {Operation::kScanPage, 0, 1, 3, 3, kNone},
    {Operation::kStreamLength, 0, 0, 1, 1, kFirst},
    {Operation::kStreamRange, flag::kRangeLimited | flag::kReverse, 3, 1, 1, kFirst},
    {Operation::kStreamRead, flag::kReadPositions, 1, 2, 2 * kMaxReadStreams, kEverySecond},
    {Operation::kStreamInfo, 0, 0, 1, 1, kFirst},
    {Operation::kSet, 0xFF & ~flag::kPersist, 1, 2, 2, kFirst},
    {Operation::kDelete, 0, 0, 1, kAny, kEvery},
    {Operation::kMset, 0, 0, 2, kAny, kEverySecond},
    {Operation::kMsetnx, 0, 0, 2, kAny, kEverySecond},
    {Operation::kGetDelete, 0, 0, 1, 1, kFirst},
    {Operation::kGetExpire, kExpiry | flag::kPersist, 1, 1, 1, kFirst},
    {Operation::kIncrement, 0, 1, 1, 1, kFirst},
    {Operation::kAppend, 0, 1, 2, 2, kFirst},
    {Operation::kSetRange, 0, 2, 2, 2, kFirst},
    {Operation::kExpire, kExpiry | kConditions | flag::kIfGreater | flag::kIfLess, 1, 1, 1, kFirst},
    {Operation::kPersist, 0, 0, 1, 1, kFirst},
    {Operation::kCompareAndSet, 0, 1, 2, 2, kFirst},
    {Operation::kFlush, 0, 0, 0, 0, kNone},
    {Operation::kStreamAdd, kTrims | flag::kIfPresent, 2, 3, kAny, kFirst},
    {Operation::kStreamTrim, kTrims, 2, 1, 1, kFirst},
};

constexpr auto kShapeByOperation = [] {
  std::array<const Shape*, 64> shapes{};
  for (const Shape& shape : kShapes) shapes[static_cast<std::size_t>(shape.operation)] = &shape;
  return shapes;
}();

const Shape* shape_of(std::uint8_t operation) {
  return operation < kShapeByOperation.size() ? kShapeByOperation[operation] : nullptr;
}

constexpr std::uint64_t zigzag(std::int64_t number) {
  return (static_cast<std::uint64_t>(number) << 1U) ^ static_cast<std::uint64_t>(number >> 63U);
}

constexpr std::int64_t unzigzag(std::uint64_t coded) {
  return static_cast<std::int64_t>((coded >> 1U) ^ (0 - (coded & 1U)));
}

std::uint64_t shortest_varint(Decoder& in) {
  const std::size_t before = in.remaining();
  const std::uint64_t value = in.varint();
  if (!in.ok()) return 0;  // it has no size
  const std::size_t used = before - in.remaining();
  if (used > 1 && (value >> (7 * (used - 1))) == 0) in.mark_bad();
  return value;
}

BytesView counted_bytes(Decoder& in) {
  const std::uint64_t size = shortest_varint(in);
  if (size > in.remaining()) {
    in.mark_bad();
    return {};
  }
  return in.raw(static_cast<std::size_t>(size));
}

bool is_key(BytesView key) { return !key.empty() && key.size() <= kMaxKeyBytes; }

bool keys_fit(const Shape& shape, const Request& request) {
  switch (shape.keys) {
    case kNone:
      return true;
    case kFirst:
      return is_key(request.args.front());
    case kEvery:
      return std::ranges::all_of(request.args, is_key);
    case kEverySecond:
      if (request.args.size() % 2 != 0) return false;
      for (std::size_t i = 0; i < request.args.size(); i += 2) {
        if (!is_key(request.args[i])) return false;
      }
      return true;
  }
  return false;
}

bool expiry_fits(const Request& request, std::uint8_t choices) {
  const auto chosen = static_cast<std::uint8_t>(request.flags & choices);
  if (std::popcount(chosen) > 1) return false;
  const std::int64_t number = request.numbers[0];
  if (request.has(flag::kRelative)) return number <= kMaxRelativeMs;
  return request.has(flag::kAbsolute) || number == 0;
}

bool set_fits(const Request& request) {
  const bool timed = request.has(kExpiry);
  if (!expiry_fits(request, kExpiry | flag::kKeepTtl)) return false;
  if (timed && request.numbers[0] <= 0) return false;
  if (request.has(flag::kIfMissing) && request.has(flag::kIfPresent)) return false;
  return !request.has(flag::kIntegerReply) ||
         request.flags == (flag::kIntegerReply | flag::kIfMissing);
}

bool get_expire_fits(const Request& request) {
  const bool timed = request.has(kExpiry);
  return expiry_fits(request, kExpiry | flag::kPersist) && request.flags != 0 &&
         (!timed || request.numbers[0] > 0);
}

bool expire_fits(const Request& request) {
  if (!expiry_fits(request, kExpiry) || !request.has(kExpiry)) return false;
  const bool greater = request.has(flag::kIfGreater);
  const bool less = request.has(flag::kIfLess);
  if (greater && less) return false;
  return !request.has(flag::kIfMissing) || !(request.has(flag::kIfPresent) || greater || less);
}

bool is_size(std::int64_t number) {
  return number >= 0 && static_cast<std::uint64_t>(number) <= kHardMaxValueBytes;
}

bool range_of_stream_fits(const Request& request) {
  const auto& [first, last, limit] = request.numbers;
  return first >= 0 && last >= -1 && limit > 0;
}

bool read_of_streams_fits(const Request& request) {
  if (request.numbers[0] <= 0) return false;
  for (std::size_t i = 1; i < request.args.size(); i += 2) {
    if (request.args[i] != "$" && parse_integer(request.args[i]).value_or(-1) < 0) return false;
  }
  return true;
}

bool trim_fits(const Request& request) {
  if (request.numbers[1] < 0) return false;
  if (request.has(flag::kTrim)) return true;
  return !request.has(flag::kTrimSome) && request.numbers[1] == 0;
}

bool add_fits(const Request& request) {
  return trim_fits(request) && request.numbers[0] >= 0 && request.args.size() % 2 == 1 &&
         request.args[0].size() <= kMaxStreamKeyBytes;
}

// What the shape cannot say.
bool content_fits(const Request& request) {
  const auto first = request.numbers[0];
  const auto second = request.numbers[1];
  switch (request.operation) {
    case Operation::kSet:
      return set_fits(request);
    case Operation::kGetExpire:
      return get_expire_fits(request);
    case Operation::kExpire:
      return expire_fits(request);
    case Operation::kAppend:
      return is_size(first);
    case Operation::kSetRange:
      return first >= 0 && is_size(second);
    case Operation::kCompareAndSet:
      return first >= 0;
    case Operation::kKeys:
    case Operation::kRange:
    case Operation::kScanPage:
      return first > 0;
    case Operation::kStreamRange:
      return range_of_stream_fits(request);
    case Operation::kStreamRead:
      return read_of_streams_fits(request);
    case Operation::kStreamAdd:
      return add_fits(request);
    case Operation::kStreamTrim:
      return trim_fits(request) && first == 0 && request.has(flag::kTrim);
    default:
      return true;
  }
}

std::unexpected<Error> malformed() {
  return fail(ErrorCode::kCorruption, "a request of another form than this version writes");
}

}  // namespace

KeyPositions key_positions(Operation operation) {
  const Shape* shape = shape_of(static_cast<std::uint8_t>(operation));
  return shape == nullptr ? kNone : shape->keys;
}

void encode(const Request& request, Bytes& out) {
  std::size_t size = 2 + 10 * request.numbers.size() + 5;
  for (const BytesView arg : request.args) size += arg.size() + 5;
  if (out.capacity() - out.size() < size) {
    out.reserve(std::max(out.size() + size, 2 * out.capacity()));
  }
  Encoder encoder(out);
  encoder.u8(static_cast<std::uint8_t>(request.operation));
  encoder.u8(request.flags);
  const Shape& shape = *shape_of(static_cast<std::uint8_t>(request.operation));
  for (std::size_t i = 0; i < shape.numbers; ++i) encoder.varint(zigzag(request.numbers[i]));
  encoder.varint(request.args.size());
  for (const BytesView arg : request.args) encoder.bytes(arg);
}

void encode_once_header(BytesView client, std::uint64_t sequence, Bytes& out) {
  Encoder encoder(out);
  encoder.u8(static_cast<std::uint8_t>(Operation::kOnce));
  encoder.bytes(client);
  encoder.varint(sequence);
}

Result<Operation> peek_operation(BytesView encoded) {
  if (encoded.empty()) return malformed();
  const auto number = static_cast<std::uint8_t>(encoded.front());
  const auto operation = static_cast<Operation>(number);
  const bool carries = operation == Operation::kOnce || operation == Operation::kTransaction;
  if (!carries && shape_of(number) == nullptr) return malformed();
  return operation;
}

BytesView peek_key(BytesView encoded) {
  Decoder in(encoded);
  const Shape* shape = shape_of(in.u8());
  if (!in.ok() || shape == nullptr || shape->keys == kNone) return {};
  in.u8();  // flags
  for (std::size_t i = 0; i < shape->numbers; ++i) in.varint();
  in.varint();  // how many arguments
  return in.bytes();
}

Result<Request> decode_request(BytesView encoded) {
  Decoder in(encoded);
  const std::uint8_t number = in.u8();
  const Shape* shape = shape_of(number);
  if (!in.ok() || shape == nullptr) return malformed();
  Request request{.operation = shape->operation};
  request.flags = in.u8();
  for (std::size_t i = 0; i < shape->numbers; ++i) {
    request.numbers[i] = unzigzag(shortest_varint(in));
  }
  const std::uint64_t count = shortest_varint(in);
  // An argument takes a byte at least: the count cannot ask for more than the bytes are worth.
  if (!in.ok() || count > in.remaining() || count < shape->min_args || count > shape->max_args ||
      (request.flags & ~shape->flags) != 0) {
    return malformed();
  }
  for (std::uint64_t i = 0; i < count; ++i) request.args.push_back(counted_bytes(in));
  if (!in.finished() || !keys_fit(*shape, request) || !content_fits(request)) return malformed();
  return request;
}

Result<OnceRequest> decode_once(BytesView encoded) {
  Decoder in(encoded);
  const auto operation = static_cast<Operation>(in.u8());
  OnceRequest once;
  once.client = counted_bytes(in);
  once.sequence = shortest_varint(in);
  once.request = in.raw(in.remaining());
  if (!in.ok() || operation != Operation::kOnce || once.client.empty() ||
      once.client.size() > kMaxClientBytes || once.sequence == 0 || once.sequence > INT64_MAX ||
      once.request.empty()) {
    return malformed();
  }
  return once;
}

Result<TransactionRequest> decode_transaction(BytesView encoded) {
  Decoder in(encoded);
  const auto operation = static_cast<Operation>(in.u8());
  TransactionRequest transaction;
  const std::uint64_t watched = shortest_varint(in);
  for (std::uint64_t i = 0; i < watched && in.ok(); ++i) {
    const BytesView key = counted_bytes(in);
    const std::uint64_t revision = shortest_varint(in);
    if (!is_key(key)) in.mark_bad();
    transaction.watched.emplace_back(key, revision);
  }
  const std::uint64_t count = shortest_varint(in);
  for (std::uint64_t i = 0; i < count && in.ok(); ++i) {
    transaction.requests.push_back(counted_bytes(in));
  }
  if (!in.finished() || operation != Operation::kTransaction) return malformed();
  return transaction;
}

}  // namespace kvcluster::kv
