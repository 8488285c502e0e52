// Accepts connections on one address and tells peers from clients by their first bytes, so that
// one port serves both.
//
// Bounded: clients, peers, and connections that have not yet said what they are; of the last, the
// oldest is closed to make room, so that idle strangers can not keep a peer out. When the process
// has no file descriptor left, accepting pauses and goes on by itself.
//
// Thread-safety: none; the thread of the io_context.
#pragma once

#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "base/time.hpp"
#include "net/endpoint.hpp"

namespace kvcluster::net {

// Counts one open connection while it lives; keep it as long as the socket.
class ConnectionSlot {
 public:
  ConnectionSlot() = default;
  explicit ConnectionSlot(std::shared_ptr<std::size_t> open) : open_(std::move(open)) { ++*open_; }
  ConnectionSlot(ConnectionSlot&&) = default;
  ConnectionSlot& operator=(ConnectionSlot&& other) noexcept {
    open_.swap(other.open_);
    return *this;
  }
  ~ConnectionSlot() {
    if (open_) --*open_;
  }

 private:
  std::shared_ptr<std::size_t> open_;
};

// A connection that has said what it is.
struct Incoming {
  asio::ip::tcp::socket socket;  // non-blocking, no delay, closed on exec
  Bytes read_ahead;              // its first bytes
  ConnectionSlot slot;
  std::string remote;  // "127.0.0.1:41234"
};

struct ListenerOptions {
  Endpoint address{"127.0.0.1", 0};  // port 0: the kernel chooses
  std::size_t max_clients = 10'000;
  std::size_t max_peers = 64;
  std::size_t max_undecided = 1024;
  // A connection that has not said what it is by then is closed.
  Duration first_bytes_deadline = std::chrono::seconds(30);
  int backlog = 511;
};

// An empty function: that kind is not served here, and is told so.
struct ListenerHandlers {
  std::function<void(Incoming)> client;
  std::function<void(Incoming)> peer;
};

struct ListenerCounters {
  std::uint64_t accepted = 0;
  std::uint64_t refused = 0;           // over a limit, or of a kind not served here
  std::uint64_t first_bytes_late = 0;  // closed by the deadline, or to make room
  std::uint64_t accept_errors = 0;
};

class Listener {
 public:
  // Listens when it returns; accepts while the io_context runs.
  // Errors: kBusy (the port is in use), kInvalidArgument (no such address), kIo.
  [[nodiscard]] static Result<std::unique_ptr<Listener>> open(asio::io_context& io,
                                                              const ListenerOptions& options,
                                                              ListenerHandlers handlers);
  // Closes the port and all undecided connections; those handed out live on.
  ~Listener();
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;

  // With the port that the kernel chose.
  [[nodiscard]] const Endpoint& address() const;
  [[nodiscard]] const ListenerCounters& counters() const;
  [[nodiscard]] std::size_t open_clients() const;
  [[nodiscard]] std::size_t open_peers() const;

 private:
  struct Impl;
  explicit Listener(std::shared_ptr<Impl> impl);
  std::shared_ptr<Impl> impl_;
};

}  // namespace kvcluster::net
