// A stream: messages in the order in which they were added. Ids are contiguous: the n-th message
// that was ever added has the id n-0, so a reader who meets a gap knows that something was trimmed.
//
// In the table a stream is one record of kData, whose value is varint first | varint last, and in
// kStream one element a message that is kept:
//   key    u16 length of the stream's key, big-endian | key | u64 sequence, big-endian
//   value  field, value, field, value... each as varint length | bytes
// first is the oldest message kept; first = last + 1 when none is.
#pragma once

#include <cstdint>
#include <optional>

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "kv/reply.hpp"
#include "kv/request_format.hpp"
#include "kv/table.hpp"

namespace kvcluster::kv {

// What stands around a stream's key in the key of an element leaves it less room than others have.
inline constexpr std::size_t kMaxStreamKeyBytes = kMaxKeyBytes - 2 - 8;
// Of one XREAD.
inline constexpr std::size_t kMaxReadStreams = 256;

struct StreamHead {
  std::uint64_t first = 1;
  std::uint64_t last = 0;  // of the newest message that was ever added

  [[nodiscard]] std::uint64_t length() const { return last + 1 - first; }
};

void encode(const StreamHead& head, Bytes& out);
// Requires: bytes that encode() made; anything else in the table is damage and ends the process.
[[nodiscard]] StreamHead decode_stream_head(BytesView stored);

[[nodiscard]] Bytes stream_element_key(BytesView key, std::uint64_t sequence);
// Requires: a key that stream_element_key() made.
[[nodiscard]] std::uint64_t stream_sequence(BytesView element_key);

// "n-0"
[[nodiscard]] Bytes stream_id(std::uint64_t sequence);

// The sequence in "n" or "n-m", and whether m is above 0; nullopt: no id.
struct StreamIdText {
  std::uint64_t sequence = 0;
  bool beyond = false;  // after n-0, before (n+1)-0
  BytesView digits;     // of the sequence
};
[[nodiscard]] std::optional<StreamIdText> parse_stream_id(BytesView text);

}  // namespace kvcluster::kv
