// The load itself: connections that ask and take answers, on one thread.
//
// Closed loop: a connection sends a batch of `depth` commands, and the next one when all are
// answered. Open loop: commands are due at fixed times (arrivals.hpp); a connection has at most
// `depth` of them on the way, what is due beyond waits, and its latency counts that.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <vector>

#include "base/result.hpp"
#include "bench/tally.hpp"
#include "bench/workload.hpp"
#include "client/address.hpp"

namespace kvcluster::bench {

struct LoadOptions {
  // A connection that is lost goes on with the next node.
  std::vector<client::Address> nodes;
  bool begin_with_first =
      false;  // all connections; else connection i with node i modulo their number
  std::size_t connections = 50;
  std::size_t depth = 1;
  double rate_per_second = 0;  // 0: closed loop
  // After each batch asks Redis to WAIT for so many replicas; the writes count as answered then.
  std::uint32_t wait_replicas = 0;
  std::chrono::nanoseconds warmup{0};
  std::chrono::nanoseconds duration{0};  // measured time; 0: until `requests` are answered
  std::uint64_t requests = 0;
  std::chrono::nanoseconds gap_at_least{0};  // keep gaps between acknowledgements; 0: none
  WorkloadOptions workload;
  const std::atomic<bool>* interrupted = nullptr;  // ends the run early when it becomes true
};

// Requires: nodes is not empty, connections and depth > 0, duration or requests > 0.
// Errors: kUnavailable (a node's name is unknown, or no node answers), kIo.
[[nodiscard]] Result<Tally> run_load(const LoadOptions& options);

}  // namespace kvcluster::bench
