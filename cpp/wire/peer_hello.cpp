#include "wire/peer_hello.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/check.hpp"
#include "base/codec.hpp"
#include "base/crc32c.hpp"
#include "raft/configuration.hpp"
#include "wire/fixed_bytes.hpp"

namespace kvcluster::wire {
namespace {

enum class Kind : std::uint8_t { kHello = 1, kRefusal = 2 };

constexpr std::size_t kHeadBytes = 7 + 1 + 1 + 2;  // magic, version, kind, length of the body
constexpr std::size_t kCrcBytes = 4;
constexpr std::size_t kMaxBodyBytes = kMaxGreetingBytes - kHeadBytes - kCrcBytes;
constexpr std::size_t kMaxAddressBytes = 512;
constexpr std::size_t kMaxSentenceBytes = 1024;
constexpr std::uint8_t kLogLost = 1U << 0U;

static_assert(kPeerMagic.size() == 7);

void append_greeting(Kind kind, BytesView body, Bytes& out) {
  KV_CHECK(body.size() <= kMaxBodyBytes, "a greeting is bounded");
  const std::size_t start = out.size();
  Encoder encoder(out);
  encoder.raw(kPeerMagic);
  encoder.u8(kPeerVersion);
  encoder.u8(static_cast<std::uint8_t>(kind));
  encoder.u16(static_cast<std::uint16_t>(body.size()));
  encoder.raw(body);
  encoder.u32(crc32c(BytesView(out).substr(start)));
}

Result<replica::Hello> decode_hello(BytesView body) {
  Decoder decoder(body);
  replica::Hello hello;
  hello.from = NodeId(decoder.u64());
  hello.to = NodeId(decoder.u64());
  read_fixed(decoder, hello.cluster_id);
  read_fixed(decoder, hello.incarnation);
  hello.priority = decoder.u32();
  const std::uint8_t flags = decoder.u8();
  if ((flags & ~kLogLost) != 0) decoder.mark_bad();
  hello.log_lost = (flags & kLogLost) != 0;
  const BytesView address = decoder.bytes();
  if (address.size() > kMaxAddressBytes) decoder.mark_bad();
  hello.client_address = address;
  const std::size_t count = decoder.u8();
  if (count > raft::kMaxMembers) decoder.mark_bad();
  for (std::size_t i = 0; i < count && decoder.ok(); ++i) {
    const NodeId member(decoder.u64());
    if (member <= (i == 0 ? kNoNode : hello.members.back())) decoder.mark_bad();
    hello.members.push_back(member);
  }
  if (hello.from == kNoNode || hello.to == kNoNode || hello.from == hello.to) decoder.mark_bad();
  if (!decoder.finished()) return fail(ErrorCode::kCorruption, "a malformed hello");
  return hello;
}

Result<Refusal> decode_refusal(BytesView body) {
  Decoder decoder(body);
  const std::uint8_t code = decoder.u8();
  const BytesView sentence = decoder.bytes();
  if (!decoder.finished() || code < static_cast<std::uint8_t>(RefusalCode::kWrongIdentity) ||
      code > static_cast<std::uint8_t>(RefusalCode::kMalformed) ||
      sentence.size() > kMaxSentenceBytes) {
    return fail(ErrorCode::kCorruption, "a malformed refusal");
  }
  return Refusal{static_cast<RefusalCode>(code), std::string(sentence)};
}

template <typename T>
Result<std::optional<Greeting>> greeting_of(Result<T> content, std::size_t size) {
  if (!content) return std::unexpected(std::move(content).error());
  return Greeting{std::move(*content), size};
}

}  // namespace

Speaker classify(BytesView first_bytes) {
  const BytesView seen = first_bytes.substr(0, kPeerMagic.size());
  if (!kPeerMagic.starts_with(seen)) return Speaker::kClient;
  return seen.size() == kPeerMagic.size() ? Speaker::kPeer : Speaker::kNeedMore;
}

RefusalCode refusal_code(ErrorCode code) {
  switch (code) {
    case ErrorCode::kWrongIdentity:
      return RefusalCode::kWrongIdentity;
    case ErrorCode::kVersionMismatch:
      return RefusalCode::kVersion;
    case ErrorCode::kCorruption:
    case ErrorCode::kInvalidArgument:
      return RefusalCode::kMalformed;
    default:
      return RefusalCode::kNotNow;
  }
}

void encode(const replica::Hello& hello, Bytes& out) {
  KV_CHECK(hello.members.size() <= raft::kMaxMembers, "a cluster is bounded");
  KV_CHECK(hello.client_address.size() <= kMaxAddressBytes, "an address is bounded");
  Bytes body;
  Encoder encoder(body);
  encoder.u64(hello.from.value());
  encoder.u64(hello.to.value());
  encoder.raw(view_of(hello.cluster_id));
  encoder.raw(view_of(hello.incarnation));
  encoder.u32(hello.priority);
  encoder.u8(hello.log_lost ? kLogLost : 0);
  encoder.bytes(hello.client_address);
  encoder.u8(static_cast<std::uint8_t>(hello.members.size()));
  for (const NodeId member : hello.members) encoder.u64(member.value());
  append_greeting(Kind::kHello, body, out);
}

void encode(const Refusal& refusal, Bytes& out) {
  Bytes body;
  Encoder encoder(body);
  encoder.u8(static_cast<std::uint8_t>(refusal.code));
  encoder.bytes(BytesView(refusal.sentence).substr(0, kMaxSentenceBytes));
  append_greeting(Kind::kRefusal, body, out);
}

Result<std::optional<Greeting>> decode_greeting(BytesView input) {
  const BytesView magic = input.substr(0, kPeerMagic.size());
  if (!kPeerMagic.starts_with(magic)) {
    return fail(ErrorCode::kCorruption, "the other side is no kvcluster node");
  }
  // The version stands where every version has it; what follows may differ.
  if (input.size() > kPeerMagic.size()) {
    const auto version = static_cast<std::uint8_t>(input[kPeerMagic.size()]);
    if (version != kPeerVersion) {
      return fail(ErrorCode::kVersionMismatch,
                  fmt::format("the other node speaks version {} of the peer protocol, this one "
                              "version {}: run the same release on all nodes",
                              version, kPeerVersion));
    }
  }
  if (input.size() < kHeadBytes) return std::nullopt;
  Decoder head(input.substr(kPeerMagic.size() + 1));
  const std::uint8_t kind = head.u8();
  const std::size_t body_bytes = head.u16();
  if (body_bytes > kMaxBodyBytes) return fail(ErrorCode::kCorruption, "a greeting is too long");
  const std::size_t size = kHeadBytes + body_bytes + kCrcBytes;
  if (input.size() < size) return std::nullopt;
  const std::size_t checked = kHeadBytes + body_bytes;
  if (Decoder(input.substr(checked)).u32() != crc32c(input.substr(0, checked))) {
    return fail(ErrorCode::kCorruption, "a greeting fails its checksum");
  }
  const BytesView body = input.substr(kHeadBytes, body_bytes);
  switch (static_cast<Kind>(kind)) {
    case Kind::kHello:
      return greeting_of(decode_hello(body), size);
    case Kind::kRefusal:
      return greeting_of(decode_refusal(body), size);
  }
  return fail(ErrorCode::kCorruption, "a greeting of an unknown kind");
}

}  // namespace kvcluster::wire
