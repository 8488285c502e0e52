// Makes a failing run small: the fewest faults, then the shortest time, that still break the same
// rule (delta debugging; Zeller and Hildebrandt, 2002).
#pragma once

#include <cstdint>
#include <functional>

#include "sim/simulation.hpp"

namespace kvcluster::sim {

struct Shrunk {
  SimulationOptions options;
  SimulationResult result;
  std::uint32_t faults_left = 0;
  std::uint32_t runs = 0;
};

// `failing` is a run with a violation. At most `max_runs` further runs are made; `run` stands for
// simulate() and may be watched.
using Runner = std::function<SimulationResult(const SimulationOptions&)>;
[[nodiscard]] Shrunk shrink(const SimulationOptions& failing, std::uint32_t max_runs = 400,
                            const Runner& run = simulate);

}  // namespace kvcluster::sim
