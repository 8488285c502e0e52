#include "server/cli_options.hpp"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "server/password_file.hpp"
#include "server/peer_list.hpp"
#include "wire/decimal.hpp"

namespace kvcluster::server {
namespace {

constexpr std::uint64_t kMaxMillis = 3'600'000;
// One entry must fit into one frame between peers.
constexpr std::size_t kMaxValueBytes = 8U << 20U;

// As given, before anything is compared with anything else.
struct RawOptions {
  std::optional<std::uint64_t> id;
  std::uint16_t port = 9001;
  std::vector<std::string> peers;
  std::string election_timeout_ms = "150-300";
  std::uint64_t heartbeat_ms = 50;
  std::uint64_t request_timeout_ms = 5000;
  std::uint64_t leader_wait_ms = 0;
  std::uint64_t idle_timeout_ms = 0;
  std::string password_file;
  std::string follower_mode = "proxy";
  std::string log_format = "text";
};

constexpr const char* kDescription =
    "kvstore runs one node of a kvcluster: a replicated, durable, linearizable key-value store "
    "that "
    "speaks the Redis protocol.";

constexpr const char* kFooter = R"(Examples:
  Three nodes on this machine, one terminal each; ids follow from the ports in ascending order:
    kvstore --id 1 --port 9001 --peers 9002,9003
    kvstore --id 2 --port 9002 --peers 9001,9003
    kvstore --id 3 --port 9003 --peers 9001,9002
  One node alone:
    kvstore --port 9001
  Nodes on several machines:
    kvstore --id 1 --host 10.0.0.1 --port 9001 --peers 2@10.0.0.2:9001,3@10.0.0.3:9001 \
            --requirepass-file password.txt
  A configuration file (TOML or INI) holds the same names without the dashes:
    id = 1
    port = 9001
    peers = ["9002", "9003"]

Exit codes:
  0  stopped by SIGTERM or SIGINT, after the leadership was handed over
  2  wrong usage: one line says what to change
  3  the data directory cannot be used, or the disk failed while the node ran
  4  the address or the data directory is in use by another process
  A second SIGTERM or SIGINT ends at once; what was acknowledged is durable then too.)";

void add_identity(CLI::App& app, RawOptions& raw, NodeOptions& node) {
  auto* const group = app.add_option_group("Who and where");
  group->add_option("--id", raw.id, "This node's id, from 1 upwards; ids never change")
      ->check(CLI::Range(std::uint64_t{1}, std::uint64_t{INT64_MAX}));
  group->add_option("--host", node.host, "Address to listen on, for clients, peers and HTTP")
      ->capture_default_str();
  group->add_option("--port", raw.port, "Port for clients, and for peers; 0: any free one")
      ->capture_default_str();
  group
      ->add_option("--peers", raw.peers,
                   "The other first members: PORT,PORT on this machine or "
                   "ID@HOST:PORT,ID@HOST:PORT; none: a single node")
      ->delimiter(',');
  group->add_option("--peer-port", node.peer_port, "A port of its own for peers");
  group->add_option("--http-port", node.http_port,
                    "A port for /metrics, /healthz, /readyz and /status; 0: any free one");
  group->add_option("--data-dir", node.data_dir, "Where the data lives [data/node-ID]");
  group->add_flag("--bootstrap", node.bootstrap,
                  "Found the cluster at once, although other first members may be unreachable");
}

void add_clients(CLI::App& app, RawOptions& raw, NodeOptions& node) {
  auto* const group = app.add_option_group("Clients");
  group
      ->add_option("--follower-mode", raw.follower_mode,
                   "What a follower does with a command: pass it on to the leader (proxy), "
                   "answer MOVED (redirect) or an error (reject)")
      ->check(CLI::IsMember({"proxy", "redirect", "reject"}))
      ->capture_default_str();
  group->add_option("--requirepass-file", raw.password_file,
                    "Clients must AUTH with the first line of this file");
  group
      ->add_option("--request-timeout-ms", raw.request_timeout_ms,
                   "How long an appended write waits for its commit before it is UNCERTAIN")
      ->check(CLI::Range(std::uint64_t{1}, kMaxMillis))
      ->capture_default_str();
  group
      ->add_option("--leader-wait-ms", raw.leader_wait_ms,
                   "How long a command waits for a leader; 0: twice the longest election timeout")
      ->check(CLI::Range(std::uint64_t{0}, kMaxMillis))
      ->capture_default_str();
  group
      ->add_option("--idle-timeout-ms", raw.idle_timeout_ms,
                   "Close a connection that says nothing for so long; 0: never")
      ->check(CLI::Range(std::uint64_t{0}, 24 * kMaxMillis))
      ->capture_default_str();
  ClientLimits& limits = node.client_limits;
  group->add_option("--max-value-bytes", node.limits.max_value_bytes, "The longest value")
      ->check(CLI::Range(std::size_t{1}, kMaxValueBytes))
      ->capture_default_str();
  group->add_option("--max-connections", limits.max_connections, "Client connections at a time")
      ->check(CLI::Range(std::size_t{1}, std::size_t{1'000'000}))
      ->capture_default_str();
  group
      ->add_option("--max-pipeline-depth", limits.max_pipeline_depth,
                   "Commands of one connection that wait for a reply")
      ->check(CLI::Range(std::size_t{1}, std::size_t{1'000'000}))
      ->capture_default_str();
  group
      ->add_option("--max-output-bytes", limits.max_output_buffer,
                   "Close a client that leaves so many bytes of replies unread")
      ->check(CLI::Range(std::size_t{1U << 20U}, std::size_t{1U << 30U}))
      ->capture_default_str();
}

void add_consensus(CLI::App& app, RawOptions& raw, NodeOptions& node) {
  auto* const group = app.add_option_group("Consensus");
  group
      ->add_option("--election-timeout-ms", raw.election_timeout_ms,
                   "MIN-MAX: without a leader for a random time in between, a node campaigns")
      ->capture_default_str();
  group->add_option("--heartbeat-ms", raw.heartbeat_ms, "How often a leader says that it lives")
      ->check(CLI::Range(std::uint64_t{1}, kMaxMillis))
      ->capture_default_str();
  group->add_option("--priority", node.priority, "A healthy node of higher priority gets the lead")
      ->capture_default_str();
  group->add_option("--seed", node.seed, "For the random election timeouts; 0: from the system")
      ->capture_default_str();
}

void add_storage(CLI::App& app, NodeOptions& node) {
  auto* const group = app.add_option_group("Storage");
  const auto size = [&](const char* name, auto& value, const char* what, std::size_t least) {
    group->add_option(name, value, what)
        ->check(CLI::Range(least, std::size_t{1} << 40U))
        ->capture_default_str();
  };
  size("--wal-segment-bytes", node.wal_segment_bytes, "Size of one segment of the log", 64U << 10U);
  size("--memtable-bytes", node.memtable_bytes, "A checkpoint is due above so much new data", 1);
  size("--wal-checkpoint-bytes", node.wal_checkpoint_bytes,
       "A checkpoint is due after so many bytes of log", 1);
  size("--retained-log-bytes", node.retained_log_bytes,
       "Log kept in memory for followers that lag; beyond they get a snapshot", 0);
  size("--snapshot-chunk-bytes", node.snapshot_chunk_bytes, "Pieces in which a snapshot is sent",
       4U << 10U);
  group
      ->add_option("--min-free-disk-bytes", node.min_free_disk_bytes,
                   "Below so much room writes are refused; reads go on")
      ->capture_default_str();
}

void add_operation(CLI::App& app, RawOptions& raw, CliOptions& options) {
  auto* const group = app.add_option_group("Logs and operation");
  group->add_option("--log-level", options.node.log_level, "The least that is logged")
      ->check(CLI::IsMember({"trace", "debug", "info", "warn", "error", "critical", "off"}))
      ->capture_default_str();
  group->add_option("--log-format", raw.log_format, "Text, or one JSON object a line")
      ->check(CLI::IsMember({"text", "json"}))
      ->capture_default_str();
  group->add_option("--log-file", options.node.log_file, "Where to log [standard error]");
  group->add_option("--ports-file", options.ports_file,
                    "Write the ports as JSON to this file once the node listens");
  group
      ->add_option("--ready-fd", options.ready_fd,
                   "Write the same to this open file descriptor, and close it")
      ->check(CLI::Range(0, 1 << 20));
}

auto refuse(std::string sentence) { return fail(ErrorCode::kInvalidArgument, std::move(sentence)); }

Duration milliseconds(std::uint64_t count) {
  return std::chrono::milliseconds(static_cast<std::int64_t>(count));
}

Status read_election_timeout(const RawOptions& raw, NodeOptions& node) {
  const std::string& text = raw.election_timeout_ms;
  const std::size_t dash = text.find('-');
  const auto low = wire::parse_decimal(BytesView(text).substr(0, dash));
  const auto high = dash == std::string::npos
                        ? std::nullopt
                        : wire::parse_decimal(BytesView(text).substr(dash + 1));
  const auto in_range = [](std::optional<std::int64_t> value) {
    return value && *value >= 1 && *value <= static_cast<std::int64_t>(kMaxMillis);
  };
  if (!in_range(low) || !in_range(high)) {
    return refuse(fmt::format(
        "--election-timeout-ms: '{}' must be MIN-MAX in milliseconds, as 150-300", text));
  }
  if (*low >= *high) {
    return refuse(fmt::format(
        "--election-timeout-ms: MIN must be below MAX, or all nodes campaign at once; not {}",
        text));
  }
  node.election_timeout_min = std::chrono::milliseconds(*low);
  node.election_timeout_max = std::chrono::milliseconds(*high);
  node.heartbeat_interval = milliseconds(raw.heartbeat_ms);
  if (node.heartbeat_interval >= node.election_timeout_min) {
    return refuse(
        fmt::format("--heartbeat-ms {} must be well below the shortest election timeout, {} ms",
                    raw.heartbeat_ms, *low));
  }
  return {};
}

Status check_ports(const NodeOptions& node) {
  const auto same = [](std::optional<std::uint16_t> a, std::optional<std::uint16_t> b) {
    return a && b && *a == *b && *a != 0;
  };
  if (same(node.peer_port, node.port)) {
    return refuse("--peer-port is --port: leave --peer-port away to share one port");
  }
  if (same(node.http_port, node.port)) return refuse("--http-port must not be --port");
  if (same(node.http_port, node.peer_port)) return refuse("--http-port must not be --peer-port");
  const std::uint16_t own = node.peer_port.value_or(node.port);
  for (const PeerAddress& peer : node.peers) {
    if (own != 0 && peer.port == own && peer.host == node.host) {
      return refuse(fmt::format("--peers: {}:{} is this node's own address; list the others only",
                                peer.host, peer.port));
    }
  }
  return {};
}

// All that concerns more than one setting.
Status combine(const RawOptions& raw, NodeOptions& node) {
  node.port = raw.port;
  const auto id = raw.id ? std::optional(NodeId(*raw.id)) : std::nullopt;
  auto members = parse_peers(raw.peers, id, node.peer_port.value_or(node.port));
  if (!members) return std::unexpected(std::move(members).error());
  node.id = members->self;
  node.peers = std::move(members->peers);
  if (node.data_dir.empty()) node.data_dir = fmt::format("data/node-{}", node.id.value());
  KV_TRY(check_ports(node));
  KV_TRY(read_election_timeout(raw, node));
  node.request_timeout = milliseconds(raw.request_timeout_ms);
  node.leader_wait = milliseconds(raw.leader_wait_ms);
  node.client_limits.idle_timeout = milliseconds(raw.idle_timeout_ms);
  node.follower_mode = raw.follower_mode == "redirect" ? FollowerMode::kRedirect
                       : raw.follower_mode == "reject" ? FollowerMode::kReject
                                                       : FollowerMode::kProxy;
  node.log_format = raw.log_format == "json" ? LogFormat::kJson : LogFormat::kText;
  if (!raw.password_file.empty()) {
    auto password = read_password_file(raw.password_file);
    if (!password) return std::unexpected(std::move(password).error());
    node.password = std::move(*password);
  } else if (!is_loopback(node.host)) {
    return refuse(
        fmt::format("--host {} can be reached by other machines: give a password too "
                    "(--requirepass-file FILE), or leave --host away",
                    node.host));
  }
  return {};
}

CliExit usage_error(std::string_view what) {
  // One line, whatever a library or a file name put into it.
  std::string line = fmt::format("kvstore: {}", what);
  std::ranges::replace(line, '\n', ' ');
  return {ExitCode::kUsage, line + " (kvstore --help tells all)"};
}

}  // namespace

