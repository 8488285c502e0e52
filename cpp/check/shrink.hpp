// Makes a violating group of operations small enough to be understood (after Zeller and
// Hildebrandt's ddmin, 2002): the shortest prefix that fails, then without all that may be left
// out.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "check/history.hpp"
#include "check/linearizability.hpp"

namespace kvcluster::check {

// An operation of a history, as far as its piece looks at it.
struct Kept {
  std::size_t position;  // in the history
  Operation operation;   // its outcome may have become unknown: the piece ends before its return
};

// A smaller part that fails too; the whole when it cannot be made smaller within the limits. What
// is left out could not have made the rest possible: reads, and writes whose values nobody saw.
// Requires: the operations at `positions` are a violation.
[[nodiscard]] std::vector<Kept> shrink(const History& history,
                                       const std::vector<std::size_t>& positions,
                                       const Limits& limits);

}  // namespace kvcluster::check
