#include "bench/histogram.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "base/random.hpp"

namespace kvcluster::bench {
namespace {

TEST(Histogram, SaysZeroOfNothing) {
  const Histogram h;
  EXPECT_EQ(h.count(), 0U);
  EXPECT_EQ(h.min(), 0U);
  EXPECT_EQ(h.max(), 0U);
  EXPECT_EQ(h.percentile(50), 0U);
  EXPECT_EQ(h.mean(), 0.0);
}

TEST(Histogram, KeepsSmallValuesExactly) {
  Histogram h;
  for (std::uint64_t value = 1; value <= 1000; ++value) h.add(value);
  EXPECT_EQ(h.min(), 1U);
  EXPECT_EQ(h.percentile(0), 1U);
  EXPECT_EQ(h.percentile(50), 500U);
  EXPECT_EQ(h.percentile(99), 990U);
  EXPECT_EQ(h.percentile(99.9), 999U);
  EXPECT_EQ(h.percentile(100), 1000U);
  EXPECT_DOUBLE_EQ(h.mean(), 500.5);
}

TEST(Histogram, KeepsThreeDigitsOfEveryMagnitude) {
  for (std::uint64_t value = 1; value < Histogram::kLargest / 3; value = value * 3 + 1) {
    Histogram h;
    h.add(value);
    h.add(Histogram::kLargest);  // so that the bound of the slot is not cut to the maximum
    const double shown = static_cast<double>(h.percentile(50));
    EXPECT_GE(shown, static_cast<double>(value));
    EXPECT_LE(shown, static_cast<double>(value) * 1.001);
  }
}

TEST(Histogram, AgreesWithSortedValues) {
  Random random(7);
  Histogram h;
  std::vector<std::uint64_t> values;
  for (int i = 0; i < 20'000; ++i) {
    values.push_back(random.below(std::uint64_t{1} << random.between(1, 39)));
    h.add(values.back());
  }
  std::sort(values.begin(), values.end());
  for (const double percent : {1.0, 50.0, 90.0, 99.0, 99.9, 100.0}) {
    const auto rank = static_cast<std::size_t>(std::ceil(percent / 100 * 20'000)) - 1;
    const double exact = static_cast<double>(values[rank]);
    EXPECT_NEAR(static_cast<double>(h.percentile(percent)), exact, exact * 0.001) << percent;
  }
}

TEST(Histogram, CountsWhatIsTooLongAsTheLongest) {
  Histogram h;
  h.add(UINT64_MAX);
  EXPECT_EQ(h.max(), Histogram::kLargest);
  EXPECT_EQ(h.percentile(50), Histogram::kLargest);
}

TEST(Histogram, ForgetsAllWhenCleared) {
  Histogram h;
  h.add(5);
  h.clear();
  EXPECT_EQ(h.count(), 0U);
  EXPECT_EQ(h.max(), 0U);
}

}  // namespace
}  // namespace kvcluster::bench
