// One line that stands for a run, for a report and for the command line: "seed=7 time=60000
// drop=3,5".
#pragma once

#include <string>
#include <string_view>

#include "base/result.hpp"
#include "sim/simulation.hpp"

namespace kvcluster::sim {

[[nodiscard]] std::string replay_line(const SimulationOptions& options);
// Errors: kInvalidArgument with a sentence.
[[nodiscard]] Result<SimulationOptions> parse_replay_line(std::string_view line);

}  // namespace kvcluster::sim
