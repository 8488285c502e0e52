#include "replica/pending_writes.hpp"

#include <algorithm>

namespace kvcluster::replica {

void PendingWrites::seal() {
  for (const Write& write : current_) sealed_.emplace(write.index, write);
  current_.clear();
}

std::vector<PendingWrites::Write> PendingWrites::skipped(Index through) {
  seal();
  std::vector<Write> gone;
  const auto last = sealed_.upper_bound(through);
  for (auto it = sealed_.begin(); it != last; ++it) gone.push_back(it->second);
  sealed_.erase(sealed_.begin(), last);
  return gone;
}

std::vector<PendingWrites::Write> PendingWrites::expired(Instant now) {
  std::vector<Write> gone;
  while (!current_.empty() && current_.front().deadline <= now) {
    gone.push_back(current_.front());
    current_.pop_front();
  }
  for (auto it = sealed_.begin(); it != sealed_.end();) {
    if (it->second.deadline <= now) {
      gone.push_back(it->second);
      it = sealed_.erase(it);
    } else {
      ++it;
    }
  }
  return gone;
}

Instant PendingWrites::next_deadline() const {
  Instant next = Instant::max();
  if (!current_.empty()) next = current_.front().deadline;
  for (const auto& [index, write] : sealed_) next = std::min(next, write.deadline);
  return next;
}

}  // namespace kvcluster::replica
