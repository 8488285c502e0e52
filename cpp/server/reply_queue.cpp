#include "server/reply_queue.hpp"

#include <utility>

#include "base/check.hpp"

namespace kvcluster::server {
namespace {

constexpr std::size_t kFirstRing = 16;
// A longer buffer is given back rather than kept for the next reply.
constexpr std::size_t kKeptBufferBytes = 256;

}  // namespace

void ReplyQueue::settle() {
  if (open_ != nullptr) held_bytes_ += open_->reply.size();
  open_ = nullptr;
}

ReplyQueue::Place& ReplyQueue::add() {
  settle();
  if (size() == ring_.size()) {
    std::vector<Place> larger(ring_.empty() ? kFirstRing : 2 * ring_.size());
    for (std::uint64_t number = head_; number != tail_; ++number) {
      larger[number & (larger.size() - 1)] = std::move(place(number));
    }
    ring_ = std::move(larger);
  }
  Place& added = place(tail_++);
  added.ready = false;
  return added;
}

Bytes& ReplyQueue::add_ready() {
  if (empty()) return out_;
  Place& added = add();
  added.ready = true;
  open_ = &added;
  return added.reply;
}

std::uint64_t ReplyQueue::add_waiting(const Waiting& waiting) {
  const std::uint64_t number = tail_;
  add().waiting = waiting;
  return number;
}

const ReplyQueue::Waiting* ReplyQueue::find(std::uint64_t number, std::uint64_t mask) const {
  const std::uint64_t full = full_number(number, mask);
  if (full >= tail_) return nullptr;
  const Place& found = place(full);
  return found.ready ? nullptr : &found.waiting;
}

Bytes& ReplyQueue::fill(std::uint64_t number, std::uint64_t mask) {
  settle();
  const std::uint64_t full = full_number(number, mask);
  KV_CHECK(full < tail_, "only a place that waits is filled");
  Place& found = place(full);
  KV_CHECK(!found.ready, "a place is filled once");
  found.ready = true;
  if (full == head_) return out_;
  open_ = &found;
  return found.reply;
}

void ReplyQueue::filled() {
  settle();
  while (!empty() && place(head_).ready) {
    Place& first = place(head_);
    out_.append(first.reply);
    held_bytes_ -= first.reply.size();
    first.reply.clear();
    if (first.reply.capacity() > kKeptBufferBytes) first.reply.shrink_to_fit();
    ++head_;
  }
}

}  // namespace kvcluster::server
