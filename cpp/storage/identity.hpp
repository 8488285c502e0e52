// Who a data directory belongs to.
#pragma once

#include <array>
#include <cstdint>

#include "base/bytes.hpp"
#include "base/ids.hpp"
#include "base/result.hpp"
#include "raft/configuration.hpp"

namespace kvcluster::storage {

// Random; made once, when the cluster is created. All zero: not yet known.
using ClusterId = std::array<std::uint8_t, 16>;

struct Identity {
  NodeId node;
  raft::Incarnation incarnation{};  // of this directory, from its creation
  ClusterId cluster{};

  friend bool operator==(const Identity&, const Identity&) = default;
};

inline constexpr std::size_t kIdentityBytes = 52;

void encode(const Identity& identity, Bytes& out);
// Errors: kCorruption, kVersionMismatch.
[[nodiscard]] Result<Identity> decode_identity(BytesView in);

}  // namespace kvcluster::storage
