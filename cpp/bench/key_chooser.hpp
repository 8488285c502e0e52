// Which key comes next: every key alike, or a few keys most of the time (Gray et al., "Quickly
// generating billion-record synthetic databases", SIGMOD 1994, as YCSB uses it).
//
// Thread-safety: none; one owner.
#pragma once

#include <cstdint>

#include "base/random.hpp"

namespace kvcluster::bench {

enum class Distribution : std::uint8_t {
  kUniform,
  kZipfian,     // the popular keys lie scattered over the whole range
  kLatest,      // the younger a key, the more popular
  kSequential,  // 0, 1, 2, ...: each once
};

class KeyChooser {
 public:
  // Requires: keys > 0, 0 < skew < 1.
  KeyChooser(Distribution distribution, std::uint64_t keys, double skew, std::uint64_t seed);

  [[nodiscard]] std::uint64_t next();
  // A key that did not exist before; from now on it may be chosen.
  [[nodiscard]] std::uint64_t insert() { return keys_++; }
  [[nodiscard]] std::uint64_t keys() const { return keys_; }

 private:
  // A rank below `ranks_`: 0 is the most popular.
  std::uint64_t rank();

  Distribution distribution_;
  std::uint64_t keys_;
  // The ranks are those of the keys at the start: the sum behind them is not computed anew for
  // every insert.
  std::uint64_t ranks_;
  double skew_;
  double zeta_ = 0;
  double eta_ = 0;
  double second_ = 0;  // where rank 1 ends
  std::uint64_t sequence_ = 0;
  Random random_;
};

}  // namespace kvcluster::bench
