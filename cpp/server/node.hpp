// One node of a cluster, running inside this process: its data directory, its listeners and its
// three threads (reactor, WAL writer, checkpointer). Nothing is global: several may live in one
// process, on different data directories.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>

#include "base/result.hpp"
#include "base/time.hpp"
#include "server/node_options.hpp"
#include "server/node_view.hpp"

namespace kvcluster::server {

// Thread-safety: all functions from any thread, but the destructor must be the last call.
class Node {
 public:
  // Opens the data directory, recovers what it holds, binds the listeners and starts the threads.
  // The node then looks for its cluster by itself; it need not have one yet.
  // Errors: kInvalidArgument (options), kBusy (data directory or port in use), kWrongIdentity,
  // kVersionMismatch, kCorruption, kDiskFull, kIo.
  [[nodiscard]] static Result<std::unique_ptr<Node>> start(NodeOptions options);

  // Stops at once what still runs.
  ~Node();
  Node(const Node&) = delete;
  Node& operator=(const Node&) = delete;

  // Ends gracefully: hands the leadership over first (for about a second at most), then answers
  // what can be answered, and joins the threads. Again, or on a node that has ended: nothing.
  void stop();
  // Begins stop() and returns; for signal-driven owners.
  void request_stop();
  // Ends without handing over and without answering; what was acknowledged is durable.
  void stop_now();
  // Until the node has ended, for whatever reason.
  void wait();
  // As wait(), but gives up after `timeout`. True when the node has ended.
  [[nodiscard]] bool wait_for(std::chrono::milliseconds timeout);

  [[nodiscard]] bool running() const;
  // Why the node ended by itself: a failed write or sync, or a broken peer of its own.
  [[nodiscard]] std::optional<Error> failed() const;

  // As bound; http_port() is 0 when there is none.
  [[nodiscard]] std::uint16_t client_port() const;
  [[nodiscard]] std::uint16_t peer_port() const;
  [[nodiscard]] std::uint16_t http_port() const;
  [[nodiscard]] const NodeOptions& options() const;

  // A consistent picture, taken by the reactor between two turns. Errors: kClosed.
  [[nodiscard]] Result<NodeStatus> status() const;
  [[nodiscard]] Result<std::string> why() const;
  // Hands the leadership over; kNoNode: to the best follower. Nothing when it does not lead.
  void transfer_leadership(NodeId to);

 private:
  struct Impl;
  explicit Node(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace kvcluster::server
