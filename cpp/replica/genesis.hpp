// Entry 1 of every log: which cluster this is, and who its first members were.
#pragma once

#include <array>
#include <cstdint>

#include "base/bytes.hpp"
#include "base/digest.hpp"
#include "base/result.hpp"
#include "raft/configuration.hpp"

namespace kvcluster::replica {

// Random, made with the genesis; all zero: none yet.
using ClusterId = std::array<std::uint8_t, 16>;
inline constexpr ClusterId kNoCluster{};

struct Genesis {
  ClusterId cluster_id{};
  HashKey hash_key{};
  // Incarnations of members that were not reachable (--bootstrap) are zero until they are claimed.
  raft::Configuration configuration;

  friend bool operator==(const Genesis&, const Genesis&) = default;
};

void encode(const Genesis& genesis, Bytes& out);
// Errors: kCorruption.
[[nodiscard]] Result<Genesis> decode_genesis(BytesView in);

// 32 lower-case hex digits.
[[nodiscard]] std::string to_hex(const std::array<std::uint8_t, 16>& id);

}  // namespace kvcluster::replica
