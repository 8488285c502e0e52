#include "bench/key_chooser.hpp"

#include <algorithm>
#include <cmath>

#include "base/check.hpp"

namespace kvcluster::bench {
namespace {

// The sum of 1 / i^skew for i from 1 to n.
double zeta(std::uint64_t n, double skew) {
  double sum = 0;
  for (std::uint64_t i = 1; i <= n; ++i) sum += std::pow(static_cast<double>(i), -skew);
  return sum;
}

// FNV-1a over the eight bytes: neighbours in rank are no neighbours in the key range.
std::uint64_t scatter(std::uint64_t value) {
  std::uint64_t hash = 0xCBF29CE484222325ULL;
  for (unsigned byte = 0; byte < 8; ++byte) {
    hash = (hash ^ ((value >> (8 * byte)) & 0xFFU)) * 0x100000001B3ULL;
  }
  return hash;
}

}  // namespace

KeyChooser::KeyChooser(Distribution distribution, std::uint64_t keys, double skew,
                       std::uint64_t seed)
    : distribution_(distribution), keys_(keys), ranks_(keys), skew_(skew), random_(seed) {
  KV_CHECK(keys > 0, "there is at least one key");
  KV_CHECK(skew > 0 && skew < 1, "the skew lies between 0 and 1");
  if (distribution == Distribution::kUniform || distribution == Distribution::kSequential) return;
  zeta_ = zeta(ranks_, skew_);
  second_ = 1 + std::pow(0.5, skew_);
  const double n = static_cast<double>(ranks_);
  eta_ = (1 - std::pow(2 / n, 1 - skew_)) / (1 - second_ / zeta_);
}

std::uint64_t KeyChooser::rank() {
  const double u = static_cast<double>(random_.next() >> 11U) * 0x1p-53;
  const double uz = u * zeta_;
  if (uz < 1 || ranks_ == 1) return 0;
  if (uz < second_ || ranks_ == 2) return 1;
  const double n = static_cast<double>(ranks_);
  const double at = n * std::pow(eta_ * u - eta_ + 1, 1 / (1 - skew_));
  return std::min(static_cast<std::uint64_t>(at), ranks_ - 1);
}

std::uint64_t KeyChooser::next() {
  switch (distribution_) {
    case Distribution::kUniform:
      return random_.below(keys_);
    case Distribution::kZipfian:
      return scatter(rank()) % keys_;
    case Distribution::kLatest:
      return keys_ - 1 - rank();
    case Distribution::kSequential:
      return sequence_++ % keys_;
  }
  return 0;
}

}  // namespace kvcluster::bench
