// Runs plain requests on a keyspace: one function an operation, in four files by topic.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/ids.hpp"
#include "base/time.hpp"
#include "kv/keyspace.hpp"
#include "kv/reply.hpp"
#include "kv/request_format.hpp"

namespace kvcluster::kv {

// Bounds the bytes of one reply. A constant, not a setting: a reply inside an entry must be the
// same on every node.
class ReplyBudget {
 public:
  static constexpr std::size_t kReplyBytes = std::size_t{64} << 20U;
  // Of a read inside KV.ONCE: its reply is kept with the session.
  static constexpr std::size_t kKeptReadBytes = std::size_t{1} << 20U;

  explicit ReplyBudget(std::size_t bytes = kReplyBytes) : left_(bytes) {}

  [[nodiscard]] bool take(std::size_t bytes) {
    if (bytes > left_) return false;
    left_ -= bytes;
    return true;
  }

 private:
  std::size_t left_;
};

struct Reading {
  const Keyspace& keyspace;
  WallMillis now;        // cluster time: what is due by it is missing
  WallMillis shown_now;  // for TTL only; not before `now`
  ReplyBudget& budget;

  [[nodiscard]] Slot find(BytesView key) const { return keyspace.find(key, now); }
};

struct Writing {
  Keyspace& keyspace;
  WallMillis now;  // cluster time
  Index index;     // of the entry: the revision of what it writes
  ReplyBudget& budget;

  [[nodiscard]] Slot find(BytesView key) const { return keyspace.find(key, now); }
  [[nodiscard]] Reading reading() const { return {keyspace, now, now, budget}; }
  // Puts a string in the place of what the slot holds; a time that is over erases it.
  void put(const Slot& slot, BytesView value, WallMillis expire_at_ms) const;
};

// Requires: a read other than kHash and kFullHash, which are the state machine's own.
[[nodiscard]] Reply execute_read(const Reading& reading, const Request& request);
// Requires: a write.
[[nodiscard]] Reply execute_write(const Writing& writing, const Request& request);

// The operations on expiry; part of execute_write.
[[nodiscard]] Reply execute_get_expire(const Writing& writing, const Request& request);
[[nodiscard]] Reply execute_expire(const Writing& writing, const Request& request);
[[nodiscard]] Reply execute_persist(const Writing& writing, const Request& request);
// The operations on streams; parts of execute_read and execute_write.
[[nodiscard]] Reply execute_stream_read(const Reading& reading, const Request& request);
[[nodiscard]] Reply execute_stream_write(const Writing& writing, const Request& request);
// The time that the request's number and flags name, which may lie before the epoch.
[[nodiscard]] std::int64_t requested_expiry_ms(const Request& request, WallMillis now);

[[nodiscard]] inline bool is_wrong_type(const Slot& slot) {
  return slot.live && slot.record.type != RecordType::kString;
}
[[nodiscard]] Reply wrong_type();
[[nodiscard]] Reply reply_too_large();

}  // namespace kvcluster::kv
