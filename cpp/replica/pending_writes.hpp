// Writes that were appended and wait for their outcome.
//
// A write is applied when an entry with its index *and* its term is applied; it is certainly not
// applied when another entry is applied at its index. Until then it stays open, also when this
// node has lost the lead or has cut the entry from its log: a later leader may still hold it and
// commit it (Raft dissertation, 3.6.2).
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <vector>

#include "base/ids.hpp"
#include "base/mutant.hpp"
#include "base/time.hpp"
#include "replica/origin.hpp"

namespace kvcluster::replica {

class PendingWrites {
 public:
  struct Write {
    Index index;
    Term term;
    Origin origin;
    Instant deadline;
  };

  // Requires: within one leadership, indices and deadlines ascend.
  void add(const Write& write) { current_.push_back(write); }
  // This leadership is over: a later one may propose at the same indices again.
  void seal();

  // Takes out the writes that wait for `index`, now applied with `term`. Calls
  // done(write, applied).
  template <typename Done>
  void applied(Index index, Term term, Done&& done) {
    while (!current_.empty() && current_.front().index <= index) {
      const Write write = current_.front();
      current_.pop_front();
      done(write, write.index == index && write.term == term);
    }
    if (sealed_.empty()) return;
    const auto [first, last] = sealed_.equal_range(index);
    for (auto it = first; it != last; ++it) {
      done(it->second, it->second.term == term || mutated(Mutant::kSuccessAfterStepDown));
    }
    sealed_.erase(first, last);
  }

  // Takes out the writes up to `through`, which a snapshot jumped over: nobody can tell any more.
  [[nodiscard]] std::vector<Write> skipped(Index through);
  // Takes out the writes whose time is over.
  [[nodiscard]] std::vector<Write> expired(Instant now);
  // When expired() has something at the earliest; Instant::max() if never.
  [[nodiscard]] Instant next_deadline() const;

  [[nodiscard]] std::size_t size() const { return current_.size() + sealed_.size(); }

 private:
  std::deque<Write> current_;           // of this leadership
  std::multimap<Index, Write> sealed_;  // of earlier ones
};

}  // namespace kvcluster::replica
