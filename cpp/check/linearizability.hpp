// Is there one order of all operations that explains what every client was told, and in which no
// operation comes before another that had returned before it was invoked? (Herlihy and Wing, 1990)
//
// Wing and Gong's search with Lowe's memoization (Testing for linearizability, 2017).
// Linearizability is local, so that keys are judged one by one; keys that one operation touches
// together are judged together. A verdict is never wrong: what cannot be decided within the limits
// is kUndecided.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "check/history.hpp"

namespace kvcluster::check {

enum class Finding : std::uint8_t { kLinearizable, kViolation, kUndecided };

// "linearizable", "violation", "undecided"
[[nodiscard]] std::string_view to_string(Finding finding);

// Of one group of keys that are judged together.
struct Limits {
  std::uint64_t max_explored = 20'000'000;        // steps of the search
  std::uint64_t max_memory_bytes = 1ULL << 30U;   // of what the search remembers
  std::uint64_t max_shrink_explored = 2'000'000;  // spent on making a violation small
};

struct Verdict {
  Finding finding = Finding::kLinearizable;
  std::string explanation;         // empty when linearizable
  std::vector<std::size_t> piece;  // positions in the history of operations that suffice for a
                                   // violation, in order of their invocation
  std::uint64_t explored = 0;      // steps of the search

  [[nodiscard]] bool linearizable() const { return finding == Finding::kLinearizable; }
};

[[nodiscard]] Verdict check_linearizable(const History& history, const Limits& limits = {});

// A second opinion that shares nothing with the search: where replies carry log indexes, the order
// is known. Replays the writes by index and holds it against real time and against every revision
// that was told. Writes without an index and reads without a revision are not looked at, so that
// kLinearizable only means that the indexes do not contradict themselves.
[[nodiscard]] Verdict check_by_index(const History& history);

}  // namespace kvcluster::check
