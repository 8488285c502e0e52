// Splits a history into groups of keys that no operation joins (Herlihy and Wing, 1990: a history
// is linearizable exactly when it is for each object; here an object is a group of keys).
#pragma once

#include <cstddef>
#include <vector>

#include "check/history.hpp"

namespace kvcluster::check {

// Positions in the history, group by group, ascending; groups in order of their first operation.
// Left out is what says nothing: failed operations, reads of unknown outcome, empty operations.
[[nodiscard]] std::vector<std::vector<std::size_t>> components(const History& history);

}  // namespace kvcluster::check
