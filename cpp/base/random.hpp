// Seeded pseudo-random numbers: xoshiro256** (Blackman and Vigna, 2018), started by splitmix64.
// The only randomness of the pure layers; the seed comes from outside.
#pragma once

#include <array>
#include <bit>
#include <cstdint>

#include "base/check.hpp"

namespace kvcluster {

class Random {
 public:
  explicit Random(std::uint64_t seed) {
    for (auto& word : state_) {
      seed += 0x9E3779B97F4A7C15ULL;
      std::uint64_t z = seed;
      z = (z ^ (z >> 30U)) * 0xBF58476D1CE4E5B9ULL;
      z = (z ^ (z >> 27U)) * 0x94D049BB133111EBULL;
      word = z ^ (z >> 31U);
    }
  }

  std::uint64_t next() {
    const std::uint64_t result = std::rotl(state_[1] * 5, 7) * 9;
    const std::uint64_t t = state_[1] << 17U;
    state_[2] ^= state_[0];
    state_[3] ^= state_[1];
    state_[1] ^= state_[2];
    state_[0] ^= state_[3];
    state_[2] ^= t;
    state_[3] = std::rotl(state_[3], 45);
    return result;
  }

  // Uniform in [0, bound), without modulo bias (Lemire, 2019). Requires: bound > 0.
  std::uint64_t below(std::uint64_t bound) {
    KV_CHECK(bound > 0, "an empty range has no member");
    const std::uint64_t threshold = (0 - bound) % bound;
    for (;;) {
      __extension__ using Wide = unsigned __int128;
      const Wide product = static_cast<Wide>(next()) * bound;
      if (static_cast<std::uint64_t>(product) >= threshold) {
        return static_cast<std::uint64_t>(product >> 64U);
      }
    }
  }

  // Uniform in [low, high], both included. Requires: low <= high.
  std::uint64_t between(std::uint64_t low, std::uint64_t high) {
    KV_CHECK(low <= high, "a range must not be reversed");
    if (high - low == UINT64_MAX) return next();
    return low + below(high - low + 1);
  }

  // True with probability numerator / denominator.
  bool chance(std::uint64_t numerator, std::uint64_t denominator) {
    return below(denominator) < numerator;
  }

 private:
  std::array<std::uint64_t, 4> state_{};
};

}  // namespace kvcluster
