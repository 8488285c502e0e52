// The words in which clients learn that a command was not, or perhaps not, applied. Everything but
// UNCERTAIN means: certainly not applied. All texts are without the leading '-'.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "kv/reply.hpp"
#include "replica/replica.hpp"
#include "server/node_view.hpp"

namespace kvcluster::server {

// LOADING while the node has no state to answer from; nullopt when it serves.
[[nodiscard]] std::optional<std::string> not_serving_error(const NodeView& view);

// What a node that does not lead says, by its follower mode: MOVED, READONLY, or, when the leader
// is not known, CLUSTERDOWN.
[[nodiscard]] std::string not_leader_error(const NodeView& view, std::uint16_t hash_slot);

// The reply for a completion, whatever its outcome.
[[nodiscard]] kv::Reply completion_reply(const NodeView& view, replica::Completion completion,
                                         std::uint16_t hash_slot);

}  // namespace kvcluster::server
