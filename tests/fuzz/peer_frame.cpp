// What arrives on a peer link: greetings, then frames. Whatever decodes is a value that encodes and
// decodes to itself. Checksums are put right, since no fuzzer finds them, unless the first byte
// says not to.
#include "wire/peer_frame.hpp"

#include <cstring>
#include <variant>

#include "base/check.hpp"
#include "base/crc32c.hpp"
#include "fuzz/fuzz_input.hpp"
#include "wire/peer_hello.hpp"

namespace kvcluster::wire {
namespace {

constexpr std::size_t kLengthAt = 9;  // of a greeting: after magic, version and kind
constexpr std::size_t kCrcBytes = 4;

void put_u32(Bytes& bytes, std::size_t at, std::uint32_t value) {
  std::memcpy(bytes.data() + at, &value, sizeof(value));
}

void greeting(Bytes bytes, bool mend) {
  if (mend && bytes.size() >= kLengthAt + 2) {
    std::uint16_t body = 0;
    std::memcpy(&body, bytes.data() + kLengthAt, sizeof(body));
    const std::size_t crc_at = kLengthAt + 2 + body;
    if (bytes.size() >= crc_at + kCrcBytes) {
      put_u32(bytes, crc_at, crc32c(BytesView(bytes).substr(0, crc_at)));
    }
  }
  const auto decoded = decode_greeting(bytes);
  if (!decoded || !*decoded) return;
  KV_CHECK((*decoded)->size <= bytes.size(), "a greeting ends inside its bytes");
  KV_CHECK(classify(bytes) == Speaker::kPeer, "who greets is a peer");
  Bytes again;
  std::visit([&](const auto& content) { encode(content, again); }, (*decoded)->content);
  const auto repeated = decode_greeting(again);
  KV_CHECK(repeated && *repeated, "what was decoded can be encoded");
  KV_CHECK((*repeated)->content == (*decoded)->content, "a greeting survives a resend");
}

void frame(Bytes content, bool mend, std::uint32_t crc) {
  if (content.empty()) return;
  FrameHead head{.length = static_cast<std::uint32_t>(content.size()), .crc = crc};
  if (mend) {
    Bytes length(4, '\0');
    put_u32(length, 0, head.length);
    head.crc = crc32c(content, crc32c(length));
  }
  const auto messages = decode_frame(head, std::make_shared<const Bytes>(std::move(content)));
  if (!messages || messages->empty()) return;
  PeerFrameBuilder builder;
  for (const auto& message : *messages) {
    KV_CHECK(builder.add(message) == PeerFrameBuilder::Added::kYes, "what came fits a frame");
  }
  const Bytes again = builder.finish();
  const auto second = decode_frame_head(BytesView(again).substr(0, kFrameHeadBytes));
  KV_CHECK(second, "a frame of ours has a head");
  const auto repeated =
      decode_frame(*second, std::make_shared<const Bytes>(again.substr(kFrameHeadBytes)));
  KV_CHECK(repeated && *repeated == *messages, "messages survive a resend");
}

void run(fuzz::FuzzInput input) {
  const std::uint8_t mode = input.byte();
  const bool mend = (mode & 2U) == 0;
  if ((mode & 1U) == 0) {
    const auto crc = mend ? 0U : static_cast<std::uint32_t>(input.number(4));
    frame(Bytes(input.rest()), mend, crc);
  } else {
    greeting(Bytes(input.rest()), mend);
  }
}

}  // namespace
}  // namespace kvcluster::wire

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  kvcluster::wire::run({data, size});
  return 0;
}
