// The clocks of a measurement.
#pragma once

#include "bench/tally.hpp"

namespace kvcluster::bench {

// CLOCK_MONOTONIC.
[[nodiscard]] Nanos now_ns();
// Processor time of this process so far, user and system.
[[nodiscard]] double cpu_seconds();

}  // namespace kvcluster::bench
