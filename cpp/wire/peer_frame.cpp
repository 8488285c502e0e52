#include "wire/peer_frame.hpp"

#include <fmt/format.h>

#include <array>
#include <cstring>
#include <utility>

#include "base/check.hpp"
#include "base/codec.hpp"
#include "base/crc32c.hpp"
#include "wire/peer_message_codec.hpp"

namespace kvcluster::wire {
namespace {

constexpr std::uint8_t kMessages = 1;
constexpr std::size_t kBodyAt = kFrameHeadBytes + 1;

std::uint32_t length_crc(std::uint32_t length) {
  char raw[sizeof(length)];
  std::memcpy(raw, &length, sizeof(length));
  return crc32c({raw, sizeof(raw)});
}

std::uint32_t frame_crc(std::uint32_t length, BytesView content) {
  return crc32c(content, length_crc(length));
}

}  // namespace

PeerFrameBuilder::Added PeerFrameBuilder::add(const replica::PeerMessage& message) {
  if (messages_ == kMaxFrameMessages) return Added::kFull;
  // Bounded before it is written, so that a huge message is never copied in vain.
  const std::size_t least = payload_bytes(message);
  if (least > max_frame_bytes_) return Added::kTooLarge;
  if (messages_ > 0 && frame_.size() + least > kFrameHeadBytes + max_frame_bytes_) {
    return Added::kFull;
  }
  if (frame_.empty()) {
    frame_.resize(kFrameHeadBytes);
    frame_.push_back(static_cast<char>(kMessages));
  }
  const std::size_t before = frame_.size();
  encode_message(message, frame_);
  if (frame_.size() > kFrameHeadBytes + max_frame_bytes_) {
    frame_.resize(before);
    return messages_ == 0 ? Added::kTooLarge : Added::kFull;
  }
  ++messages_;
  last_at_ = before;
  return Added::kYes;
}

void PeerFrameBuilder::take_back() {
  KV_CHECK(!empty() && last_at_ < frame_.size(), "there is a message to take back");
  frame_.resize(last_at_);
  --messages_;
}

Bytes PeerFrameBuilder::finish() {
  KV_CHECK(!empty(), "an empty frame is never sent");
  const auto length = static_cast<std::uint32_t>(frame_.size() - kFrameHeadBytes);
  const std::array<std::uint32_t, 3> head = {
      length, length_crc(length), frame_crc(length, BytesView(frame_).substr(kFrameHeadBytes))};
  static_assert(sizeof(head) == kFrameHeadBytes);
  std::memcpy(frame_.data(), head.data(), sizeof(head));
  messages_ = 0;
  return std::exchange(frame_, {});
}

void PeerFrameBuilder::clear() {
  messages_ = 0;
  frame_.clear();
}

Result<FrameHead> decode_frame_head(BytesView head, std::size_t max_frame_bytes) {
  KV_CHECK(head.size() == kFrameHeadBytes, "the head has a fixed size");
  Decoder decoder(head);
  FrameHead decoded;
  decoded.length = decoder.u32();
  if (decoder.u32() != length_crc(decoded.length)) {
    return fail(ErrorCode::kCorruption, "the length of a frame fails its checksum");
  }
  decoded.crc = decoder.u32();
  if (decoded.length < 2 || decoded.length > max_frame_bytes) {
    return fail(ErrorCode::kCorruption, fmt::format("a frame of {} bytes; the limit is {}",
                                                    decoded.length, max_frame_bytes));
  }
  return decoded;
}

Result<std::vector<replica::PeerMessage>> decode_frame(
    const FrameHead& head, const std::shared_ptr<const Bytes>& content) {
  KV_CHECK(content->size() == head.length, "the content is what the head says");
  if (frame_crc(head.length, *content) != head.crc) {
    return fail(ErrorCode::kCorruption, "a frame fails its checksum");
  }
  if (static_cast<std::uint8_t>(content->front()) != kMessages) {
    return fail(ErrorCode::kCorruption, "a frame of an unknown kind");
  }
  MessageReader reader(content, BytesView(*content).substr(kBodyAt - kFrameHeadBytes));
  std::vector<replica::PeerMessage> messages;
  while (!reader.at_end()) {
    if (messages.size() == kMaxFrameMessages) {
      return fail(ErrorCode::kCorruption, "a frame of too many messages");
    }
    auto message = reader.next();
    if (!message) return std::unexpected(std::move(message).error());
    messages.push_back(std::move(*message));
  }
  return messages;
}

}  // namespace kvcluster::wire
