#include "bench/tally.hpp"

#include <gtest/gtest.h>

#include <string>

namespace kvcluster::bench {
namespace {

TEST(Tally, NamesErrorsByTheirFirstWord) {
  Tally tally(0);
  tally.add_error("MOVED 1 127.0.0.1:9");
  tally.add_error("MOVED 2 127.0.0.1:9");
  tally.add_error("closed", 5);
  tally.add_error("nothing", 0);
  EXPECT_EQ(tally.errors(), 7U);
  EXPECT_EQ(tally.errors_by_kind().size(), 2U);
  EXPECT_EQ(tally.errors_by_kind().at("MOVED"), 2U);
  EXPECT_EQ(tally.errors_by_kind().at("closed"), 5U);
}

TEST(Tally, BoundsTheKindsOfErrors) {
  Tally tally(0);
  for (int i = 0; i < 100; ++i) tally.add_error("kind" + std::to_string(i));
  EXPECT_EQ(tally.errors_by_kind().size(), Tally::kMaxErrorKinds + 1);
  EXPECT_EQ(tally.errors_by_kind().at("other"), 100 - Tally::kMaxErrorKinds);
}

TEST(Tally, KeepsTheGapsThatAreLongEnough) {
  Tally tally(100);
  for (const Nanos at : {1'000, 1'099, 1'199, 1'250}) tally.acknowledged(at);
  ASSERT_EQ(tally.gaps().size(), 1U);
  EXPECT_EQ(tally.gaps()[0].from, 1'099);
  EXPECT_EQ(tally.gaps()[0].to, 1'199);
}

TEST(Tally, KeepsNoGapsUnlessAsked) {
  Tally tally(0);
  tally.acknowledged(1);
  tally.acknowledged(1'000'000);
  EXPECT_TRUE(tally.gaps().empty());
}

TEST(Tally, TakesALatencyBelowZeroForZero) {
  Tally tally(0);
  tally.add(10, 9);
  EXPECT_EQ(tally.latency().count(), 1U);
  EXPECT_EQ(tally.latency().max(), 0U);
}

}  // namespace
}  // namespace kvcluster::bench
