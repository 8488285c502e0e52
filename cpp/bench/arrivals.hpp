// When the requests of an open loop are due. They keep their times however slow the answers are,
// and a latency counts from the time a request was due: what waits behind a slow answer is slow too
// (no coordinated omission; Tene, "How not to measure latency").
//
// Thread-safety: none; one owner.
#pragma once

#include <cmath>
#include <cstdint>

#include "base/check.hpp"
#include "bench/tally.hpp"

namespace kvcluster::bench {

// Evenly spaced over all lanes; arrival i belongs to lane i modulo `lanes`.
class Arrivals {
 public:
  // Requires: rate_per_second > 0, lanes > 0.
  Arrivals(double rate_per_second, std::uint64_t lanes, Nanos start)
      : spacing_ns_(1e9 / rate_per_second), lanes_(lanes), start_(start) {
    KV_CHECK(rate_per_second > 0 && lanes > 0, "arrivals have a rate and somebody to serve them");
  }

  // When the request number `turn` of a lane is due.
  [[nodiscard]] Nanos due(std::uint64_t lane, std::uint64_t turn) const {
    return due_of(turn * lanes_ + lane);
  }
  // How many requests of a lane are due at `now`, from the first one on.
  [[nodiscard]] std::uint64_t due_count(std::uint64_t lane, Nanos now) const {
    const std::uint64_t all = due_in_all(now);
    return all <= lane ? 0 : (all - lane - 1) / lanes_ + 1;
  }
  // The next time after `now` at which any lane has a request due.
  [[nodiscard]] Nanos next_due(Nanos now) const { return due_of(due_in_all(now)); }

 private:
  [[nodiscard]] Nanos due_of(std::uint64_t arrival) const {
    return start_ + static_cast<Nanos>(std::ceil(static_cast<double>(arrival) * spacing_ns_));
  }
  [[nodiscard]] std::uint64_t due_in_all(Nanos now) const {
    if (now < start_) return 0;
    return static_cast<std::uint64_t>(static_cast<double>(now - start_) / spacing_ns_) + 1;
  }

  double spacing_ns_;
  std::uint64_t lanes_;
  Nanos start_;
};

}  // namespace kvcluster::bench
