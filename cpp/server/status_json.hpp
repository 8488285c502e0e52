// All that a node shows of itself, as one tree: what /status and KV.STATUS answer with.
#pragma once

#include <chrono>
#include <nlohmann/json_fwd.hpp>

#include "raft/effects.hpp"
#include "server/front.hpp"
#include "server/node_view.hpp"

namespace kvcluster::server {

[[nodiscard]] nlohmann::ordered_json status_json(const NodeView& view,
                                                 const FrontCounters& counters);

// "leader", "follower", "candidate", "pre-candidate".
[[nodiscard]] const char* role_name(raft::Role role);
// How long this node may still serve reads under a lease, rounded up: zero means that it has none.
[[nodiscard]] std::chrono::milliseconds lease_left(const NodeView& view, const NodeStatus& status);

// 32 hex digits; empty while there is no cluster yet.
[[nodiscard]] std::string cluster_id_text(const NodeStatus& status);

}  // namespace kvcluster::server
