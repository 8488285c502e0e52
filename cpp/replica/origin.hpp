// Who waits for an answer: a client of this node, or of a peer that forwarded its command.
#pragma once

#include <cstdint>

#include "base/ids.hpp"

namespace kvcluster::replica {

struct Origin {
  NodeId node;  // kNoNode: a client of this node
  std::uint64_t id = 0;
  std::uint64_t connection = 0;

  [[nodiscard]] bool local() const { return node == kNoNode; }
};

}  // namespace kvcluster::replica
