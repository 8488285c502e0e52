// Frames between peers: each carries the messages of one turn. docs/format.md, "Peer frames", has
// them byte by byte.
//
//   u32 length    of kind and body
//   u32 crc32c    of length: a wrong one would be waited for, and the link stand still for good
//   u32 crc32c    of length, kind and body
//   u8  kind      1: messages
//   ... body      messages, one after the other
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "replica/peer_message.hpp"

namespace kvcluster::wire {

inline constexpr std::size_t kFrameHeadBytes = 4 + 4 + 4;
// Of kind and body; an entry of the largest command fits, alone in its message.
inline constexpr std::size_t kMaxFrameBytes = replica::kMaxRequestBytes + (64U << 10U);
// A tiny message takes far more memory than wire.
inline constexpr std::size_t kMaxFrameMessages = 16'384;

// Builds one frame after the other.
class PeerFrameBuilder {
 public:
  explicit PeerFrameBuilder(std::size_t max_frame_bytes = kMaxFrameBytes)
      : max_frame_bytes_(max_frame_bytes) {}

  enum class Added : std::uint8_t {
    kYes,
    kFull,      // finish this frame and add it to the next
    kTooLarge,  // no frame can hold it
  };
  // Nothing changes unless kYes.
  [[nodiscard]] Added add(const replica::PeerMessage& message);
  // Forgets the message that the last add() took. Requires: it gave kYes, and nothing came since.
  void take_back();

  [[nodiscard]] bool empty() const { return messages_ == 0; }
  [[nodiscard]] std::size_t messages() const { return messages_; }
  [[nodiscard]] std::size_t bytes() const { return frame_.size(); }
  // The whole frame; the builder is then empty. Requires: !empty().
  [[nodiscard]] Bytes finish();
  // Forgets what was added.
  void clear();

 private:
  std::size_t max_frame_bytes_;
  std::size_t messages_ = 0;
  std::size_t last_at_ = 0;  // where the last message begins
  Bytes frame_;
};

struct FrameHead {
  std::uint32_t length = 0;
  std::uint32_t crc = 0;
};

// Requires: kFrameHeadBytes bytes. Errors: kCorruption when the length fails its checksum or is out
// of bounds, so that no memory is taken for it.
[[nodiscard]] Result<FrameHead> decode_frame_head(BytesView head,
                                                  std::size_t max_frame_bytes = kMaxFrameBytes);

// `content`: the `length` bytes after the head. Payloads, data and replies are slices that share
// `content`. Errors: kCorruption.
[[nodiscard]] Result<std::vector<replica::PeerMessage>> decode_frame(
    const FrameHead& head, const std::shared_ptr<const Bytes>& content);

}  // namespace kvcluster::wire
