// Counts of durations, in the layout of HdrHistogram (Tene): linear inside each power of two, so
// that every value is kept to three significant digits and adding one costs a few instructions.
//
// Thread-safety: none; one owner.
#pragma once

#include <cstdint>
#include <vector>

namespace kvcluster::bench {

class Histogram {
 public:
  // About 18 minutes in nanoseconds; what is longer counts as that.
  static constexpr std::uint64_t kLargest = (std::uint64_t{1} << 40U) - 1;

  Histogram();

  void add(std::uint64_t value);
  void clear();

  [[nodiscard]] std::uint64_t count() const { return count_; }
  // The exact extremes and mean; 0 of nothing.
  [[nodiscard]] std::uint64_t min() const { return count_ == 0 ? 0 : min_; }
  [[nodiscard]] std::uint64_t max() const { return max_; }
  [[nodiscard]] double mean() const;
  // The least value that `percent` of all values do not exceed, to three digits; 0 of nothing.
  // Requires: 0 <= percent <= 100.
  [[nodiscard]] std::uint64_t percentile(double percent) const;

 private:
  std::vector<std::uint64_t> counts_;
  std::uint64_t count_ = 0;
  std::uint64_t min_ = kLargest;
  std::uint64_t max_ = 0;
  double sum_ = 0;
};

}  // namespace kvcluster::bench
