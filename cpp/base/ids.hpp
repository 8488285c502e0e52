// Strong integer types for the numbers that consensus must never mix up.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>

namespace kvcluster {

// An unsigned 64-bit number that only compares and computes with its own kind.
template <typename Tag>
class StrongId {
 public:
  constexpr StrongId() = default;
  constexpr explicit StrongId(std::uint64_t value) : value_(value) {}

  [[nodiscard]] constexpr std::uint64_t value() const { return value_; }
  [[nodiscard]] constexpr StrongId next() const { return StrongId(value_ + 1); }
  // Requires: not zero.
  [[nodiscard]] constexpr StrongId prev() const { return StrongId(value_ - 1); }
  [[nodiscard]] constexpr StrongId plus(std::uint64_t n) const { return StrongId(value_ + n); }

  friend constexpr auto operator<=>(StrongId, StrongId) = default;

 private:
  std::uint64_t value_ = 0;
};

// A member of the cluster; 0 means "none".
using NodeId = StrongId<struct NodeIdTag>;
// A Raft term; 0 is before the first election.
using Term = StrongId<struct TermTag>;
// A position in the log; the first entry has index 1, 0 is before it.
using Index = StrongId<struct IndexTag>;

inline constexpr NodeId kNoNode{};

}  // namespace kvcluster

template <typename Tag>
struct std::hash<kvcluster::StrongId<Tag>> {
  std::size_t operator()(kvcluster::StrongId<Tag> id) const noexcept {
    return std::hash<std::uint64_t>{}(id.value());
  }
};
