#include "bench/tally.hpp"

namespace kvcluster::bench {

void Tally::acknowledged(Nanos at) {
  if (gap_at_least_ == 0) return;
  if (last_acknowledged_ != 0 && at - last_acknowledged_ >= gap_at_least_ &&
      gaps_.size() < kMaxGaps) {
    gaps_.push_back({.from = last_acknowledged_, .to = at});
  }
  last_acknowledged_ = at;
}

void Tally::add_error(std::string_view text, std::uint64_t times) {
  if (times == 0) return;
  errors_ += times;
  const std::string_view kind = text.substr(0, text.find(' '));
  const auto known = errors_by_kind_.find(kind);
  if (known != errors_by_kind_.end()) {
    known->second += times;
  } else if (errors_by_kind_.size() < kMaxErrorKinds) {
    errors_by_kind_.emplace(kind, times);
  } else {
    errors_by_kind_["other"] += times;
  }
}

}  // namespace kvcluster::bench
