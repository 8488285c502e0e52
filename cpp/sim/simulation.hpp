// A whole cluster in virtual time, from one seed: real replicas, real logs, simulated network,
// disks and clients. First the safety phase, with faults of every kind that the seed's profile has;
// then the liveness phase: a quorum is healed, all other failures stay, and it must elect, commit
// and become equal within a bound.
//
// The same options give the same run, event by event.
// Thread-safety: a simulation belongs to one thread; several may run at once.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "check/history.hpp"
#include "sim/clients.hpp"
#include "sim/coverage.hpp"
#include "sim/fault.hpp"
#include "sim/invariants.hpp"
#include "sim/trace.hpp"

namespace kvcluster::sim {

struct SimulationOptions {
  std::uint64_t seed = 1;
  Duration time = std::chrono::seconds(60);  // of the safety phase
  std::set<std::uint32_t> dropped;           // numbers of faults that do not happen
  bool with_timeline = false;
  bool with_history = false;  // in the result; it is checked in any case
};

struct SimulationResult {
  std::optional<Violation> violation;
  std::uint64_t trace_hash = 0;
  Duration simulated{};
  std::uint64_t events = 0;
  std::uint64_t turns = 0;
  std::uint64_t syncs = 0;
  std::uint64_t frames = 0;
  ClientCounters clients;
  std::array<std::uint64_t, kFaultKinds> faults{};  // that happened, by kind
  std::uint32_t faults_drawn = 0;
  std::uint64_t terms = 0;
  std::uint64_t committed = 0;  // entries
  bool undecided = false;       // the history was too tangled to be judged
  Coverage coverage;
  std::string profile;
  std::vector<TimelineItem> timeline;
  check::History history;
};

[[nodiscard]] SimulationResult simulate(const SimulationOptions& options);

}  // namespace kvcluster::sim
