// What a run came to: latencies, counts, errors by kind, pauses.
//
// Thread-safety: none; one owner.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "bench/histogram.hpp"

namespace kvcluster::bench {

// Nanoseconds of the monotonic clock, as other processes of this machine read it too.
using Nanos = std::int64_t;

// A time in which no write was acknowledged, though writes were waiting.
struct Gap {
  Nanos from = 0;  // the last acknowledgement before it
  Nanos to = 0;    // the first one after it
};

class Tally {
 public:
  static constexpr std::size_t kMaxErrorKinds = 32;
  static constexpr std::size_t kMaxGaps = 100'000;

  // Gaps shorter than `gap_at_least` are not kept; 0: none is.
  explicit Tally(Nanos gap_at_least) : gap_at_least_(gap_at_least) {}

  void add(Nanos began, Nanos ended) {
    latency_.add(static_cast<std::uint64_t>(ended > began ? ended - began : 0));
  }
  // Of every acknowledged write, in the order of time, from the first of the warm-up on.
  void acknowledged(Nanos at);
  void add_null() { ++nulls_; }
  // The kind of an error is its first word; kinds beyond the bound are "other".
  void add_error(std::string_view text, std::uint64_t times = 1);

  [[nodiscard]] const Histogram& latency() const { return latency_; }
  [[nodiscard]] std::uint64_t nulls() const { return nulls_; }
  [[nodiscard]] std::uint64_t errors() const { return errors_; }
  [[nodiscard]] const std::map<std::string, std::uint64_t, std::less<>>& errors_by_kind() const {
    return errors_by_kind_;
  }
  [[nodiscard]] const std::vector<Gap>& gaps() const { return gaps_; }

  std::uint64_t completed = 0;  // answered without an error inside the measured time
  std::uint64_t in_all = 0;     // answered without an error, the warm-up and the end included
  double seconds = 0;           // the measured time
  double cpu_seconds = 0;       // of this process, over that time

 private:
  Nanos gap_at_least_;
  Nanos last_acknowledged_ = 0;
  Histogram latency_;
  std::uint64_t nulls_ = 0;
  std::uint64_t errors_ = 0;
  std::map<std::string, std::uint64_t, std::less<>> errors_by_kind_;
  std::vector<Gap> gaps_;
};

}  // namespace kvcluster::bench
