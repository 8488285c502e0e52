#include "net/read_buffer.hpp"

#include <algorithm>
#include <cstring>

#include "base/check.hpp"

namespace kvcluster::net {

ReadBuffer::Space ReadBuffer::prepare() {
  const std::size_t held = end_ - begin_;
  if (capacity_ == 0) {
    reallocate(std::min(kFirst, max_bytes_));
  } else if (held == 0) {
    begin_ = end_ = 0;
    // A read that filled all its room promises more: fewer and larger reads.
    if (filled_ && capacity_ < kBulk) reallocate(std::min(2 * capacity_, max_bytes_));
    if (capacity_ > kKept) reallocate(kKept);
  } else if (capacity_ - end_ < kLeastRoom) {
    // Each byte moves a bounded number of times: either half of the memory is free, or it doubles.
    if (begin_ >= capacity_ / 2 || capacity_ >= max_bytes_) {
      std::memmove(memory_.get(), memory_.get() + begin_, held);
      begin_ = 0;
      end_ = held;
    } else {
      reallocate(std::min(2 * capacity_, max_bytes_));
    }
  }
  prepared_ = capacity_ - end_;
  return {memory_.get() + end_, prepared_};
}

void ReadBuffer::commit(std::size_t size) {
  KV_CHECK(size <= prepared_, "a read stays inside its room");
  filled_ = size == prepared_;
  prepared_ -= size;
  end_ += size;
}

void ReadBuffer::consume(std::size_t size) {
  KV_CHECK(size <= end_ - begin_, "only what is there is used up");
  begin_ += size;
}

void ReadBuffer::assign(BytesView bytes) {
  begin_ = end_ = 0;
  if (capacity_ < bytes.size()) reallocate(std::max(bytes.size(), kFirst));
  std::ranges::copy(bytes, memory_.get());
  end_ = bytes.size();
}

void ReadBuffer::reallocate(std::size_t capacity) {
  const std::size_t held = end_ - begin_;
  // Not value-initialized: zeroing a large buffer costs more than the read into it.
  auto memory = std::make_unique_for_overwrite<char[]>(capacity);
  if (held > 0) std::memcpy(memory.get(), memory_.get() + begin_, held);
  memory_ = std::move(memory);
  capacity_ = capacity;
  begin_ = 0;
  end_ = held;
}

}  // namespace kvcluster::net
