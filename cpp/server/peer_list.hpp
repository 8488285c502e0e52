// --peers in its two forms, and the ids that follow from the short one.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.hpp"
#include "base/ids.hpp"
#include "base/result.hpp"
#include "server/node_options.hpp"

namespace kvcluster::server {

struct Members {
  NodeId self;
  std::vector<PeerAddress> peers;  // ascending ids, without this node
};

// `items` are what stood between the commas.
//   short: "9002", "9003": ports on 127.0.0.1; all ports in ascending order, `own_port` among them,
//          have the ids 1, 2, 3, ...
//   full:  "2@host:port", "3@host:port"
// `id` must agree with the short form (or be left to it), and is needed for the full one.
// Errors: kInvalidArgument, one line that says what to do.
[[nodiscard]] Result<Members> parse_peers(const std::vector<std::string>& items,
                                          std::optional<NodeId> id, std::uint16_t own_port);

}  // namespace kvcluster::server
