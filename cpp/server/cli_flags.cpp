#include "server/cli_flags.hpp"

#include <CLI/CLI.hpp>
#include <limits>

namespace kvcluster::server {
namespace {

// One entry must fit into one frame between peers.
constexpr std::size_t kMaxValueBytes = 8U << 20U;
constexpr std::size_t kMaxSize = std::size_t{1} << 40U;

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

// Declares the flags of one group of --help.
class Group {
 public:
  Group(CLI::App& app, const char* name) : app_(app), name_(name) {}

  // With its default, when there is one to show.
  template <typename T>
  CLI::Option* option(const char* flag, T& value, const char* type, const char* help) {
    return app_.add_option(flag, value, help)->group(name_)->type_name(type);
  }
  // A number from `least` to `most`.
  template <typename T>
  void number(const char* flag, T& value, const char* type, const char* help, std::uint64_t least,
              std::uint64_t most) {
    option(flag, value, type, help)
        ->check(CLI::Range(static_cast<T>(least), static_cast<T>(most)).description(""))
        ->capture_default_str();
  }
  void choice(const char* flag, std::string& value, const char* help,
              std::vector<std::string> choices) {
    std::string shown;
    for (const std::string& one : choices) shown += (shown.empty() ? "" : "|") + one;
    option(flag, value, shown.c_str(), help)
        ->check(CLI::IsMember(std::move(choices)).description(""))
        ->capture_default_str();
  }
  void flag(const char* flag_name, bool& value, const char* help) {
    app_.add_flag(flag_name, value, help)->group(name_);
  }

