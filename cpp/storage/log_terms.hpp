// The terms of a log's entries without the entries: one run per term, since terms only grow along
// a log (dissertation, 3.5).
#pragma once

#include <optional>
#include <vector>

#include "base/check.hpp"
#include "base/ids.hpp"
#include "raft/log_entry.hpp"

namespace kvcluster::storage {

class LogTerms {
 public:
  [[nodiscard]] raft::EntryId base() const { return base_; }
  [[nodiscard]] raft::EntryId last() const {
    return runs_.empty() ? base_ : raft::EntryId{runs_.back().term, last_};
  }

  void reset(raft::EntryId base) {
    base_ = base;
    last_ = base.index;
    runs_.clear();
  }

  // Requires: `id` follows last().
  void append(raft::EntryId id) {
    KV_CHECK(id.index == last_.next(), "log entries follow each other without gaps");
    KV_CHECK(id.term >= last().term, "terms never fall along a log");
    if (runs_.empty() || runs_.back().term != id.term) runs_.push_back({id.index, id.term});
    last_ = id.index;
  }

  // Requires: base().index < from <= last().index + 1.
  void truncate_from(Index from) {
    KV_CHECK(from > base_.index, "a truncation must not reach below the log's base");
    KV_CHECK(from <= last_.next(), "a truncation must start inside the log");
    while (!runs_.empty() && runs_.back().first >= from) runs_.pop_back();
    last_ = from.prev();
  }

  // Requires: base().index <= to <= last().index.
  void advance_base(Index to) {
    const auto term = term_at(to);
    KV_CHECK(term.has_value(), "the new base must lie inside the log");
    std::size_t covered = 0;  // runs that end at or before `to`
    while (covered < runs_.size() &&
           (covered + 1 < runs_.size() ? runs_[covered + 1].first : last_.next()) <= to.next()) {
      ++covered;
    }
    runs_.erase(runs_.begin(), runs_.begin() + static_cast<std::ptrdiff_t>(covered));
    if (!runs_.empty() && runs_.front().first <= to) runs_.front().first = to.next();
    base_ = {*term, to};
  }

  // Empty when `index` is before the base or after the end.
  [[nodiscard]] std::optional<Term> term_at(Index index) const {
    if (index == base_.index) return base_.term;
    if (index < base_.index || index > last_) return std::nullopt;
    for (auto run = runs_.rbegin(); run != runs_.rend(); ++run) {
      if (run->first <= index) return run->term;
    }
    return std::nullopt;
  }

 private:
  struct Run {
    Index first;
    Term term;
  };
  raft::EntryId base_;
  Index last_;
  std::vector<Run> runs_;  // ascending; Invariant: non-empty exactly when last_ > base_.index
};

}  // namespace kvcluster::storage