std::expected<CliOptions, CliExit> parse_command_line(std::span<const std::string> arguments) {
  CliOptions options;
  RawOptions raw;
  CLI::App app(kDescription, "kvstore");
  app.footer(kFooter);
  app.set_version_flag("--version", "kvstore " KVCLUSTER_VERSION);
  app.set_config("--config", "", "Read settings from a TOML or INI file; the command line wins");
  app.allow_config_extras(false);
  add_identity(app, raw, options.node);
  add_clients(app, raw, options.node);
  add_consensus(app, raw, options.node);
  add_storage(app, options.node);
  add_operation(app, raw, options);
  try {
    // CLI11 takes them last first.
    app.parse(std::vector<std::string>(arguments.rbegin(), arguments.rend()));
  } catch (const CLI::CallForHelp&) {
    return std::unexpected(CliExit{ExitCode::kStopped, app.help()});
  } catch (const CLI::CallForVersion& version) {
    return std::unexpected(CliExit{ExitCode::kStopped, version.what()});
  } catch (const CLI::ParseError& error) {
    return std::unexpected(usage_error(error.what()));
  }
  if (const Status combined = combine(raw, options.node); !combined) {
    return std::unexpected(usage_error(combined.error().context));
  }
  return options;
}

}  // namespace kvcluster::server