 private:
  CLI::App& app_;
  const char* name_;
};

void declare_identity(Group group, RawFlags& raw, NodeOptions& node) {
  group.option("--id", raw.id, "ID", "This node's id, from 1 upwards; it never changes")
      ->check(CLI::Range(std::uint64_t{1}, std::uint64_t{INT64_MAX}).description(""));
  group.option("--host", node.host, "ADDRESS", "Where to listen, for clients, peers and HTTP")
      ->capture_default_str();
  group.option(
      "--advertise", node.advertise, "HOST",
      "Where peers and clients reach this node [--host]; needed when --host is 0.0.0.0 or ::");
  group.number("--port", raw.port, "PORT", "For clients, and for peers; 0: any free one", 0,
               UINT16_MAX);
  group
      .option("--peers", raw.peers, "PEER",
              "The other first members: PORT,PORT on this machine, or "
              "ID@HOST:PORT,ID@HOST:PORT; none: a node alone")
      ->delimiter(',');
  group.option("--peer-port", node.peer_port, "PORT", "A port of its own for peers");
  group.option("--http-port", node.http_port, "PORT",
               "A port for /metrics, /healthz, /readyz and /status; 0: any free one");
  group.option("--data-dir", node.data_dir, "DIR", "Where the data lives [data/node-ID]");
  group.flag("--bootstrap", node.bootstrap,
             "Found the cluster as soon as a majority of the first members is reachable, without "
             "waiting for the others");
}

void declare_clients(Group group, RawFlags& raw, NodeOptions& node) {
  group.choice("--follower-mode", raw.follower_mode,
               "What a follower does with a command: pass it on to the leader, answer MOVED, or "
               "answer an error",
               {"proxy", "redirect", "reject"});
  group.option("--requirepass-file", raw.password_file, "FILE",
               "Clients must AUTH with the first line of this file");
  group.number("--request-timeout-ms", raw.request_timeout_ms, "MS",
               "How long an appended write waits for its commit before it is UNCERTAIN", 1,
               kMaxFlagMillis);
  group.number("--leader-wait-ms", raw.leader_wait_ms, "MS",
               "How long a command waits for a leader; 0: twice the longest election timeout", 0,
               kMaxFlagMillis);
  group.number("--idle-timeout-ms", raw.idle_timeout_ms, "MS",
               "Close a connection that says nothing for so long; 0: never", 0,
               24 * kMaxFlagMillis);
  group.number("--max-value-bytes", node.limits.max_value_bytes, "BYTES",
               "The longest value, up to 8 MiB", 1, kMaxValueBytes);
  group.number("--watch-buffer-bytes", node.watch_buffer_bytes, "BYTES",
               "Newest changes kept in memory for KV.WATCH ... FROM; 0: none", 0, 1U << 30U);
  ClientLimits& limits = node.client_limits;
  group.number("--max-connections", limits.max_connections, "N", "Client connections at a time", 1,
               1'000'000);
  group.number("--max-pipeline-depth", limits.max_pipeline_depth, "N",
               "Commands of one connection that wait for a reply", 1, 1'000'000);
  group.number("--max-blocked-reads", limits.max_blocked_reads, "N",
               "Clients that wait in XREAD BLOCK at a time", 0, 1'000'000);
  group.number("--max-output-bytes", limits.max_output_buffer, "BYTES",
               "Close a client that leaves so many bytes of replies unread", 1U << 20U, 1U << 30U);
}

void declare_consensus(Group group, RawFlags& raw, NodeOptions& node) {
  group
      .option("--election-timeout-ms", raw.election_timeout_ms, "MIN-MAX",
              "Without a leader for a random time in between, a node campaigns")
      ->capture_default_str();
  group.number("--heartbeat-ms", raw.heartbeat_ms, "MS", "How often a leader says that it lives", 1,
               kMaxFlagMillis);
  group.number("--priority", node.priority, "N", "A healthy node of higher priority gets the lead",
               0, UINT32_MAX);
  group.flag("--lease-reads", node.lease_reads,
             "The leader answers reads without asking the others while a majority has promised to "
             "elect nobody else; for all nodes or none. It gives up: reads are right only while "
             "the nodes' clocks run at nearly the same rate, and a killed leader is replaced after "
             "an election timeout, not at once");
  group.number("--seed", node.seed, "N", "For the random election timeouts; 0: from the system", 0,
               UINT64_MAX);
}

void declare_storage(Group group, NodeOptions& node) {
  group.number("--wal-segment-bytes", node.wal_segment_bytes, "BYTES",
               "Size of one segment of the log", 128U << 10U, kMaxSize);
  group.number("--memtable-bytes", node.memtable_bytes, "BYTES",
               "A checkpoint is due above so much new data", 1, kMaxSize);
  group.number("--wal-checkpoint-bytes", node.wal_checkpoint_bytes, "BYTES",
               "A checkpoint is due after so much log", 1, kMaxSize);
  group.number("--retained-log-bytes", node.retained_log_bytes, "BYTES",
               "Log kept in memory for followers that lag; beyond, they get a snapshot", 0,
               kMaxSize);
  group.number("--snapshot-chunk-bytes", node.snapshot_chunk_bytes, "BYTES",
               "Pieces in which a snapshot is sent, up to 8 MiB", 4U << 10U, 8U << 20U);
  group.number("--min-free-disk-bytes", node.min_free_disk_bytes, "BYTES",
               "Below so much room writes are refused; reads go on", 0, UINT64_MAX);
}

void declare_operation(Group group, RawFlags& raw, CliOptions& options) {
  group.choice("--log-level", options.node.log_level, "The least that is logged",
               {"trace", "debug", "info", "warn", "error", "critical", "off"});
  group.choice("--log-format", raw.log_format, "Text, or one JSON object a line", {"text", "json"});
  group.option("--log-file", options.node.log_file, "FILE", "Where to log [standard error]");
  group.option("--ports-file", options.ports_file, "FILE",
               "Write the ports as JSON to this file once the node listens");
  group
      .option("--ready-fd", options.ready_fd, "FD",
              "Write the same to this open file descriptor, and close it")
      ->check(CLI::Range(0, 1 << 20).description(""));
}

}  // namespace

void declare_flags(CLI::App& app, RawFlags& raw, CliOptions& options) {
  app.footer(kFooter);
  app.set_version_flag("--version", "kvstore " KVCLUSTER_VERSION);
  app.set_config("--config", "", "Read settings from a TOML or INI file; the command line wins")
      ->type_name("FILE");
  app.allow_config_extras(false);
  declare_identity({app, "Who and where"}, raw, options.node);
  declare_clients({app, "Clients"}, raw, options.node);
  declare_consensus({app, "Consensus"}, raw, options.node);
  declare_storage({app, "Storage"}, options.node);
  declare_operation({app, "Logs and operation"}, raw, options);
}

}  // namespace kvcluster::server
