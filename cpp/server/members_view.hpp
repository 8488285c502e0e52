// The members as cluster and sentinel clients want to see them: those whose client address is
// known, the leader first, then the others that can be reached.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/ids.hpp"
#include "server/node_view.hpp"

namespace kvcluster::server {

struct VisibleMember {
  NodeId id;
  std::string host;
  std::uint16_t port = 0;
  bool leads = false;
  bool connected = false;
  bool self = false;
};

// While no leader is known this node stands first, so that a client always has somebody to ask.
[[nodiscard]] std::vector<VisibleMember> visible_members(const NodeStatus& status);

// 40 hex digits that name a member, as cluster clients expect: the same from every node.
[[nodiscard]] std::string node_name(NodeId id);

}  // namespace kvcluster::server
