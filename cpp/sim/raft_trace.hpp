// What consensus says of itself, for counters and for people.
#pragma once

#include <string>

#include "raft/effects.hpp"
#include "sim/coverage.hpp"

namespace kvcluster::sim {

void count_path(const raft::Trace& step, Coverage& coverage);
[[nodiscard]] std::string describe(const raft::Trace& step);

}  // namespace kvcluster::sim
