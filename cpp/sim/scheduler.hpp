// Virtual time: what happens next, and when. Events are small values; what they carry stands in the
// pools of whoever made them.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "base/check.hpp"
#include "base/time.hpp"

namespace kvcluster::sim {

enum class EventKind : std::uint8_t {
  // Of a node; void when `life` is no longer the node's.
  kWake,            // its next deadline
  kHousekeeping,    // now and then
  kDiskDone,        // the WAL writer has finished a round
  kCheckpointDone,  // value: which one
  kChunkRead,       // value: slot of the read
  kChunkStored,     // likewise
  kStart,           // the process starts
  kPowerOff,        // a crash that waited for a write has found none
  // Of a connection from `node` to `peer`; void when `life` is no longer the connection's.
  kDial,
  kHello,        // reaches the peer
  kHelloReply,   // reaches the dialer
  kRefused,      // likewise
  kFrame,        // value: slot of the frame; reaches the peer
  kLinkLost,     // the dialer learns that its connection is gone
  kSessionLost,  // the peer learns it
  // Of a client; value: the attempt.
  kClientWake,
  kRequest,  // reaches the node
  kReply,    // value: slot of the reply
  kClientTimeout,
  kClientLost,  // its connection has closed
  // Of the world.
  kFault,     // value: its number
  kFaultEnd,  // likewise
  kUnseat,    // the leader `node` loses its power
};

struct Event {
  Instant at;
  std::uint64_t sequence = 0;  // equal times: in the order of their making
  EventKind kind{};
  std::uint8_t node = 0;
  std::uint8_t peer = 0;
  std::uint32_t life = 0;
  std::uint64_t value = 0;
};

class Scheduler {
 public:
  [[nodiscard]] Instant now() const { return now_; }

  // What lies in the past happens now.
  void at(Instant when, Event event) {
    event.at = std::max(when, now_);
    event.sequence = ++made_;
    heap_.push_back(event);
    std::push_heap(heap_.begin(), heap_.end(), Later{});
  }
  void after(Duration delay, const Event& event) { at(now_ + delay, event); }

  [[nodiscard]] bool empty() const { return heap_.empty(); }
  [[nodiscard]] Instant next_at() const { return heap_.front().at; }
  // Moves the time on. Requires: !empty().
  Event pop() {
    KV_CHECK(!heap_.empty(), "there is a next event");
    std::pop_heap(heap_.begin(), heap_.end(), Later{});
    const Event event = heap_.back();
    heap_.pop_back();
    now_ = event.at;
    return event;
  }
  void advance_to(Instant when) { now_ = std::max(now_, when); }
  [[nodiscard]] std::uint64_t made() const { return made_; }

 private:
  struct Later {
    bool operator()(const Event& a, const Event& b) const {
      return a.at != b.at ? a.at > b.at : a.sequence > b.sequence;
    }
  };
  Instant now_{std::chrono::seconds(1)};
  std::uint64_t made_ = 0;
  std::vector<Event> heap_;
};

// Values that wait for their event; slots are used again.
template <typename T>
class Pool {
 public:
  std::uint64_t put(T value) {
    if (free_.empty()) {
      slots_.push_back(std::move(value));
      return slots_.size() - 1;
    }
    const std::uint64_t slot = free_.back();
    free_.pop_back();
    slots_[slot] = std::move(value);
    return slot;
  }
  T take(std::uint64_t slot) {
    free_.push_back(slot);
    return std::move(slots_[slot]);
  }

 private:
  std::vector<T> slots_;
  std::vector<std::uint64_t> free_;
};

}  // namespace kvcluster::sim
