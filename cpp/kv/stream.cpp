#include "kv/stream.hpp"

#include <fmt/format.h>

#include "base/check.hpp"
#include "base/codec.hpp"
#include "kv/big_endian.hpp"
#include "kv/integer.hpp"

namespace kvcluster::kv {

void encode(const StreamHead& head, Bytes& out) {
  Encoder encoder(out);
  encoder.varint(head.first);
  encoder.varint(head.last);
}

StreamHead decode_stream_head(BytesView stored) {
  Decoder decoder(stored);
  StreamHead head;
  head.first = decoder.varint();
  head.last = decoder.varint();
  KV_CHECK(decoder.finished() && head.first >= 1 && head.first <= head.last + 1,
           "a stored stream is damaged");
  return head;
}

Bytes stream_element_key(BytesView key, std::uint64_t sequence) {
  KV_CHECK(key.size() <= kMaxStreamKeyBytes, "the key of a stream leaves room for the sequence");
  Bytes bytes;
  bytes.reserve(key.size() + 10);
  append_big_endian(key.size(), 2, bytes);
  bytes.append(key);
  append_big_endian(sequence, 8, bytes);
  return bytes;
}

std::uint64_t stream_sequence(BytesView element_key) {
  KV_CHECK(element_key.size() > 10, "an element of a stream is damaged");
  return big_endian(element_key.substr(element_key.size() - 8));
}

Bytes stream_id(std::uint64_t sequence) { return fmt::format("{}-0", sequence); }

std::optional<StreamIdText> parse_stream_id(BytesView text) {
  const std::size_t dash = text.find('-');
  StreamIdText id{.digits = text.substr(0, dash)};
  const auto sequence = parse_integer(id.digits);
  if (!sequence || *sequence < 0) return std::nullopt;
  id.sequence = static_cast<std::uint64_t>(*sequence);
  if (dash == BytesView::npos) return id;
  const auto part = parse_integer(text.substr(dash + 1));
  if (!part || *part < 0) return std::nullopt;
  id.beyond = *part > 0;
  return id;
}

}  // namespace kvcluster::kv
