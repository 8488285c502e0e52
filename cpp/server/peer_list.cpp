#include "server/peer_list.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "net/endpoint.hpp"
#include "raft/configuration.hpp"
#include "wire/decimal.hpp"

namespace kvcluster::server {
namespace {

constexpr const char* kLoopback = "127.0.0.1";
constexpr const char* kFullForm = "--peers 2@127.0.0.1:9002,3@127.0.0.1:9003";

auto refuse(std::string sentence) { return fail(ErrorCode::kInvalidArgument, std::move(sentence)); }

std::optional<std::uint16_t> parse_port(BytesView text) {
  const auto number = wire::parse_decimal(text);
  if (!number || *number < 1 || *number > UINT16_MAX) return std::nullopt;
  return static_cast<std::uint16_t>(*number);
}

Result<Members> parse_short(const std::vector<std::string>& items, std::optional<NodeId> id,
                            std::uint16_t own_port) {
  if (own_port == 0) {
    return refuse(
        fmt::format("--peers with ports only needs this node's own port too: give --port, "
                    "or the full form, such as {}",
                    kFullForm));
  }
  std::set<std::uint16_t> ports{own_port};
  for (const std::string& item : items) {
    const auto port = parse_port(item);
    if (!port) {
      return refuse(
          fmt::format("--peers: '{}' is neither a port (1 to 65535) nor ID@HOST:PORT", item));
    }
    if (*port == own_port) {
      return refuse(fmt::format(
          "--peers: {} is this node's own port; list the ports of the other nodes only", *port));
    }
    if (!ports.insert(*port).second) return refuse(fmt::format("--peers: {} stands twice", *port));
  }
  Members members;
  std::uint64_t rank = 0;
  for (const std::uint16_t port : ports) {
    const NodeId of_port(++rank);
    if (port == own_port) {
      members.self = of_port;
    } else {
      members.peers.push_back({of_port, kLoopback, port});
    }
  }
  if (id && *id != members.self) {
    return refuse(fmt::format(
        "--id {} does not fit: with ports only, ids go by ascending port, so port {} is node {}; "
        "to choose ids yourself give the full form, such as {}",
        id->value(), own_port, members.self.value(), kFullForm));
  }
  return members;
}

Result<PeerAddress> parse_full(const std::string& item) {
  const std::size_t at = item.find('@');
  const auto id = wire::parse_decimal(BytesView(item).substr(0, at));
  if (!id || *id < 1) {
    return refuse(
        fmt::format("--peers: '{}' must begin with an id from 1 upwards, as 2@host:port", item));
  }
  const auto endpoint = net::parse_endpoint(BytesView(item).substr(at + 1));
  if (!endpoint || endpoint->port == 0) {
    return refuse(fmt::format("--peers: '{}' must name host and port, as 2@host:port", item));
  }
  return PeerAddress{NodeId(static_cast<std::uint64_t>(*id)), endpoint->host, endpoint->port};
}

Result<Members> parse_full(const std::vector<std::string>& items, std::optional<NodeId> id) {
  if (!id) return refuse("--peers with ids needs this node's own id too: give --id");
  Members members{*id, {}};
  for (const std::string& item : items) {
    auto peer = parse_full(item);
    if (!peer) return std::unexpected(peer.error());
    if (peer->id == *id) {
      return refuse(
          fmt::format("--peers: '{}' has this node's own id; list the other nodes only", item));
    }
    for (const PeerAddress& other : members.peers) {
      if (other.id == peer->id) {
        return refuse(fmt::format("--peers: node {} stands twice", peer->id.value()));
      }
      if (other.host == peer->host && other.port == peer->port) {
        return refuse(fmt::format("--peers: {}:{} stands twice", peer->host, peer->port));
      }
    }
    members.peers.push_back(std::move(*peer));
  }
  std::ranges::sort(members.peers, {}, &PeerAddress::id);
  return members;
}

}  // namespace

Result<Members> parse_peers(const std::vector<std::string>& items, std::optional<NodeId> id,
                            std::uint16_t own_port) {
  if (items.empty()) return Members{id.value_or(NodeId(1)), {}};
  if (items.size() + 1 > raft::kMaxMembers) {
    return refuse(fmt::format("--peers: a cluster has at most {} members", raft::kMaxMembers));
  }
  const auto has_id = [](const std::string& item) { return item.find('@') != std::string::npos; };
  const auto full = std::ranges::count_if(items, has_id);
  if (full == 0) return parse_short(items, id, own_port);
  if (static_cast<std::size_t>(full) == items.size()) return parse_full(items, id);
  return refuse(fmt::format(
      "--peers: give either ports only (9002,9003) or ids for all, such as {}", kFullForm));
}

}  // namespace kvcluster::server
