// What one connection has queued between MULTI and EXEC, and which keys it watches.
//
// A transaction becomes one entry of the log, and a watched key a revision that this entry checks:
// so neither is bound to the node that took the commands.
//
// Thread-safety: none.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "kv/reply.hpp"
#include "kv/request.hpp"

namespace kvcluster::server {

// The replies of local commands inside a transaction, each with its place in EXEC's array.
using LocalReplies = std::vector<std::pair<std::size_t, kv::Reply>>;

class Transaction {
 public:
  explicit Transaction(std::size_t max_bytes, std::size_t max_commands)
      : max_bytes_(max_bytes), max_commands_(max_commands) {}

  [[nodiscard]] bool active() const { return active_; }
  [[nodiscard]] bool failed() const { return failed_; }
  void begin() { active_ = true; }
  // EXEC will refuse.
  void refuse() { failed_ = true; }
  // EXEC, DISCARD, RESET: nothing is left, nor watched.
  void clear();

  // Errors: kLimitExceeded, with the text of the error reply.
  [[nodiscard]] Status queue(Bytes encoded);
  [[nodiscard]] Status queue_local(kv::Reply reply);

  // The revision seen first counts.
  void watch(Bytes key, std::uint64_t revision);
  void unwatch() { watched_.clear(); }
  [[nodiscard]] std::span<const kv::Watched> watched() const { return watched_; }

  [[nodiscard]] std::span<const Bytes> encoded_commands() const { return encoded_; }
  [[nodiscard]] LocalReplies take_local_replies() { return std::move(local_replies_); }

 private:
  [[nodiscard]] Status take_room(std::size_t bytes);

  std::size_t max_bytes_;
  std::size_t max_commands_;
  bool active_ = false;
  bool failed_ = false;
  std::size_t bytes_ = 0;
  std::vector<Bytes> encoded_;
  LocalReplies local_replies_;
  std::vector<kv::Watched> watched_;
};

// EXEC's reply: `applied` holds the replies of the data commands, in order; anything else than an
// array (nil, an error) stays as it is.
[[nodiscard]] kv::Reply merge_replies(kv::Reply applied, LocalReplies local);

}  // namespace kvcluster::server
