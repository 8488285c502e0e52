#include "net/frame_queue.hpp"

#include <algorithm>
#include <utility>

#include "base/check.hpp"

namespace kvcluster::net {

bool FrameQueue::push(Bytes frame, std::size_t messages) {
  if (!frames_.empty() && bytes_ + frame.size() > max_bytes_) return false;
  bytes_ += frame.size();
  messages_ += messages;
  frames_.push_back({std::move(frame), messages});
  return true;
}

const std::vector<asio::const_buffer>& FrameQueue::front() {
  gather_.clear();
  std::size_t skip = front_sent_;
  for (std::size_t i = 0; i < std::min(frames_.size(), kMaxGather); ++i) {
    const Bytes& bytes = frames_[i].bytes;
    gather_.emplace_back(bytes.data() + skip, bytes.size() - skip);
    skip = 0;
  }
  return gather_;
}

FrameQueue::Sent FrameQueue::sent(std::size_t size) {
  KV_CHECK(size <= bytes_, "only what is queued is sent");
  Sent done;
  bytes_ -= size;
  front_sent_ += size;
  while (!frames_.empty() && front_sent_ >= frames_.front().bytes.size()) {
    front_sent_ -= frames_.front().bytes.size();
    ++done.frames;
    done.messages += frames_.front().messages;
    frames_.pop_front();
  }
  messages_ -= done.messages;
  return done;
}

void FrameQueue::clear() {
  frames_.clear();
  gather_.clear();
  front_sent_ = 0;
  bytes_ = 0;
  messages_ = 0;
}

}  // namespace kvcluster::net
