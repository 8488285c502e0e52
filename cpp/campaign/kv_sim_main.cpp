// kv_sim: runs simulated clusters, one a seed, and says what broke.
#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <string>
#include <thread>

#include "campaign/campaign.hpp"
#include "campaign/report.hpp"
#include "sim/replay_line.hpp"
#include "sim/shrink.hpp"

namespace {

using namespace kvcluster;  // NOLINT(google-build-using-namespace): the program's own

constexpr const char* kHelp =
    "Runs whole clusters in virtual time, one for each seed: the real consensus, log and state\n"
    "machine over a simulated network, disk and clock, with faults drawn from the seed. After\n"
    "every step invariants are checked, in the end a quorum is healed and must recover, and what\n"
    "the clients were told must be linearizable.\n\n"
    "  kv_sim --seeds 2000 --time 60s          a campaign\n"
    "  kv_sim --seed 7 --verbose               one run with its timeline\n"
    "  kv_sim --replay \"seed=7 time=60000\"     the same run again, exactly\n"
    "  kv_sim --replay \"seed=7\" --shrink       fewer faults, shorter, same violation\n"
    "  kv_sim --mutants                        lets classic bugs in, and finds them\n\n"
    "Exit code 0: nothing was found. 1: a violation. 2: wrong usage.";

struct Flags {
  campaign::CampaignOptions campaign;
  std::uint64_t seed = 0;
  std::string time = "60s";
  std::string time_limit;
  std::string replay;
  bool shrink = false;
  bool verbose = false;
  bool mutants = false;
};

int show_run(sim::SimulationOptions options, bool verbose) {
  options.with_timeline = verbose;
  const sim::SimulationResult result = sim::simulate(options);
  if (verbose) fmt::print("{}", campaign::timeline_text(result));
  fmt::print(
      "{}: trace hash {:016x}, {:.3f} s simulated, {} operations, {} of {} faults\n",
      replay_line(options), result.trace_hash, static_cast<double>(result.simulated.count()) * 1e-6,
      result.clients.asked,
      result.faults_drawn - std::min<std::size_t>(options.dropped.size(), result.faults_drawn),
      result.faults_drawn);
  if (!result.violation) {
    fmt::print("no violation\n");
    return 0;
  }
  fmt::print("{}", campaign::failure_text({options, *result.violation}));
  return 1;
}

int shrink_run(const sim::SimulationOptions& options, bool verbose) {
  if (!sim::simulate(options).violation) {
    fmt::print("{}: no violation, so there is nothing to make small\n", replay_line(options));
    return 0;
  }
  const sim::Shrunk shrunk = sim::shrink(options);
  fmt::print("after {} runs {} faults are left: {}\n", shrunk.runs, shrunk.faults_left,
             replay_line(shrunk.options));
  return show_run(shrunk.options, verbose);
}

int run_campaign(const campaign::CampaignOptions& options) {
  const bool terminal = isatty(STDERR_FILENO) == 1;
  std::size_t shown = 0;
  const auto progress = [&](const campaign::CampaignTotals& totals) {
    for (; shown < totals.failures.size(); ++shown) {
      fmt::print("{}{}\n", terminal ? "\r\x1b[K" : "", failure_text(totals.failures[shown]));
      std::fflush(stdout);
    }
    fmt::print(stderr, "{}{}{}", terminal ? "\r" : "",
               campaign::progress_line(totals, options.seeds), terminal ? "\x1b[K" : "\n");
  };
  const campaign::CampaignTotals totals = campaign::run_campaign(options, progress);
  if (terminal) fmt::print(stderr, "\r\x1b[K");
  fmt::print("{}", summary(totals));
  for (const std::uint64_t seed : totals.nondeterministic) {
    fmt::print("\nseed {} went another way when it was run again\n", seed);
  }
  return totals.failures.empty() && totals.nondeterministic.empty() ? 0 : 1;
}

// The program with the bugs stands beside this one.
int run_mutants() {
  const auto self = std::filesystem::read_symlink("/proc/self/exe");
  const std::string other = self.parent_path() / "kv_sim_mutants";
  std::fflush(stdout);
  execl(other.c_str(), other.c_str(), static_cast<char*>(nullptr));
  fmt::print(stderr, "{} cannot be run; build it with the target kv_sim_mutants\n", other);
  return 2;
}

}  // namespace

int main(int argc, char** argv) {
  Flags flags;
  flags.campaign.jobs = std::max(1U, std::thread::hardware_concurrency());
  CLI::App app{kHelp};
  const auto milliseconds = CLI::AsNumberWithUnit(
      std::map<std::string, std::uint64_t>{{"ms", 1}, {"s", 1000}, {"m", 60'000}, {"h", 3'600'000}},
      CLI::AsNumberWithUnit::UNIT_REQUIRED);
  std::uint64_t time_ms = 60'000;
  std::uint64_t limit_ms = 0;
  auto* seed = app.add_option("--seed", flags.seed, "run this seed alone");
  app.add_option("--seeds", flags.campaign.seeds, "how many seeds")->capture_default_str();
  app.add_option("--first", flags.campaign.first_seed, "the first of them")->capture_default_str();
  app.add_option("--time", time_ms, "simulated time with faults of each (500ms, 60s, 5m, 1h)")
      ->transform(milliseconds)
      ->default_str("60s");
  auto* limit = app.add_option("--time-limit", limit_ms, "begin no seed after so much real time")
                    ->transform(milliseconds);
  app.add_option("--jobs", flags.campaign.jobs, "threads")
      ->check(CLI::Range(1, 256))
      ->capture_default_str();
  app.add_option("--max-failures", flags.campaign.max_failures, "stop after so many violations")
      ->capture_default_str();
  app.add_flag("--check-determinism", flags.campaign.check_determinism,
               "run each seed twice and compare");
  auto* replay = app.add_option("--replay", flags.replay, "repeat the run of this line");
  app.add_flag("--shrink", flags.shrink, "make the run of --replay or --seed small");
  app.add_flag("--verbose", flags.verbose, "print the timeline");
  app.add_flag("--mutants", flags.mutants, "run kv_sim_mutants, which stands beside this program");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  if (flags.mutants) return run_mutants();
  flags.campaign.time = std::chrono::milliseconds(time_ms);
  if (limit->count() > 0) flags.campaign.time_limit = std::chrono::milliseconds(limit_ms);

  if (seed->count() == 0 && replay->count() == 0) return run_campaign(flags.campaign);
  sim::SimulationOptions options;
  options.seed = flags.seed;
  options.time = flags.campaign.time;
  if (replay->count() > 0) {
    auto parsed = sim::parse_replay_line(flags.replay);
    if (!parsed) {
      fmt::print(stderr, "{}\n", parsed.error().context);
      return 2;
    }
    options = std::move(*parsed);
  }
  return flags.shrink ? shrink_run(options, flags.verbose) : show_run(options, flags.verbose);
}
