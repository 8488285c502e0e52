// How long to wait before the next attempt: doubling up to a bound, with seeded jitter, which keeps
// nodes that lost each other from dialing in step.
#pragma once

#include <algorithm>
#include <cstdint>

#include "base/random.hpp"
#include "base/time.hpp"

namespace kvcluster::net {

class Backoff {
 public:
  Backoff(Duration min, Duration max, std::uint64_t seed)
      : min_(min), max_(max), delay_(min), random_(seed) {}

  // Between half of the current delay and all of it; the next delay is twice as long.
  [[nodiscard]] Duration next() {
    const auto most = static_cast<std::uint64_t>(std::max<Duration::rep>(delay_.count(), 1));
    delay_ = std::min(2 * delay_, max_);
    return Duration(static_cast<Duration::rep>(random_.between((most + 1) / 2, most)));
  }
  void reset() { delay_ = min_; }

 private:
  Duration min_;
  Duration max_;
  Duration delay_;
  Random random_;
};

}  // namespace kvcluster::net
