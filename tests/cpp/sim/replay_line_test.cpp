#include "sim/replay_line.hpp"

#include <gtest/gtest.h>

#include <chrono>

namespace kvcluster::sim {
namespace {

TEST(ReplayLine, OfARunGivesTheSameRunBack) {
  SimulationOptions options;
  options.seed = 18'446'744'073'709'551'615ULL;
  options.time = std::chrono::milliseconds(12'345);
  options.dropped = {0, 3, 4, 5, 9};
  const std::string line = replay_line(options);
  EXPECT_EQ(line, "seed=18446744073709551615 time=12345 drop=0,3-5,9");
  const auto parsed = parse_replay_line(line);
  ASSERT_TRUE(parsed.has_value()) << parsed.error().context;
  EXPECT_EQ(parsed->seed, options.seed);
  EXPECT_EQ(parsed->time, options.time);
  EXPECT_EQ(parsed->dropped, options.dropped);
}

TEST(ReplayLine, NeedsNoMoreThanASeed) {
  const auto parsed = parse_replay_line("seed=7");
  ASSERT_TRUE(parsed.has_value());
  EXPECT_EQ(parsed->seed, 7U);
  EXPECT_TRUE(parsed->dropped.empty());
}

TEST(ReplayLine, WithoutASeedIsRefused) {
  EXPECT_FALSE(parse_replay_line("time=1000").has_value());
  EXPECT_FALSE(parse_replay_line("").has_value());
}

TEST(ReplayLine, WithAnythingElseIsRefusedByName) {
  for (const char* line : {"seed=x", "seed=1 time=", "seed=1 time=99999999999", "seed=1 drop=3-1",
                           "seed=1 drop=a", "seed=1 fault=2", "seed=1 drop=1-999999999"}) {
    const auto parsed = parse_replay_line(line);
    ASSERT_FALSE(parsed.has_value()) << line;
    EXPECT_EQ(parsed.error().code, ErrorCode::kInvalidArgument);
    EXPECT_NE(parsed.error().context.find('\''), std::string::npos);
  }
}

}  // namespace
}  // namespace kvcluster::sim
