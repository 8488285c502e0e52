#include "kv/meta.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "base/codec.hpp"
#include "kv/request_format.hpp"

namespace kvcluster::kv {
namespace {

constexpr std::uint8_t kVersion = 1;
constexpr std::size_t kDigestBytes = sizeof(Digest::bytes);

void encode_optional(const std::optional<Bytes>& payload, Encoder& out) {
  out.boolean(payload.has_value());
  out.bytes(payload ? BytesView(*payload) : BytesView());
}

std::optional<Bytes> decode_optional(Decoder& in) {
  const bool present = in.boolean();
  const BytesView payload = in.bytes();
  if (!present && !payload.empty()) in.mark_bad();
  return present ? std::optional<Bytes>(payload) : std::nullopt;
}

}  // namespace

void encode(const Meta& meta, const Counts& counts, const StateHash& hash, Bytes& out) {
  Encoder encoder(out);
  encoder.u8(kVersion);
  encoder.u64(meta.index.value());
  encoder.u64(meta.term.value());
  encoder.u64(meta.time);
  encoder.raw(meta.history.view());
  encoder.raw({reinterpret_cast<const char*>(hash.key().data()), hash.key().size()});
  hash.encode(out);
  encoder.u64(counts.keys);
  encoder.u64(counts.sessions);
  encode_optional(meta.genesis, encoder);
  encode_optional(meta.configuration, encoder);
}

Result<RestoredMeta> decode_meta(BytesView in) {
  Decoder decoder(in);
  const std::uint8_t version = decoder.u8();
  if (decoder.ok() && version > kVersion) {
    return fail(ErrorCode::kVersionMismatch,
                fmt::format("state of format {}: this version reads up to {}", version, kVersion));
  }
  Meta meta;
  meta.index = Index(decoder.u64());
  meta.term = Term(decoder.u64());
  meta.time = decoder.u64();
  const BytesView history = decoder.raw(kDigestBytes);
  const BytesView key = decoder.raw(sizeof(HashKey));
  const BytesView sum = decoder.raw(MultisetHash::kEncodedSize);
  Counts counts;
  counts.keys = decoder.u64();
  counts.sessions = decoder.u64();
  meta.genesis = decode_optional(decoder);
  meta.configuration = decode_optional(decoder);
  if (!decoder.finished() || version != kVersion || meta.time > kMaxTimeMs) {
    return fail(ErrorCode::kCorruption, "the saved state of the state machine is malformed");
  }
  meta.history = Digest::from(history);
  HashKey hash_key;
  std::ranges::copy(key, reinterpret_cast<char*>(hash_key.data()));
  RestoredMeta restored{std::move(meta), counts, StateHash(hash_key)};
  restored.hash.decode(sum);
  return restored;
}

}  // namespace kvcluster::kv
