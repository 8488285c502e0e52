#include "base/check.hpp"

#include <gtest/gtest.h>

#include "base/check_handler.hpp"

namespace kvcluster {
namespace {

TEST(CheckDeathTest, EndsTheProcessWithItsSentence) {
  EXPECT_DEATH(KV_CHECK(1 + 1 == 3, "sums are right"), "invariant broken.*sums are right");
}

TEST(Check, ThrowsWhileThatIsAskedFor) {
  const ThrowingChecks throwing;
  EXPECT_THROW(KV_CHECK(false, "never"), CheckFailure);
  EXPECT_NO_THROW(KV_CHECK(true, "always"));
}

TEST(CheckDeathTest, EndsTheProcessAgainAfterwards) {
  {
    const ThrowingChecks outer;
    const ThrowingChecks inner;
  }
  EXPECT_DEATH(KV_CHECK(false, "never"), "never");
}

}  // namespace
}  // namespace kvcluster
