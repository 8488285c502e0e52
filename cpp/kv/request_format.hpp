// The encoded form of requests: what travels in forwarding, the log and the WAL.
//
// A plain request:
//   u8 operation | u8 flags | numbers, each a zigzag varint | varint count | count x bytes
// where `bytes` is a varint length and the bytes, and the operation tells how many numbers there
// are. KV.ONCE and transactions carry requests:
//   u8 kOnce        | bytes client | varint sequence | request
//   u8 kTransaction | varint watched | watched x (bytes key | varint revision)
//                   | varint count | count x bytes request
// Nesting: a transaction may carry KV.ONCE, KV.ONCE carries a plain request.
// Every varint is in its shortest form, so that a request has one encoding.
#pragma once

#include <array>
#include <cstdint>
#include <utility>
#include <vector>

#include "absl/container/inlined_vector.h"
#include "base/bytes.hpp"
#include "base/result.hpp"
#include "base/time.hpp"

namespace kvcluster::kv {

// Written to disk: values are never reused. From kSet on, an operation goes through the log.
enum class Operation : std::uint8_t {
  kGet = 1,
  kMget = 2,
  kExists = 3,
  kStrlen = 4,
  kGetRange = 5,  // numbers: start, end
  kTtl = 6,       // flags: kTtlMillis, kTtlAbsolute
  kType = 7,
  kKeys = 8,  // number: most keys to answer; args: pattern
  kDbsize = 9,
  kGetRevision = 10,  // KV.GET
  kRange = 11,        // KV.RANGE; number: limit; args: start, end; flag kRangeLimited
  kHash = 12,         // KV.HASH
  kFullHash = 13,
  kRevisions = 14,
  kScanPage = 15,  // number: keys to examine; args: after, pattern, type name
  kStreamLength = 16,
  kStreamRange = 17,  // numbers: first and last sequence, limit; flags kRangeLimited, kReverse
  kStreamRead = 18,   // number: most messages a stream; args: key, position, key, position...
  kStreamInfo = 19,

  kSet = 32,  // number: expiry; args: key, value
  kDelete = 33,
  kMset = 34,  // args: key, value, key, value...
  kMsetnx = 35,
  kGetDelete = 36,
  kGetExpire = 37,  // GETEX; number: expiry
  kIncrement = 38,  // number: by how much
  kAppend = 39,     // number: most bytes of the result
  kSetRange = 40,   // numbers: offset, most bytes of the result
  kExpire = 41,     // number: expiry
  kPersist = 42,
  kCompareAndSet = 43,  // KV.CAS; number: revision
  kFlush = 44,
  kStreamAdd = 45,   // numbers: sequence (0: any), MAXLEN; args: key, field, value, field, value...
  kStreamTrim = 46,  // numbers: 0, MAXLEN

  kOnce = 64,
  kTransaction = 65,
};

namespace flag {
// Expiry of kSet, kGetExpire and kExpire: at most one.
inline constexpr std::uint8_t kRelative = 0x01;  // number: milliseconds from the entry's time
inline constexpr std::uint8_t kAbsolute = 0x02;  // number: milliseconds since the epoch
inline constexpr std::uint8_t kKeepTtl = 0x04;   // kSet only
inline constexpr std::uint8_t kPersist = 0x08;   // kGetExpire only
// Conditions of kSet and kExpire.
inline constexpr std::uint8_t kIfMissing = 0x10;  // NX
inline constexpr std::uint8_t kIfPresent = 0x20;  // XX
// kSet only.
inline constexpr std::uint8_t kReturnOld = 0x40;     // GET
inline constexpr std::uint8_t kIntegerReply = 0x80;  // as SETNX answers
// kExpire only.
inline constexpr std::uint8_t kIfGreater = 0x40;
inline constexpr std::uint8_t kIfLess = 0x80;
// kTtl
inline constexpr std::uint8_t kTtlMillis = 0x01;
inline constexpr std::uint8_t kTtlAbsolute = 0x02;
// kRange, kStreamRange
inline constexpr std::uint8_t kRangeLimited = 0x01;
// kStreamRange
inline constexpr std::uint8_t kReverse = 0x02;
// kStreamRead: where there is nothing new, the reply is the positions, as integers, instead of nil.
inline constexpr std::uint8_t kReadPositions = 0x01;
// kStreamAdd (with kIfPresent for NOMKSTREAM), kStreamTrim
inline constexpr std::uint8_t kTrim = 0x01;      // to MAXLEN
inline constexpr std::uint8_t kTrimSome = 0x02;  // a bounded number of messages at a time
}  // namespace flag

// The latest time that an entry's stamp counts for: the year 287396. A relative expiry is bounded
// so that the sum of both stays within 63 bits.
inline constexpr WallMillis kMaxTimeMs = WallMillis{1} << 53U;
inline constexpr std::int64_t kMaxRelativeMs = INT64_MAX - static_cast<std::int64_t>(kMaxTimeMs);
// No configured limit goes beyond it, so that no peer's request can either.
inline constexpr std::size_t kHardMaxValueBytes = std::size_t{512} << 20U;
inline constexpr std::size_t kMaxClientBytes = 128;

struct Request {
  Operation operation = Operation::kGet;
  std::uint8_t flags = 0;
  std::array<std::int64_t, 3> numbers{};
  absl::InlinedVector<BytesView, 4> args{};

  [[nodiscard]] bool has(std::uint8_t bit) const { return (flags & bit) != 0; }
};

struct OnceRequest {
  BytesView client;
  std::uint64_t sequence = 0;
  BytesView request;
};

struct TransactionRequest {
  std::vector<std::pair<BytesView, std::uint64_t>> watched;
  std::vector<BytesView> requests;
};

// Where the keys stand among the arguments: `step` apart, from the first on.
enum class KeyPositions : std::uint8_t { kNone, kFirst, kEvery, kEverySecond };
[[nodiscard]] KeyPositions key_positions(Operation operation);

[[nodiscard]] constexpr bool is_write(Operation operation) { return operation >= Operation::kSet; }

void encode(const Request& request, Bytes& out);
void encode_once_header(BytesView client, std::uint64_t sequence, Bytes& out);

// The first key of a plain request, as far as it can be had without checking the rest; empty when
// it has none or carries other requests.
[[nodiscard]] BytesView peek_key(BytesView encoded);
// The first byte. Errors: kCorruption.
[[nodiscard]] Result<Operation> peek_operation(BytesView encoded);
// Views into `encoded`. They accept exactly what is encoded here. Errors: kCorruption.
[[nodiscard]] Result<Request> decode_request(BytesView encoded);
[[nodiscard]] Result<OnceRequest> decode_once(BytesView encoded);
[[nodiscard]] Result<TransactionRequest> decode_transaction(BytesView encoded);

}  // namespace kvcluster::kv
