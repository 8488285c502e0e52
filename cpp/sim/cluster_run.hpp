// The loop of a run.
#pragma once

#include <utility>

#include "sim/cluster.hpp"

namespace kvcluster::sim {

template <typename Done>
bool Cluster::run_until(Instant end, Done&& done) {
  constexpr Instant kBeginning{std::chrono::seconds(1)};
  while (!scheduler_.empty() && scheduler_.next_at() < end) {
    const Event event = scheduler_.pop();
    invariants_.set_time(event.at - kBeginning);
    dispatch(event);
    watch_elections();
    watch_outpaced();
    if (invariants_.violation()) return false;
    if (done()) return true;
  }
  scheduler_.advance_to(end);
  invariants_.set_time(end - kBeginning);
  return done();
}

}  // namespace kvcluster::sim
