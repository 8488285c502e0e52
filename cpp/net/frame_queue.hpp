// Finished frames on their way out, bounded in bytes.
#pragma once

#include <asio/buffer.hpp>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <span>
#include <vector>

#include "base/bytes.hpp"

namespace kvcluster::net {

class FrameQueue {
 public:
  explicit FrameQueue(std::size_t max_bytes) : max_bytes_(max_bytes) {}

  // False, and nothing is kept, when the queue holds too much already. An empty queue takes any
  // frame.
  [[nodiscard]] bool push(Bytes frame, std::size_t messages);

  // The bytes to send next, for one writev; valid until the next change.
  [[nodiscard]] const std::vector<asio::const_buffer>& front();

  struct Sent {
    std::size_t frames = 0;
    std::size_t messages = 0;
  };
  // Drops bytes that were sent; counts the frames that they completed.
  // Requires: size <= bytes().
  Sent sent(std::size_t size);

  void clear();
  [[nodiscard]] bool empty() const { return frames_.empty(); }
  [[nodiscard]] std::size_t bytes() const { return bytes_; }
  [[nodiscard]] std::size_t messages() const { return messages_; }

 private:
  struct Frame {
    Bytes bytes;
    std::size_t messages;
  };
  static constexpr std::size_t kMaxGather = 64;

  std::size_t max_bytes_;
  std::deque<Frame> frames_;
  std::vector<asio::const_buffer> gather_;
  std::size_t front_sent_ = 0;  // bytes of the first frame that are gone
  std::size_t bytes_ = 0;       // still to send
  std::size_t messages_ = 0;    // in frames that are not wholly sent
};

}  // namespace kvcluster::net
