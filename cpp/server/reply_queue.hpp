// The replies of one connection, which leave in the order of its commands although they become
// ready in any order: a ring of places, each filled once.
//
// Thread-safety: none.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/bytes.hpp"
#include "wire/resp_encoder.hpp"

namespace kvcluster::server {

// How the completion of a request becomes a reply.
enum class ReplyKind : std::uint8_t {
  kPlain,       // as it is
  kExec,        // with the replies of local commands put back into their places
  kWatch,       // revisions to keep; the client is told OK
  kScan,        // the last key becomes a cursor
  kStreamRead,  // XREAD BLOCK: positions begin a wait
};

class ReplyQueue {
 public:
  struct Waiting {
    ReplyKind kind = ReplyKind::kPlain;
    // The one that was spoken when the command came; HELLO may change it meanwhile.
    wire::RespVersion version = wire::RespVersion::kResp2;
    std::uint16_t hash_slot = 0;
  };

  // Ready replies are appended to `out`, which must outlive the queue.
  explicit ReplyQueue(Bytes& out) : out_(out) {}

  [[nodiscard]] bool empty() const { return head_ == tail_; }
  // Replies that wait, for their own turn or for one before them.
  [[nodiscard]] std::size_t size() const { return static_cast<std::size_t>(tail_ - head_); }
  // Bytes that are ready, but wait for a reply before them.
  [[nodiscard]] std::size_t held_bytes() const {
    return held_bytes_ + (open_ == nullptr ? 0 : open_->reply.size());
  }

  // The buffer for a reply that is known at once; write it before any other call.
  [[nodiscard]] Bytes& add_ready();
  // The output, for what is no reply and may stand between any two of them: a push. Write it before
  // any other call.
  [[nodiscard]] Bytes& between_replies() {
    settle();
    return out_;
  }
  // Keeps a place; returns its number. Numbers count up by one from 0.
  std::uint64_t add_waiting(const Waiting& waiting);

  // The place whose number agrees with `number` in the bits of `mask`; nullptr when there is none
  // that waits. Requires: mask + 1 is a power of two above size().
  [[nodiscard]] const Waiting* find(std::uint64_t number, std::uint64_t mask) const;
  // The buffer for the reply of that place; write it, then call filled().
  // Requires: find() has just found it.
  [[nodiscard]] Bytes& fill(std::uint64_t number, std::uint64_t mask);
  // Moves everything that is ready at the front out.
  void filled();

 private:
  struct Place {
    Waiting waiting;
    bool ready = false;
    Bytes reply;
  };
  [[nodiscard]] std::uint64_t full_number(std::uint64_t number, std::uint64_t mask) const {
    return head_ + ((number - head_) & mask);
  }
  Place& place(std::uint64_t number) { return ring_[number & (ring_.size() - 1)]; }
  [[nodiscard]] const Place& place(std::uint64_t number) const {
    return ring_[number & (ring_.size() - 1)];
  }
  Place& add();
  // Counts the bytes of the buffer that was handed out last.
  void settle();

  Bytes& out_;
  std::vector<Place> ring_;  // size: 0 or a power of two
  std::uint64_t head_ = 0;
  std::uint64_t tail_ = 0;
  std::size_t held_bytes_ = 0;
  Place* open_ = nullptr;  // whose buffer was handed out last, not yet counted
};

}  // namespace kvcluster::server
