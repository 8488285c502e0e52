#include "net/backoff.hpp"

#include <gtest/gtest.h>

namespace kvcluster::net {
namespace {

using std::chrono::milliseconds;

TEST(Backoff, DoublesUpToItsBoundWithJitterBelow) {
  for (std::uint64_t seed = 1; seed <= 50; ++seed) {
    Backoff backoff(milliseconds(10), milliseconds(500), seed);
    for (const int most : {10, 20, 40, 80, 160, 320, 500, 500}) {
      const Duration delay = backoff.next();
      EXPECT_GE(delay, milliseconds(most) / 2) << "seed " << seed;
      EXPECT_LE(delay, milliseconds(most)) << "seed " << seed;
    }
  }
}

TEST(Backoff, StartsAgainAfterAReset) {
  Backoff backoff(milliseconds(10), milliseconds(500), 1);
  for (int i = 0; i < 10; ++i) (void)backoff.next();
  backoff.reset();
  EXPECT_LE(backoff.next(), milliseconds(10));
}

TEST(Backoff, NeverWaitsForNothingAtAll) {
  Backoff backoff(Duration::zero(), Duration::zero(), 1);
  EXPECT_GT(backoff.next(), Duration::zero());
}

}  // namespace
}  // namespace kvcluster::net
