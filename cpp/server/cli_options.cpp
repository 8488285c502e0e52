#include "server/cli_options.hpp"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "server/cli_flags.hpp"
#include "server/password_file.hpp"
#include "server/peer_list.hpp"
#include "wire/decimal.hpp"

namespace kvcluster::server {
namespace {

constexpr const char* kDescription =
    "kvstore runs one node of a kvcluster: a replicated, durable, linearizable key-value store "
    "that "
    "speaks the Redis protocol.";

auto refuse(std::string sentence) { return fail(ErrorCode::kInvalidArgument, std::move(sentence)); }

Duration milliseconds(std::uint64_t count) {
  return std::chrono::milliseconds(static_cast<std::int64_t>(count));
}

Status read_election_timeout(const RawFlags& raw, NodeOptions& node) {
  const std::string& text = raw.election_timeout_ms;
  const std::size_t dash = text.find('-');
  const auto low = wire::parse_decimal(BytesView(text).substr(0, dash));
  const auto high = dash == std::string::npos
                        ? std::nullopt
                        : wire::parse_decimal(BytesView(text).substr(dash + 1));
  const auto in_range = [](std::optional<std::int64_t> value) {
    return value && *value >= 1 && *value <= static_cast<std::int64_t>(kMaxFlagMillis);
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
    if (own != 0 && peer.port == own &&
        (peer.host == node.host || peer.host == node.advertised_host())) {
      return refuse(fmt::format("--peers: {}:{} is this node's own address; list the others only",
                                peer.host, peer.port));
    }
  }
  return {};
}

// All that concerns more than one setting.
Status combine(const RawFlags& raw, NodeOptions& node) {
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
  }
  return check(node);
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
  RawFlags raw;
  CLI::App app(kDescription, "kvstore");
  declare_flags(app, raw, options);
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
