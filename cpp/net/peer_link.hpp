// This node's outgoing connection to one peer: dialed, kept up, and used in one direction only.
// Node i sends on the connections it dialed and receives on those it accepted (peer_session.hpp).
//
// Loss is allowed: Raft sends again. While the peer is away, and when it takes less than is sent,
// messages are dropped and counted, and memory stays bounded; whoever sends learns it at once.
// Nothing queued before a lost connection is sent on the next one.
//
// Thread-safety: none; the thread of the io_context.
#pragma once

#include <asio/io_context.hpp>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "base/time.hpp"
#include "net/endpoint.hpp"
#include "net/turn.hpp"
#include "replica/peer_message.hpp"

namespace kvcluster::net {

class PeerLink;

class PeerLinkHandler {
 public:
  // What this node says of itself, asked at each dial.
  virtual replica::Hello hello_for(PeerLink& link) = 0;
  // The peer has let us in; from now on send() reaches it.
  virtual void on_link_up(PeerLink& link, const replica::Hello& theirs) = 0;
  // An up link has closed; it is dialed again by itself.
  virtual void on_link_lost(PeerLink& link, const std::string& why) = 0;
  // The peer refused this node; tried again, slowly.
  virtual void on_link_refused(PeerLink& link, const std::string& sentence) = 0;

 protected:
  ~PeerLinkHandler() = default;
};

struct PeerLinkOptions {
  NodeId peer;
  Endpoint address;
  Duration connect_deadline = std::chrono::seconds(1);
  Duration hello_deadline = std::chrono::seconds(2);
  Duration backoff_min = std::chrono::milliseconds(10);
  Duration backoff_max = std::chrono::milliseconds(500);  // also after a refusal
  std::size_t max_queue_bytes = 32U << 20U;
  std::uint64_t seed = 0;  // of the backoff's jitter
};

struct PeerLinkCounters {
  std::uint64_t dials = 0;
  std::uint64_t connects = 0;  // hellos answered
  std::uint64_t frames_sent = 0;
  std::uint64_t messages_sent = 0;
  std::uint64_t bytes_sent = 0;
  std::uint64_t messages_dropped = 0;  // not connected, over the bound, too large, or lost in queue
};

class PeerLink {
 public:
  // Dials while the io_context runs. `turn` and `handler` outlive the link.
  PeerLink(asio::io_context& io, Turn& turn, const PeerLinkOptions& options,
           PeerLinkHandler& handler);
  // Closes; no callback follows.
  ~PeerLink();
  PeerLink(const PeerLink&) = delete;
  PeerLink& operator=(const PeerLink&) = delete;

  // Joins this turn's batch, which leaves as one frame at the end of the turn. False: dropped,
  // certainly not sent. True: it leaves, or is lost together with the connection.
  bool send(const replica::PeerMessage& message);
  // Dials at once if it waits to dial: the peer has just been seen alive.
  void dial_now();
  // Closes and dials again with a new Hello, because what it says has changed. No on_link_lost.
  void redial();

  [[nodiscard]] bool is_up() const;
  [[nodiscard]] NodeId peer() const;
  [[nodiscard]] const Endpoint& address() const;
  [[nodiscard]] std::size_t queued_bytes() const;
  [[nodiscard]] const PeerLinkCounters& counters() const;
  // Why it is not up: the last error or refusal, in plain words; empty when it is up.
  [[nodiscard]] const std::string& trouble() const;

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace kvcluster::net
