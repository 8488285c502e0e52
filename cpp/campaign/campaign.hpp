// Many seeds on several threads, and what they added up to.
//
// Thread-safety: run_campaign() starts its own threads and joins them.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "base/time.hpp"
#include "sim/simulation.hpp"

namespace kvcluster::campaign {

struct CampaignOptions {
  std::uint64_t first_seed = 1;
  std::uint64_t seeds = 100;
  Duration time = std::chrono::seconds(60);  // simulated, a seed, with faults
  std::optional<Duration> time_limit;        // real; no seed is begun after it
  unsigned jobs = 1;
  bool check_determinism = false;  // every seed twice
  std::size_t max_failures = 10;   // it stops after so many
};

struct Failure {
  sim::SimulationOptions options;
  sim::Violation violation;
};

struct CampaignTotals {
  std::uint64_t seeds = 0;
  Duration simulated{};
  Duration real{};
  double cpu_seconds = 0;  // of all threads
  std::uint64_t events = 0;
  std::uint64_t frames = 0;
  std::uint64_t syncs = 0;
  std::uint64_t committed = 0;
  std::uint64_t terms = 0;
  std::uint64_t undecided = 0;
  sim::ClientCounters clients;
  std::array<std::uint64_t, sim::kFaultKinds> faults{};
  sim::Coverage coverage;
  std::vector<Failure> failures;                // by seed
  std::vector<std::uint64_t> nondeterministic;  // seeds whose two runs differ
};

// `progress`, when there is one, is called now and then, by one thread at a time, and once at the
// end; until then failures are in the order in which they were found.
using Progress = std::function<void(const CampaignTotals&)>;
[[nodiscard]] CampaignTotals run_campaign(const CampaignOptions& options, const Progress& progress);

}  // namespace kvcluster::campaign
