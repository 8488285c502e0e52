// All settings of one node: what the command line, a configuration file or Python may set.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/ids.hpp"
#include "base/result.hpp"
#include "base/time.hpp"
#include "kv/request.hpp"

namespace kvcluster::server {

// What a node that does not lead does with a data command (docs: client protocol).
enum class FollowerMode : std::uint8_t {
  kProxy,     // passes it on to the leader and hands its reply back
  kRedirect,  // -MOVED slot host:port
  kReject,    // an error that names the leader
};

enum class LogFormat : std::uint8_t { kText, kJson };

struct PeerAddress {
  NodeId id;
  std::string host;
  std::uint16_t port = 0;  // where the peer takes peers' connections

  friend bool operator==(const PeerAddress&, const PeerAddress&) = default;
};

// Bounds on what one client may ask for, each checked before memory is taken.
struct ClientLimits {
  std::size_t max_connections = 10'000;
  std::size_t max_args = 1U << 20U;              // of one command
  std::size_t max_inline_bytes = 64U << 10U;     // of one inline command
  std::size_t max_query_buffer = 64U << 20U;     // bytes received and not yet answered
  std::size_t max_output_buffer = 64U << 20U;    // bytes answered and not yet taken
  std::size_t max_pipeline_depth = 10'000;       // commands waiting for a reply; reading pauses
  std::size_t max_blocked_reads = 10'000;        // clients that wait in XREAD BLOCK
  std::size_t max_unauthenticated_bytes = 4096;  // one bulk, before AUTH
  std::size_t max_unauthenticated_args = 16;     // one command, before AUTH
  Duration handshake_timeout = std::chrono::seconds(10);  // to the first whole command
  Duration idle_timeout = Duration::zero();               // zero: none
};

struct NodeOptions {
  // --- who and where ---
  NodeId id;                       // 1 or more
  std::string host = "127.0.0.1";  // for clients, peers and HTTP
  std::string advertise;           // where peers and clients reach this node; empty: at `host`
  std::uint16_t port = 0;          // clients, and peers unless peer_port is set; 0: any free one
  std::optional<std::uint16_t> peer_port;  // a port of its own for peers
  std::optional<std::uint16_t> http_port;  // metrics and health; none unless set
  std::vector<PeerAddress> peers;  // the other initial members, ascending ids; empty: a single node
  std::string data_dir;            // made when missing
  bool bootstrap = false;          // makes the cluster at once, though peers may be unreachable

  // --- clients ---
  FollowerMode follower_mode = FollowerMode::kProxy;
  std::string password;  // empty: no AUTH needed
  ClientLimits client_limits;
  kv::Limits limits;
  Duration request_timeout = std::chrono::milliseconds(5000);
  // How long a command waits for a leader; zero: twice the longest election timeout.
  Duration leader_wait = Duration::zero();

  // Of the newest changes, kept for KV.WATCH; 0: none.
  std::size_t watch_buffer_bytes = 16U << 20U;

  // --- consensus ---
  std::uint32_t priority = 0;  // a larger one is preferred as the leader
  Duration election_timeout_min = std::chrono::milliseconds(150);
  Duration election_timeout_max = std::chrono::milliseconds(300);
  Duration heartbeat_interval = std::chrono::milliseconds(50);
  // The leader serves reads without a round of messages: raft::Config::lease_reads tells the price.
  bool lease_reads = false;
  // For election timeouts; 0: from the operating system.
  std::uint64_t seed = 0;

  // --- storage ---
  std::size_t wal_segment_bytes = 64U << 20U;
  std::size_t memtable_bytes = 64U << 20U;         // a checkpoint is due above this
  std::size_t wal_checkpoint_bytes = 256U << 20U;  // or when so much was logged since the last
  std::size_t snapshot_chunk_bytes = 1U << 20U;
  std::size_t retained_log_bytes = 32U << 20U;     // kept in memory for followers that lag
  std::uint64_t min_free_disk_bytes = 64U << 20U;  // below: writes are refused, reads go on

  // --- logs ---
  std::string log_level = "info";  // trace, debug, info, warn, error, critical, off
  LogFormat log_format = LogFormat::kText;
  std::string log_file;  // empty: standard error

  // leader_wait, made definite.
  [[nodiscard]] Duration patience_for_leader() const {
    return leader_wait > Duration::zero() ? leader_wait : 2 * election_timeout_max;
  }
  [[nodiscard]] const std::string& advertised_host() const {
    return advertise.empty() ? host : advertise;
  }
};

// What every way to start a node asks first. Errors: kInvalidArgument, one sentence that says what
// to change.
[[nodiscard]] Status check(const NodeOptions& options);

}  // namespace kvcluster::server
