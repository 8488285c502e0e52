// The clocks and the randomness of the operating system: read here, and handed down as values.
#pragma once

#include <array>
#include <cstdint>

#include "base/result.hpp"
#include "base/time.hpp"

namespace kvcluster::server {

// CLOCK_MONOTONIC; never goes back, stands still while the machine sleeps.
[[nodiscard]] Instant monotonic_now();
[[nodiscard]] WallMillis wall_now();

// From the operating system's generator. Errors: kIo.
[[nodiscard]] Result<std::array<std::uint8_t, 16>> random_id();
[[nodiscard]] Result<std::array<std::uint8_t, 32>> random_key();
[[nodiscard]] Result<std::uint64_t> random_seed();

}  // namespace kvcluster::server
