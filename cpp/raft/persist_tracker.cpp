#include "raft/persist_tracker.hpp"

#include <algorithm>

#include "base/check.hpp"
#include "base/mutant.hpp"

namespace kvcluster::raft {

std::optional<Instant> PersistTracker::oldest_since() const {
  if (in_flight_.empty()) return std::nullopt;
  return in_flight_.front().since;
}

std::uint64_t PersistTracker::open(Index last, Instant now) {
  in_flight_.push_back({next_sequence_, last, now});
  return next_sequence_++;
}

void PersistTracker::complete(std::uint64_t sequence) {
  KV_CHECK(sequence < next_sequence_, "a batch is completed after it was handed out");
  while (!in_flight_.empty() && in_flight_.front().sequence <= sequence) {
    durable_index_ = std::max(durable_index_, in_flight_.front().last);
    completed_ = in_flight_.front().sequence;
    in_flight_.pop_front();
  }
}

void PersistTracker::truncated(Index from) {
  if (mutated(Mutant::kDurableIndexKept)) return;
  durable_index_ = std::min(durable_index_, from.prev());
  for (InFlight& batch : in_flight_) batch.last = std::min(batch.last, from.prev());
}

void PersistTracker::covered(Index index) { durable_index_ = std::max(durable_index_, index); }

}  // namespace kvcluster::raft
