#include "sim/simulation.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <set>

#include "sim/profile.hpp"
#include "sim/replay_line.hpp"

namespace kvcluster::sim {
namespace {

using std::chrono::seconds;

SimulationOptions run_of(std::uint64_t seed, Duration time = seconds(10)) {
  SimulationOptions options;
  options.seed = seed;
  options.time = time;
  return options;
}

TEST(Simulation, OfManySeedsFindsNothing) {
  Coverage coverage;
  std::uint64_t answered = 0;
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    const SimulationResult result = simulate(run_of(seed));
    ASSERT_FALSE(result.violation.has_value())
        << "repeat it: kv_sim --replay \"" << replay_line(run_of(seed)) << "\" --verbose\n"
        << to_string(result.violation->check) << ": " << result.violation->text;
    coverage.add(result.coverage);
    answered += result.clients.answered;
  }
  EXPECT_GT(answered, 5000U);
  for (const Path path : {Path::kSnapshotInstalled, Path::kTornTail, Path::kLogTruncated,
                          Path::kSegmentTurned, Path::kOnceAnsweredAgain, Path::kRepairEnded}) {
    EXPECT_GT(coverage.count(path), 0U) << kPathNames[static_cast<std::size_t>(path)].name;
  }
}

TEST(Simulation, OfOneSeedGoesTheSameWayTwice) {
  for (std::uint64_t seed = 1; seed <= 8; ++seed) {
    const SimulationResult first = simulate(run_of(seed, seconds(5)));
    const SimulationResult second = simulate(run_of(seed, seconds(5)));
    EXPECT_EQ(first.trace_hash, second.trace_hash) << "seed " << seed;
    EXPECT_EQ(first.events, second.events) << "seed " << seed;
  }
}

TEST(Simulation, GoesTheSameWayWhetherItIsWatchedOrNot) {
  SimulationOptions watched = run_of(5, seconds(5));
  watched.with_timeline = true;
  watched.with_history = true;
  const SimulationResult result = simulate(watched);
  EXPECT_EQ(result.trace_hash, simulate(run_of(5, seconds(5))).trace_hash);
  EXPECT_FALSE(result.timeline.empty());
  EXPECT_FALSE(result.history.empty());
}

TEST(Simulation, OfTwoSeedsGoesTwoWays) {
  EXPECT_NE(simulate(run_of(1, seconds(2))).trace_hash, simulate(run_of(2, seconds(2))).trace_hash);
}

TEST(Simulation, WithoutItsFaultsHasNone) {
  SimulationOptions options = run_of(3, seconds(20));
  const SimulationResult with = simulate(options);
  ASSERT_GT(with.faults_drawn, 0U);
  for (std::uint32_t number = 0; number < with.faults_drawn; ++number) {
    options.dropped.insert(number);
  }
  const SimulationResult without = simulate(options);
  EXPECT_FALSE(without.violation.has_value());
  EXPECT_EQ(std::ranges::count_if(without.faults, [](std::uint64_t count) { return count > 0; }),
            0);
}

TEST(Simulation, TimelineIsInTheOrderOfTime) {
  SimulationOptions options = run_of(4, seconds(5));
  options.with_timeline = true;
  const SimulationResult result = simulate(options);
  EXPECT_TRUE(std::ranges::is_sorted(result.timeline, {}, &TimelineItem::at));
  EXPECT_TRUE(std::ranges::any_of(result.timeline,
                                  [](const TimelineItem& item) { return item.kind == "raft"; }));
}

TEST(Profile, OfManySeedsHasEveryKindOfFaultAndEverySize) {
  std::set<std::size_t> kinds;
  std::set<unsigned> sizes;
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    const Profile profile = draw_profile(seed);
    sizes.insert(profile.nodes);
    for (const Fault& fault : draw_faults(profile, seed, seconds(60))) {
      kinds.insert(static_cast<std::size_t>(fault.kind));
      EXPECT_GE(fault.node, 1);
      EXPECT_LE(fault.node, profile.nodes);
    }
  }
  EXPECT_EQ(kinds.size(), kFaultKinds);
  EXPECT_EQ(sizes, (std::set<unsigned>{1, 3, 5}));
}

TEST(Profile, FaultsOfAShorterTimeAreTheFirstOfALongerOne) {
  const Profile profile = draw_profile(12);
  const auto all = draw_faults(profile, 12, seconds(60));
  const auto some = draw_faults(profile, 12, seconds(20));
  ASSERT_LT(some.size(), all.size());
  EXPECT_TRUE(std::equal(some.begin(), some.end(), all.begin()));
}

}  // namespace
}  // namespace kvcluster::sim
