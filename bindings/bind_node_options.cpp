// All settings of a node in this process (server/node_options.hpp).
#include <pybind11/native_enum.h>

#include "bindings.hpp"
#include "casters.hpp"
#include "server/node_options.hpp"
#include "value_class.hpp"

namespace kvcluster::python {

using server::ClientLimits;
using server::FollowerMode;
using server::LogFormat;
using server::NodeOptions;
using server::PeerAddress;

namespace {

void register_limits(py::module_& module) {
  value_class(
      module, "ClientLimits", "Bounds on what one client may ask for: counts, bytes, microseconds.",
      optional("max_connections", &ClientLimits::max_connections, "Of the whole node."),
      optional("max_args", &ClientLimits::max_args, "Of one command."),
      optional("max_inline_bytes", &ClientLimits::max_inline_bytes, "Of one inline command."),
      optional("max_query_buffer", &ClientLimits::max_query_buffer,
               "Bytes received and not yet answered."),
      optional("max_output_buffer", &ClientLimits::max_output_buffer,
               "Bytes answered and not yet taken."),
      optional("max_pipeline_depth", &ClientLimits::max_pipeline_depth,
               "Commands that wait for a reply; then reading pauses."),
      optional("max_blocked_reads", &ClientLimits::max_blocked_reads,
               "Clients that wait in XREAD BLOCK, of the whole node."),
      optional("max_unauthenticated_bytes", &ClientLimits::max_unauthenticated_bytes,
               "Of one argument before AUTH."),
      optional("max_unauthenticated_args", &ClientLimits::max_unauthenticated_args,
               "Of one command before AUTH."),
      optional("handshake_timeout_us", &ClientLimits::handshake_timeout,
               "To the first whole command."),
      optional("idle_timeout_us", &ClientLimits::idle_timeout, "0: none."));
}

void register_kinds(py::module_& module) {
  py::native_enum<FollowerMode>(module, "FollowerMode", "enum.Enum",
                                "What a node that does not lead does with a data command.")
      .value("PROXY", FollowerMode::kProxy)
      .value("REDIRECT", FollowerMode::kRedirect)
      .value("REJECT", FollowerMode::kReject)
      .finalize();
  py::native_enum<LogFormat>(module, "LogFormat", "enum.Enum", "How log lines are written.")
      .value("TEXT", LogFormat::kText)
      .value("JSON", LogFormat::kJson)
      .finalize();
  value_class(module, "PeerAddress", "Where another member takes connections of peers.",
              required("id", &PeerAddress::id, "1 or more."),
              required("host", &PeerAddress::host, "A name or an address."),
              required("port", &PeerAddress::port, "1 to 65535."));
}

}  // namespace

void register_node_options(py::module_& module) {
  register_limits(module);
  register_kinds(module);
  value_class(
      module, "NodeOptions", "All settings of one node. Times are microseconds, sizes bytes.",
      required("id", &NodeOptions::id, "1 or more."),
      required("data_dir", &NodeOptions::data_dir, "Made when missing."),
      optional("host", &NodeOptions::host, "For clients, peers and HTTP."),
      optional("advertise", &NodeOptions::advertise,
               "Where peers and clients reach this node; empty: at `host`."),
      optional("port", &NodeOptions::port, "For clients, and peers; 0: any free one."),
      optional("peer_port", &NodeOptions::peer_port, "A port of its own for peers."),
      optional("http_port", &NodeOptions::http_port, "For metrics and health; None: none."),
      optional("peers", &NodeOptions::peers, "The other initial members; empty: a single node."),
      optional("bootstrap", &NodeOptions::bootstrap,
               "Makes the cluster at once, though peers may be unreachable."),
      optional("follower_mode", &NodeOptions::follower_mode, "PROXY by default."),
      optional("password", &NodeOptions::password, "Empty: no AUTH needed."),
      optional("client_limits", &NodeOptions::client_limits, "Bounds a client."),
      optional("limits", &NodeOptions::limits, "Bounds a command."),
      optional("watch_buffer_bytes", &NodeOptions::watch_buffer_bytes,
               "Of the newest changes, kept for KV.WATCH; 0: none."),
      optional("request_timeout_us", &NodeOptions::request_timeout,
               "So long a write may wait for its commit."),
      optional("leader_wait_us", &NodeOptions::leader_wait,
               "So long a command waits for a leader; 0: twice the longest election timeout."),
      optional("priority", &NodeOptions::priority, "A larger one is preferred as the leader."),
      optional("election_timeout_min_us", &NodeOptions::election_timeout_min, "150 ms by default."),
      optional("election_timeout_max_us", &NodeOptions::election_timeout_max, "300 ms by default."),
      optional("heartbeat_interval_us", &NodeOptions::heartbeat_interval, "50 ms by default."),
      optional("seed", &NodeOptions::seed, "Of election timeouts; 0: from the operating system."),
      optional("wal_segment_bytes", &NodeOptions::wal_segment_bytes, "Of one file of the log."),
      optional("memtable_bytes", &NodeOptions::memtable_bytes, "Above it a checkpoint is due."),
      optional("wal_checkpoint_bytes", &NodeOptions::wal_checkpoint_bytes,
               "Or when so much was logged since the last."),
      optional("snapshot_chunk_bytes", &NodeOptions::snapshot_chunk_bytes, "Of one message."),
      optional("retained_log_bytes", &NodeOptions::retained_log_bytes,
               "Kept in memory for followers that lag."),
      optional("min_free_disk_bytes", &NodeOptions::min_free_disk_bytes,
               "Below it writes are refused, reads go on."),
      optional("log_level", &NodeOptions::log_level,
               "trace, debug, info, warn, error, critical or off."),
      optional("log_format", &NodeOptions::log_format, "TEXT by default."),
      optional("log_file", &NodeOptions::log_file, "Empty: standard error."));
}

}  // namespace kvcluster::python
