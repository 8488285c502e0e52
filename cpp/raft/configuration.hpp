// Who belongs to the cluster, as a value that travels in the log (dissertation, chapter 4).
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "base/bytes.hpp"
#include "base/ids.hpp"
#include "base/result.hpp"

namespace kvcluster::raft {

enum class MemberRole : std::uint8_t {
  kVoter = 0,
  kLearner = 1,  // receives the log, counts for nothing (dissertation, 4.2.1)
};

// A random number that a data directory carries from its creation. A member that comes back with
// another incarnation has lost its disk: it has forgotten votes and entries.
// All zero: not yet known (the member has not claimed its place).
using Incarnation = std::array<std::uint8_t, 16>;

struct Member {
  NodeId id;
  MemberRole role = MemberRole::kVoter;
  Incarnation incarnation{};
  std::string address;  // host:port where peers reach it

  friend bool operator==(const Member&, const Member&) = default;
};

// Members in ascending order of id, each id once.
struct Configuration {
  std::vector<Member> members;

  [[nodiscard]] const Member* find(NodeId id) const;  // nullptr when not a member
  [[nodiscard]] bool is_voter(NodeId id) const;
  [[nodiscard]] std::size_t voter_count() const;
  [[nodiscard]] std::size_t quorum() const { return voter_count() / 2 + 1; }

  friend bool operator==(const Configuration&, const Configuration&) = default;
};

// At most this many members; more is refused when decoding.
inline constexpr std::size_t kMaxMembers = 31;

void encode(const Configuration& configuration, Bytes& out);
// Errors: kCorruption when malformed, out of order, or too long.
[[nodiscard]] Result<Configuration> decode_configuration(BytesView in);

}  // namespace kvcluster::raft
