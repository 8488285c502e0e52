#include "bench/key_chooser.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

namespace kvcluster::bench {
namespace {

constexpr int kDraws = 200'000;

std::vector<int> drawn(KeyChooser& chooser, std::size_t keys) {
  std::vector<int> times(keys);
  for (int i = 0; i < kDraws; ++i) ++times.at(chooser.next());
  return times;
}

TEST(KeyChooser, ChoosesEveryKeyAlikeWhenUniform) {
  KeyChooser chooser(Distribution::kUniform, 100, 0.99, 1);
  for (const int times : drawn(chooser, 100)) EXPECT_NEAR(times, 2'000, 300);
}

TEST(KeyChooser, GivesTheMostPopularZipfianKeyItsShare) {
  // Of 1000 keys with skew 0.99 the first has 1 / zeta(1000, 0.99) = 13 % of all draws.
  KeyChooser chooser(Distribution::kZipfian, 1000, 0.99, 1);
  std::vector<int> times = drawn(chooser, 1000);
  std::sort(times.rbegin(), times.rend());
  EXPECT_NEAR(times[0], kDraws * 0.13, kDraws * 0.01);
  EXPECT_NEAR(times[1], times[0] / 1.986, kDraws * 0.01);
}

TEST(KeyChooser, ScattersPopularKeysOverTheRange) {
  KeyChooser chooser(Distribution::kZipfian, 1000, 0.99, 1);
  const std::vector<int> times = drawn(chooser, 1000);
  const auto most = std::max_element(times.begin(), times.end()) - times.begin();
  EXPECT_NE(most, 0);
  EXPECT_NE(most, 999);
}

TEST(KeyChooser, PrefersTheYoungestKey) {
  KeyChooser chooser(Distribution::kLatest, 1000, 0.99, 1);
  const std::vector<int> times = drawn(chooser, 1000);
  EXPECT_EQ(std::max_element(times.begin(), times.end()) - times.begin(), 999);
}

TEST(KeyChooser, PrefersAKeyThatWasInsertedSince) {
  KeyChooser chooser(Distribution::kLatest, 1000, 0.99, 1);
  EXPECT_EQ(chooser.insert(), 1000U);
  const std::vector<int> times = drawn(chooser, 1001);
  EXPECT_EQ(std::max_element(times.begin(), times.end()) - times.begin(), 1000);
}

TEST(KeyChooser, GoesThroughAllKeysInOrderWhenSequential) {
  KeyChooser chooser(Distribution::kSequential, 3, 0.99, 1);
  const std::vector<std::uint64_t> keys{chooser.next(), chooser.next(), chooser.next(),
                                        chooser.next()};
  EXPECT_EQ(keys, (std::vector<std::uint64_t>{0, 1, 2, 0}));
}

TEST(KeyChooser, StaysInsideASmallRange) {
  for (const std::uint64_t keys : {1U, 2U, 3U}) {
    for (const Distribution each : {Distribution::kZipfian, Distribution::kLatest}) {
      KeyChooser chooser(each, keys, 0.99, 1);
      for (int i = 0; i < 1000; ++i) EXPECT_LT(chooser.next(), keys);
    }
  }
}

TEST(KeyChooser, RepeatsItselfFromTheSameSeed) {
  KeyChooser a(Distribution::kZipfian, 1000, 0.99, 9);
  KeyChooser b(Distribution::kZipfian, 1000, 0.99, 9);
  for (int i = 0; i < 100; ++i) EXPECT_EQ(a.next(), b.next());
}

}  // namespace
}  // namespace kvcluster::bench
