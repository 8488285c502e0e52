// What a node lets its clients do, and how much of it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "base/time.hpp"
#include "kv/request.hpp"
#include "wire/resp_parser.hpp"

namespace kvcluster::server {

// What a follower does with a command that only the leader may answer.
enum class FollowerMode : std::uint8_t {
  kProxy,     // passes it on to the leader and its reply back
  kRedirect,  // -MOVED slot host:port, which cluster clients follow
  kReject,    // -READONLY, naming the leader
};

struct ClientOptions {
  FollowerMode follower_mode = FollowerMode::kProxy;
  // Empty: no AUTH is needed. Otherwise nothing else is answered before it.
  std::string password;
  // Of keys, values and transactions. `wire.max_bulk_bytes` must leave room for them.
  kv::Limits limits;
  wire::RespLimits wire;
  // Commands of one connection without a sent reply; its socket is not read beyond.
  std::size_t max_pipeline_depth = 4096;
  // Replies that a client has not read yet; its connection is closed beyond.
  std::size_t max_output_bytes = 64U << 20U;
  // Encoded commands that MULTI may queue.
  std::size_t max_queued_transaction_bytes = 16U << 20U;
  std::size_t max_connections = 10'000;
  // Without a byte from the client for so long it is closed; zero: never.
  Duration idle_timeout{0};
  // A connection that has not passed AUTH is closed after so long.
  Duration auth_timeout = std::chrono::seconds(10);
  // SCAN cursors that are remembered, over all connections.
  std::size_t max_scan_cursors = 10'000;
};

}  // namespace kvcluster::server
