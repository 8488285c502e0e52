// One non-blocking connection to a server, with the requests that wait on it.
//
// Thread-safety: none; one owner.
#pragma once

#include <sys/socket.h>

#include <bit>
#include <cstdint>
#include <string>
#include <vector>

#include "base/check.hpp"
#include "base/result.hpp"
#include "bench/reply_counter.hpp"
#include "bench/tally.hpp"
#include "client/address.hpp"

namespace kvcluster::bench {

enum class Role : std::uint8_t { kRead, kWrite, kWait };

struct Asking {
  Nanos began = 0;
  Role role = Role::kRead;
};

// A socket address that was resolved once.
struct Target {
  // Errors: kUnavailable.
  [[nodiscard]] static Result<Target> resolve(const client::Address& address);

  sockaddr_storage address{};
  socklen_t size = 0;
};

class Link {
 public:
  // Room for `depth` requests that wait.
  explicit Link(std::size_t depth) : waiting_(std::bit_ceil(depth)) {}
  ~Link() { close(); }
  Link(const Link&) = delete;
  Link& operator=(const Link&) = delete;

  // Begins to connect; waits for nothing. False: refused at once. Errors: kIo (no socket left).
  [[nodiscard]] Result<bool> open(const Target& target);
  // Drops the connection, and with it what waits.
  void close();
  [[nodiscard]] bool is_open() const { return socket_ >= 0; }
  [[nodiscard]] int socket() const { return socket_; }

  // Sends what it can of `out`. False: the connection is lost.
  [[nodiscard]] bool flush();
  [[nodiscard]] bool has_unsent() const { return sent_ < out.size(); }
  // One read. Returns what came in (a view of `buffer`), empty when there is nothing yet; `lost` is
  // set when the connection ended.
  [[nodiscard]] std::string_view receive(std::vector<char>& buffer, bool& lost);

  void push(Asking asking) {
    KV_CHECK(waiting() < waiting_.size(), "no more may wait than was said");
    waiting_[tail_++ & (waiting_.size() - 1)] = asking;
  }
  // Requires: waiting() > 0.
  Asking pop() {
    KV_CHECK(head_ != tail_, "a reply that nobody asked for");
    return waiting_[head_++ & (waiting_.size() - 1)];
  }
  [[nodiscard]] std::size_t waiting() const { return tail_ - head_; }

  std::string out;  // encoded requests; what was sent of them is dropped when all is sent
  ReplyCounter replies;
  std::vector<Asking> held;  // answered writes that a WAIT has yet to confirm
  std::size_t node = 0;      // which server it is connected to
  std::uint64_t turns = 0;   // requests of an open loop so far
  Nanos reopen_at = 0;       // of a closed one
  bool watched_for_room = false;

 private:
  int socket_ = -1;
  std::size_t sent_ = 0;
  std::vector<Asking> waiting_;  // a ring; its size is a power of two
  std::size_t head_ = 0;
  std::size_t tail_ = 0;
};

}  // namespace kvcluster::bench
