#include "server/node_options.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "net/endpoint.hpp"
#include "raft/configuration.hpp"

namespace kvcluster::server {
namespace {

constexpr std::size_t kMaxHostBytes = 255;  // RFC 1035, 2.3.4

auto refuse(std::string sentence) { return fail(ErrorCode::kInvalidArgument, std::move(sentence)); }

// Only this machine can reach it.
bool is_loopback(BytesView host) {
  return host == "localhost" || host == "::1" || host.starts_with("127.");
}

Status check_addresses(const NodeOptions& options) {
  if (!is_loopback(options.host) && options.password.empty()) {
    return refuse(
        fmt::format("host {} can be reached by other machines: give a password too "
                    "(--requirepass-file FILE), or leave the host away",
                    options.host));
  }
  const std::string& reached_at = options.advertised_host();
  if (net::is_wildcard(reached_at) && options.advertise.empty()) {
    return refuse(
        fmt::format("host {} listens everywhere, but peers and clients need one address to reach "
                    "this node at: give it too (--advertise HOST)",
                    options.host));
  }
  if (net::is_wildcard(reached_at)) {
    return refuse(
        fmt::format("nobody can dial {}: advertise one address or host name", reached_at));
  }
  if (reached_at.size() > kMaxHostBytes) {
    return refuse(fmt::format("a host name has at most {} bytes", kMaxHostBytes));
  }
  return {};
}

Status check_peers(const NodeOptions& options) {
  if (options.peers.size() + 1 > raft::kMaxMembers) {
    return refuse(fmt::format("a cluster has at most {} members", raft::kMaxMembers));
  }
  for (const PeerAddress& peer : options.peers) {
    if (peer.id == options.id) return refuse("a node must not be among its own peers");
    if (peer.id == kNoNode || peer.port == 0) return refuse("a peer needs an id and a port");
    if (std::ranges::count(options.peers, peer.id, &PeerAddress::id) > 1) {
      return refuse(fmt::format("node {} is given twice among the peers", peer.id.value()));
    }
  }
  return {};
}

}  // namespace

Status check(const NodeOptions& options) {
  if (options.id == kNoNode) return refuse("the node id must be 1 or more");
  if (options.data_dir.empty()) return refuse("a data directory must be named");
  KV_TRY(check_addresses(options));
  KV_TRY(check_peers(options));
  if (options.election_timeout_min > options.election_timeout_max ||
      options.heartbeat_interval >= options.election_timeout_min ||
      options.heartbeat_interval <= Duration::zero()) {
    return refuse(
        "the heartbeat interval must be shorter than the election timeout, and the shortest "
        "election timeout no longer than the longest");
  }
  return {};
}

}  // namespace kvcluster::server
