#include "bench/arrivals.hpp"

#include <gtest/gtest.h>

namespace kvcluster::bench {
namespace {

constexpr Nanos kStart = 5'000;

TEST(Arrivals, GivesTheLanesTheirRequestsInTurn) {
  const Arrivals arrivals(1e6, 3, kStart);  // one a microsecond
  EXPECT_EQ(arrivals.due(0, 0), kStart);
  EXPECT_EQ(arrivals.due(1, 0), kStart + 1'000);
  EXPECT_EQ(arrivals.due(2, 0), kStart + 2'000);
  EXPECT_EQ(arrivals.due(0, 1), kStart + 3'000);
}

TEST(Arrivals, HasNothingDueBeforeTheStart) {
  const Arrivals arrivals(1e6, 3, kStart);
  EXPECT_EQ(arrivals.due_count(0, kStart - 1), 0U);
  EXPECT_EQ(arrivals.next_due(kStart - 1), kStart);
}

TEST(Arrivals, CountsExactlyWhatIsDue) {
  const Arrivals arrivals(30'000, 4, kStart);  // a spacing that is no whole number
  for (Nanos now = kStart; now < kStart + 2'000'000; now += 1'111) {
    for (std::uint64_t lane = 0; lane < 4; ++lane) {
      const std::uint64_t count = arrivals.due_count(lane, now);
      if (count > 0) {
        EXPECT_LE(arrivals.due(lane, count - 1), now);
      }
      EXPECT_GT(arrivals.due(lane, count), now);
    }
    EXPECT_GT(arrivals.next_due(now), now);
  }
}

TEST(Arrivals, KeepsTheRateOverALongTime) {
  const Arrivals arrivals(70'000, 1, 0);
  EXPECT_EQ(arrivals.due_count(0, 3'600'000'000'000 - 1), 70'000U * 3600U);
}

}  // namespace
}  // namespace kvcluster::bench
