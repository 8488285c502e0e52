// The face that a node turns to its clients: all their sessions, from bytes to requests and from
// completions back to bytes. It decides nothing about consensus; it asks the NodeView.
//
// The driver and the front meet here only. In each turn of the loop the driver
//   1. runs the handlers that are ready: sessions parse what clients sent, into batch();
//   2. submits batch() to the replica;
//   3. gives every completion to complete();
//   4. flushes the net::Turn: one write a client.
// What is parsed later because of a completion arrives by the io_context, in the next turn.
// When a connection ends the front calls NodeView::connection_closed; completions that come for it
// nevertheless are ignored.
//
// Thread-safety: none; it lives on the reactor's thread.
#pragma once

#include <asio/io_context.hpp>
#include <cstdint>
#include <memory>
#include <span>

#include "base/bytes.hpp"
#include "net/listener.hpp"
#include "net/turn.hpp"
#include "replica/replica.hpp"

namespace kvcluster::server {

class NodeView;

// Since the start of the node.
struct FrontCounters {
  std::uint64_t connections_accepted = 0;
  std::uint64_t connections_open = 0;
  std::uint64_t commands = 0;
  std::uint64_t writes = 0;
  std::uint64_t reads = 0;  // linearizable
  std::uint64_t local_reads = 0;
  std::uint64_t errors = 0;     // error replies of any kind
  std::uint64_t uncertain = 0;  // UNCERTAIN replies among them
  std::uint64_t protocol_errors = 0;
  std::uint64_t auth_failures = 0;
  std::uint64_t slow_clients_closed = 0;  // did not read their replies, or never authenticated
};

class Front {
 public:
  // `io`, `turn` and `view` must outlive the front; the view's options() must be there already.
  Front(asio::io_context& io, net::Turn& turn, NodeView& view);
  ~Front();
  Front(const Front&) = delete;
  Front& operator=(const Front&) = delete;

  // Takes a client's connection over from the listener.
  void accept(net::Incoming incoming);

  // What clients asked for in this turn; Replica::submit takes it. It is filled in kServing only.
  [[nodiscard]] replica::RequestBatch& batch();
  // In any order; a completion for a connection that is gone is dropped.
  void complete(replica::Completion completion);

  // Entries were applied in this turn: whoever watches keys is told.
  void changes_applied();
  // Somebody waits for a stream: then the state's changes are of interest.
  [[nodiscard]] bool awaits_streams() const;
  // These streams have changed in this node's own state, in this turn. All of them may have, when
  // nothing is said of which.
  void streams_changed(std::span<const Bytes> keys);
  void all_streams_changed();

  // No command is read any more; replies that are still due go out as they complete.
  void stop_reading();
  // Replies that clients still wait for.
  [[nodiscard]] std::size_t pending_replies() const;
  // Closes every connection once what it has in its output is sent.
  void close_all();

  [[nodiscard]] const FrontCounters& counters() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace kvcluster::server
