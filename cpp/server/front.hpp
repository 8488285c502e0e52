// The face that a node turns to its clients: all their sessions, from bytes to requests and from
// completions back to bytes. It decides nothing about consensus; it asks the NodeView.
//
// The driver and the front meet here only. In each turn of the loop the driver
//   1. runs the handlers that are ready: sessions parse what clients sent, into batch();
//   2. submits batch() to the replica;
//   3. gives every completion to complete();
//   4. calls end_turn(): one write a client. When it returns true requests were gathered meanwhile,
//      and the driver makes another pass before it waits.
// When a connection ends the front calls NodeView::connection_closed; completions that come for it
// nevertheless are ignored.
//
// Thread-safety: none; it lives on the reactor's thread.
#pragma once

#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>
#include <cstdint>
#include <memory>

#include "base/bytes.hpp"
#include "replica/replica.hpp"

namespace kvcluster::server {

class NodeView;

// Since the start of the node.
struct FrontCounters {
  std::uint64_t connections_accepted = 0;
  std::uint64_t connections_open = 0;
  std::uint64_t connections_refused = 0;  // over the limit
  std::uint64_t commands = 0;
  std::uint64_t writes = 0;
  std::uint64_t reads = 0;  // linearizable
  std::uint64_t local_reads = 0;
  std::uint64_t errors = 0;     // error replies of any kind
  std::uint64_t uncertain = 0;  // UNCERTAIN replies among them
  std::uint64_t protocol_errors = 0;
  std::uint64_t auth_failures = 0;
  std::uint64_t bytes_in = 0;
  std::uint64_t bytes_out = 0;
};

class Front {
 public:
  // `io` and `view` must outlive the front; the view's options() must be there already.
  Front(asio::io_context& io, NodeView& view);
  ~Front();
  Front(const Front&) = delete;
  Front& operator=(const Front&) = delete;

  // Takes a client's socket over; `read_ahead` was read from it already.
  void accept(asio::ip::tcp::socket socket, Bytes read_ahead);

  // What clients asked for in this turn; Replica::submit takes it. It is filled in kServing only.
  [[nodiscard]] replica::RequestBatch& batch();
  // In any order; a completion for a connection that is gone is dropped.
  void complete(replica::Completion completion);
  // Sends what is ready. True: batch() holds requests again.
  [[nodiscard]] bool end_turn();

  // No command is read any more; replies that are still due go out as they complete.
  void stop_reading();
  // Sends what is ready and closes every connection.
  void close_all();

  [[nodiscard]] const FrontCounters& counters() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace kvcluster::server
