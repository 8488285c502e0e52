#include "base/random.hpp"

#include <gtest/gtest.h>

#include <array>

namespace kvcluster {
namespace {

TEST(Random, TheSameSeedGivesTheSameNumbers) {
  Random first(7);
  Random second(7);
  Random other(8);
  bool differs = false;
  for (int i = 0; i < 100; ++i) {
    const std::uint64_t value = first.next();
    EXPECT_EQ(value, second.next());
    differs = differs || value != other.next();
  }
  EXPECT_TRUE(differs);
}

TEST(Random, StaysBelowItsBoundAndReachesAllOfIt) {
  Random random(1);
  std::array<int, 10> seen{};
  for (int i = 0; i < 10000; ++i) ++seen.at(random.below(10));
  for (const int count : seen) EXPECT_NEAR(count, 1000, 200);
}

TEST(Random, BothEndsOfARangeAreIncluded) {
  Random random(1);
  bool low = false;
  bool high = false;
  for (int i = 0; i < 1000; ++i) {
    const std::uint64_t value = random.between(3, 5);
    ASSERT_TRUE(value >= 3 && value <= 5);
    low = low || value == 3;
    high = high || value == 5;
  }
  EXPECT_TRUE(low && high);
}

TEST(Random, ARangeOfOneIsThatOne) { EXPECT_EQ(Random(1).between(9, 9), 9U); }

TEST(Random, TheWholeRangeIsARange) {
  Random random(1);
  EXPECT_NE(random.between(0, UINT64_MAX), random.between(0, UINT64_MAX));
}

TEST(Random, AChanceOfNoneOrAllIsCertain) {
  Random random(1);
  for (int i = 0; i < 100; ++i) {
    EXPECT_FALSE(random.chance(0, 5));
    EXPECT_TRUE(random.chance(5, 5));
  }
}

TEST(RandomDeathTest, AnEmptyRangeIsRefused) {
  Random random(1);
  EXPECT_DEATH(random.below(0), "empty range");
  EXPECT_DEATH(random.between(2, 1), "reversed");
}

}  // namespace
}  // namespace kvcluster
