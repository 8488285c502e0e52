// A client's data command: checked once at the edge, encoded once, then carried as these bytes by
// forwarding, the log and the state machine.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "base/bytes.hpp"
#include "base/result.hpp"

namespace kvcluster::kv {

struct Limits {
  std::size_t max_key_bytes = 511;
  std::size_t max_value_bytes = 1U << 20U;
  std::size_t max_transaction_commands = 1024;
  std::size_t max_range_items = 10'000;  // of KV.RANGE, KEYS, SCAN's COUNT
};

// What the owner must know of a request without decoding it.
struct RequestInfo {
  bool is_write = false;  // must go through the log
  BytesView key;          // the first key, for the hash slot; empty when it has none. Lives as long
                          // as the arguments given to encode_request.
  // Of encode_blocking_request only: it is an XREAD that may wait so long; 0: for ever.
  std::optional<std::int64_t> block_ms{};
};

// True when `name` (any case) is a data command that encode_request knows.
[[nodiscard]] bool is_data_command(BytesView name);

// Checks arity, options, numbers and limits of one command and appends its encoded form to `out`.
// KV.ONCE nests the command that it carries. Nothing is appended on an error.
// Errors: kInvalidArgument or kLimitExceeded; the context is the complete RESP error text ("ERR
// wrong number of arguments for 'get' command"), without the leading '-'.
[[nodiscard]] Result<RequestInfo> encode_request(std::span<const BytesView> args,
                                                 const Limits& limits, Bytes& out);

// The same for a client that may be kept waiting. An XREAD with BLOCK answers, where there is
// nothing new, the position in each of its streams: an Array of integers. Elsewhere BLOCK has no
// effect, and the answer is nil.
[[nodiscard]] Result<RequestInfo> encode_blocking_request(std::span<const BytesView> args,
                                                          const Limits& limits, Bytes& out);
// How such an XREAD goes on: `encoded` is what encode_blocking_request made, `positions` is its
// answer. A read whose reply is nil while there is nothing newer.
void encode_resumed_read(BytesView encoded, std::span<const std::uint64_t> positions, Bytes& out);
// The streams that it reads, as views into `encoded`.
[[nodiscard]] std::vector<BytesView> streams_of_read(BytesView encoded);

// A key that a transaction watches, with the revision seen by WATCH (0: missing).
struct Watched {
  Bytes key;
  std::uint64_t revision = 0;
};

// One request out of the queued, already encoded commands of MULTI ... EXEC. It is always a write.
// Errors: kLimitExceeded.
[[nodiscard]] Result<RequestInfo> encode_transaction(std::span<const Watched> watched,
                                                     std::span<const Bytes> encoded_commands,
                                                     const Limits& limits, Bytes& out);

// The revisions of keys, for WATCH: a read whose reply is an Array of integers.
void encode_revisions(std::span<const BytesView> keys, Bytes& out);

// A page of SCAN: keys after `after` (exclusive; empty: from the start). A read whose reply is
// [last examined key or nil at the end, [keys...]].
void encode_scan_page(BytesView after, BytesView match_pattern, std::uint64_t count,
                      BytesView type_name, Bytes& out);

// Recomputes the full canonical hash: a read whose reply is [index, hex digest, keys].
void encode_full_hash(Bytes& out);

// Checks bytes that came from a peer. Errors: kCorruption.
[[nodiscard]] Result<RequestInfo> inspect_request(BytesView encoded);

}  // namespace kvcluster::kv
