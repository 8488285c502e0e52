#include "bench/histogram.hpp"

#include <algorithm>
#include <bit>
#include <cmath>

#include "base/check.hpp"

namespace kvcluster::bench {
namespace {

// 2^11 steps a power of two: the width of a step is below a thousandth of its value.
constexpr unsigned kStepBits = 11;
constexpr std::size_t kHalf = std::size_t{1} << (kStepBits - 1);
constexpr unsigned kShifts = 40 - kStepBits + 1;

std::size_t slot_of(std::uint64_t value) {
  const auto width = static_cast<unsigned>(std::bit_width(value));
  const unsigned shift = width > kStepBits ? width - kStepBits : 0;
  return shift * kHalf + static_cast<std::size_t>(value >> shift);
}

// The largest value that shares the slot.
std::uint64_t top_of(std::size_t slot) {
  const std::size_t shift = slot < 2 * kHalf ? 0 : slot / kHalf - 1;
  const std::uint64_t step = slot - shift * kHalf;
  return ((step + 1) << shift) - 1;
}

}  // namespace

Histogram::Histogram() : counts_((kShifts + 1) * kHalf) {}

void Histogram::add(std::uint64_t value) {
  value = std::min(value, kLargest);
  ++counts_[slot_of(value)];
  ++count_;
  min_ = std::min(min_, value);
  max_ = std::max(max_, value);
  sum_ += static_cast<double>(value);
}

void Histogram::clear() { *this = Histogram(); }

double Histogram::mean() const { return count_ == 0 ? 0 : sum_ / static_cast<double>(count_); }

std::uint64_t Histogram::percentile(double percent) const {
  KV_CHECK(percent >= 0 && percent <= 100, "a percentage is from 0 to 100");
  // 99.9 % of 1000 is 999, though the product of the two is a little more.
  const double exact = std::ceil(percent / 100 * static_cast<double>(count_) * (1 - 1e-12));
  const std::uint64_t wanted = std::clamp(static_cast<std::uint64_t>(exact), std::uint64_t{1},
                                          std::max(count_, std::uint64_t{1}));
  std::uint64_t seen = 0;
  for (std::size_t slot = 0; slot < counts_.size(); ++slot) {
    seen += counts_[slot];
    if (seen >= wanted) return std::min(top_of(slot), max_);
  }
  return 0;
}

}  // namespace kvcluster::bench
