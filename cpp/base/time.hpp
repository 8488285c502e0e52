// Time as a value. Nothing below the I/O layers reads a clock: an Instant comes in with each event.
#pragma once

#include <chrono>
#include <cstdint>

namespace kvcluster {

using Duration = std::chrono::microseconds;

// A clock type without now(): monotonic time since an origin that only its maker knows.
struct MonotonicTime {
  using rep = Duration::rep;
  using period = Duration::period;
  using duration = Duration;
  using time_point = std::chrono::time_point<MonotonicTime>;
  static constexpr bool is_steady = true;
};
using Instant = MonotonicTime::time_point;

// Wall-clock milliseconds since the Unix epoch, as stamped into entries by a leader.
using WallMillis = std::uint64_t;

}  // namespace kvcluster
