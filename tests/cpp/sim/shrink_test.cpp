#include "sim/shrink.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>

namespace kvcluster::sim {
namespace {

using std::chrono::seconds;

// A run of 40 faults, one a second, that breaks a rule when two of them happen; with another one
// present, it breaks another rule first.
SimulationResult two_of_forty(const SimulationOptions& options) {
  SimulationResult result;
  const auto drawn = std::min<std::int64_t>(40, options.time / seconds(1));
  result.faults_drawn = static_cast<std::uint32_t>(drawn);
  const auto happens = [&](std::uint32_t number) {
    return number < result.faults_drawn && !options.dropped.contains(number);
  };
  if (happens(30) && !happens(3)) {
    result.violation = Violation{Check::kCode, {}, 0, "another"};
  } else if (happens(3) && happens(11)) {
    result.violation = Violation{Check::kLogMatching, {}, 0, "this"};
  }
  return result;
}

TEST(Shrink, KeepsTheFaultsThatTheViolationNeedsAndNoOthers) {
  SimulationOptions failing;
  const Shrunk shrunk = shrink(failing, 400, two_of_forty);
  EXPECT_EQ(shrunk.faults_left, 2U);
  EXPECT_FALSE(shrunk.options.dropped.contains(3));
  EXPECT_FALSE(shrunk.options.dropped.contains(11));
  ASSERT_TRUE(shrunk.result.violation.has_value());
  EXPECT_EQ(shrunk.result.violation->check, Check::kLogMatching);
}

TEST(Shrink, ShortensTheTimeAsFarAsTheViolationStays) {
  SimulationOptions failing;
  const Shrunk shrunk = shrink(failing, 400, two_of_forty);
  EXPECT_LT(shrunk.options.time, seconds(17));
  EXPECT_GE(shrunk.options.time, seconds(12));
  EXPECT_TRUE(two_of_forty(shrunk.options).violation.has_value());
}

TEST(Shrink, StopsAtItsBoundWithAViolationInHand) {
  SimulationOptions failing;
  const Shrunk shrunk = shrink(failing, 3, two_of_forty);
  EXPECT_LE(shrunk.runs, 3U);
  EXPECT_TRUE(two_of_forty(shrunk.options).violation.has_value());
}

}  // namespace
}  // namespace kvcluster::sim
