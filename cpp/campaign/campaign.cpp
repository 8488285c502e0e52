#include "campaign/campaign.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <ctime>
#include <mutex>
#include <thread>

namespace kvcluster::campaign {
namespace {

using Clock = std::chrono::steady_clock;

double cpu_seconds_of_this_thread() {
  timespec used{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used);
  return static_cast<double>(used.tv_sec) + static_cast<double>(used.tv_nsec) * 1e-9;
}

void add(const sim::SimulationResult& run, CampaignTotals& totals) {
  ++totals.seeds;
  totals.simulated += run.simulated;
  totals.events += run.events;
  totals.frames += run.frames;
  totals.syncs += run.syncs;
  totals.committed += run.committed;
  totals.terms += run.terms;
  totals.undecided += run.undecided ? 1 : 0;
  totals.clients.asked += run.clients.asked;
  totals.clients.answered += run.clients.answered;
  totals.clients.failed += run.clients.failed;
  totals.clients.unknown += run.clients.unknown;
  for (std::size_t kind = 0; kind < sim::kFaultKinds; ++kind) {
    totals.faults[kind] += run.faults[kind];
  }
  totals.coverage.add(run.coverage);
}

}  // namespace

CampaignTotals run_campaign(const CampaignOptions& options, const Progress& progress) {
  std::mutex mutex;
  CampaignTotals totals;  // guarded by mutex
  std::atomic<std::uint64_t> next{0};
  std::atomic<bool> enough{false};
  const Clock::time_point begin = Clock::now();
  Clock::time_point next_progress = begin + std::chrono::seconds(1);  // guarded by mutex
  const auto since_begin = [&] {
    return std::chrono::duration_cast<Duration>(Clock::now() - begin);
  };
  const auto report = [&] {
    totals.real = since_begin();
    if (progress) progress(totals);
  };

  const auto work = [&] {
    const double cpu_begin = cpu_seconds_of_this_thread();
    while (!enough) {
      const std::uint64_t number = next++;
      if (number >= options.seeds || (options.time_limit && since_begin() > *options.time_limit)) {
        break;
      }
      sim::SimulationOptions run;
      run.seed = options.first_seed + number;
      run.time = options.time;
      const sim::SimulationResult result = sim::simulate(run);
      const bool same =
          !options.check_determinism || sim::simulate(run).trace_hash == result.trace_hash;

      const std::scoped_lock lock(mutex);
      add(result, totals);
      if (result.violation) totals.failures.push_back({run, *result.violation});
      if (!same) totals.nondeterministic.push_back(run.seed);
      enough = totals.failures.size() >= options.max_failures;
      if (Clock::now() < next_progress) continue;
      next_progress = Clock::now() + std::chrono::seconds(1);
      report();
    }
    const std::scoped_lock lock(mutex);
    totals.cpu_seconds += cpu_seconds_of_this_thread() - cpu_begin;
  };

  std::vector<std::jthread> threads;
  for (unsigned i = 1; i < options.jobs; ++i) threads.emplace_back(work);
  work();
  threads.clear();
  report();
  std::ranges::sort(totals.failures, {}, [](const Failure& one) { return one.options.seed; });
  return totals;
}

}  // namespace kvcluster::campaign
