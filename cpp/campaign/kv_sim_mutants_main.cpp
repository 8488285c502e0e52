// kv_sim_mutants: lets the classic bugs in, one at a time, and counts how many seeds the simulator
// needs to find each. Compiled with KVCLUSTER_MUTANTS; `kv_sim --mutants` runs it.
#include <fmt/core.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "base/mutant.hpp"
#include "sim/simulation.hpp"

#ifndef KVCLUSTER_MUTANTS
#error "this program is about the switches that KVCLUSTER_MUTANTS compiles in"
#endif

namespace {

using kvcluster::Mutant;
using kvcluster::sim::SimulationOptions;
using kvcluster::sim::Violation;

struct Switch {
  Mutant mutant;
  std::string_view name;
  std::string_view text;
};

constexpr std::array kSwitches = {
#define KVCLUSTER_MUTANT_ROW(name, text) Switch{Mutant::k##name, #name, text},
    KVCLUSTER_MUTANT_LIST(KVCLUSTER_MUTANT_ROW)
#undef KVCLUSTER_MUTANT_ROW
};

struct Hunt {
  std::uint64_t first_seed = 1;
  std::uint64_t seeds = 10'000;
  std::uint64_t seconds = 60;
  unsigned jobs = 1;
};

struct Found {
  std::uint64_t seed = 0;
  Violation violation;
};

// On a terminal only: a line that the result then takes the place of.
void show_progress(std::string_view name, std::uint64_t seeds, std::uint64_t of) {
  if (isatty(STDERR_FILENO) == 1) fmt::print(stderr, "\r{} {} of {} seeds\x1b[K", name, seeds, of);
}

void end_progress() {
  if (isatty(STDERR_FILENO) == 1) fmt::print(stderr, "\r\x1b[K");
}

// The lowest seed that shows a violation, or nothing when none of them does.
std::optional<Found> hunt(const Switch& bug, const Hunt& hunt) {
  std::atomic<std::uint64_t> next{hunt.first_seed};
  std::atomic<std::uint64_t> end{hunt.first_seed + hunt.seeds};
  std::mutex mutex;
  std::optional<Found> found;  // guarded by mutex
  const auto work = [&] {
    kvcluster::active_mutant = bug.mutant;
    for (std::uint64_t seed = next++; seed < end; seed = next++) {
      const std::uint64_t done = seed - hunt.first_seed;
      if (done % 50 == 0) show_progress(bug.name, done, hunt.seeds);
      SimulationOptions options;
      options.seed = seed;
      options.time = std::chrono::seconds(hunt.seconds);
      const auto result = kvcluster::sim::simulate(options);
      if (!result.violation) continue;
      const std::scoped_lock lock(mutex);
      if (found && found->seed < seed) return;
      found = Found{seed, *result.violation};
      end = seed;
    }
  };
  std::vector<std::jthread> threads;
  threads.reserve(hunt.jobs);
  for (unsigned i = 0; i < hunt.jobs; ++i) threads.emplace_back(work);
  threads.clear();
  end_progress();
  return found;
}

std::string first_line(std::string_view text, std::size_t width) {
  text = text.substr(0, text.find('\n'));
  return text.size() <= width ? std::string(text) : std::string(text.substr(0, width - 3)) + "...";
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app{
      "Lets classic bugs of replicated systems into the simulated cluster, one at a time, and\n"
      "counts the seeds until one of the simulator's checks finds it. Exit code 1: one was not "
      "found."};
  Hunt options;
  options.jobs = std::max(1U, std::thread::hardware_concurrency());
  std::vector<std::string> names;
  bool list = false;
  app.add_option("mutant", names, "only these, by name (see --list)");
  app.add_flag("--list", list, "print the mutants and end");
  app.add_option("--first", options.first_seed, "the first seed")->capture_default_str();
  app.add_option("--seeds", options.seeds, "give up after so many seeds")->capture_default_str();
  app.add_option("--seconds", options.seconds, "simulated seconds with faults, a seed")
      ->capture_default_str();
  app.add_option("--jobs", options.jobs, "threads")
      ->check(CLI::Range(1, 256))
      ->capture_default_str();
  CLI11_PARSE(app, argc, argv);

  std::vector<Switch> wanted;
  for (const Switch& one : kSwitches) {
    if (names.empty() || std::ranges::find(names, one.name) != names.end()) wanted.push_back(one);
  }
  if (wanted.size() < names.size()) {
    fmt::print(stderr, "no such mutant; --list names them\n");
    return 2;
  }
  if (list) {
    for (const Switch& one : wanted) fmt::print("{:<26} {}\n", one.name, one.text);
    return 0;
  }
  fmt::print("{:<26} {:>6}  {:<22} {}\n", "mutant", "seeds", "found by", "how");
  std::fflush(stdout);
  std::size_t missed = 0;
  for (const Switch& one : wanted) {
    const auto found = hunt(one, options);
    if (found) {
      fmt::print("{:<26} {:>6}  {:<22} {}\n", one.name, found->seed - options.first_seed + 1,
                 to_string(found->violation.check), first_line(found->violation.text, 100));
    } else {
      ++missed;
      fmt::print("{:<26} {:>6}  {:<22} {}\n", one.name, "-", "NOT FOUND", one.text);
    }
    std::fflush(stdout);
  }
  fmt::print("{}: {} mutants, {} found, {} not, at most {} seeds each\n", missed ? "FAIL" : "PASS",
             wanted.size(), wanted.size() - missed, missed, options.seeds);
  return missed ? 1 : 0;
}
