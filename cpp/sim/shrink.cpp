#include "sim/shrink.hpp"

#include <algorithm>
#include <chrono>
#include <utility>
#include <vector>

#include "base/check.hpp"

namespace kvcluster::sim {
namespace {

class Shrinker {
 public:
  Shrinker(SimulationOptions options, std::uint32_t max_runs, const Runner& run)
      : run_(run), max_runs_(max_runs), best_(std::move(options)) {
    result_ = run_(best_);
    KV_CHECK(result_.violation, "only a run with a violation is made smaller");
    rule_ = result_.violation->check;
    for (std::uint32_t number = 0; number < result_.faults_drawn; ++number) {
      if (!best_.dropped.contains(number)) kept_.push_back(number);
    }
  }

  Shrunk finish() && {
    drop_late();
    drop_faults();
    shorten();
    return {best_, std::move(result_), static_cast<std::uint32_t>(kept_.size()), runs_};
  }

 private:
  bool fails(const SimulationOptions& candidate) {
    if (runs_ >= max_runs_) return false;
    ++runs_;
    SimulationResult result = run_(candidate);
    if (!result.violation || result.violation->check != rule_) return false;
    best_ = candidate;
    result_ = std::move(result);
    return true;
  }

  bool fails_with(const std::vector<std::uint32_t>& kept) {
    SimulationOptions candidate = best_;
    candidate.dropped.clear();
    for (std::uint32_t number = 0; number < result_.faults_drawn; ++number) {
      if (!std::ranges::binary_search(kept, number)) candidate.dropped.insert(number);
    }
    if (!fails(candidate)) return false;
    kept_ = kept;
    return true;
  }

  // Much of what is drawn comes after the violation.
  void drop_late() {
    for (std::size_t half = kept_.size() / 2; half > 0; half /= 2) {
      while (kept_.size() >= half &&
             fails_with({kept_.begin(), kept_.end() - static_cast<std::ptrdiff_t>(half)})) {
      }
    }
  }

  // Parts of half, a quarter, an eighth of the faults, down to single ones.
  void drop_faults() {
    for (std::size_t part = std::max<std::size_t>(kept_.size() / 2, 1); part > 0; part /= 2) {
      for (std::size_t at = 0; at < kept_.size();) {
        std::vector<std::uint32_t> rest = kept_;
        const auto first = rest.begin() + static_cast<std::ptrdiff_t>(at);
        rest.erase(first, first + static_cast<std::ptrdiff_t>(std::min(part, rest.size() - at)));
        if (!fails_with(rest)) at += part;
      }
    }
  }

  // The faults are drawn for the time that a run has, and one after the other: a shorter time only
  // cuts the last ones off.
  void shorten() {
    for (int i = 0; i < 8; ++i) {
      SimulationOptions candidate = best_;
      candidate.time = best_.time * 3 / 4;
      if (candidate.time < std::chrono::milliseconds(100) || !fails(candidate)) return;
      std::erase_if(kept_, [this](std::uint32_t number) { return number >= result_.faults_drawn; });
      std::erase_if(best_.dropped,
                    [this](std::uint32_t number) { return number >= result_.faults_drawn; });
    }
  }

  const Runner& run_;
  std::uint32_t max_runs_;
  std::uint32_t runs_ = 0;
  SimulationOptions best_;
  SimulationResult result_;
  Check rule_{};
  std::vector<std::uint32_t> kept_;  // numbers of faults, ascending
};

}  // namespace

Shrunk shrink(const SimulationOptions& failing, std::uint32_t max_runs, const Runner& run) {
  return Shrinker(failing, max_runs, run).finish();
}

}  // namespace kvcluster::sim
