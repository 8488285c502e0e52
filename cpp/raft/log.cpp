#include "raft/log.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

#include "base/check.hpp"
#include "base/mutant.hpp"

namespace kvcluster::raft {

Log::Log(EntryId base, std::vector<Entry> entries) : base_(base) {
  for (Entry& entry : entries) append(std::move(entry));
}

EntryId Log::last() const {
  if (!slots_.empty()) return slots_.back().entry.id();
  return mutated(Mutant::kTermZeroAfterCompaction) ? EntryId{Term(0), base_.index} : base_;
}

const Log::Slot& Log::slot(Index index) const {
  KV_CHECK(index > base_.index && index <= last_index(), "only entries held can be read");
  return slots_[index.value() - base_.index.value() - 1];
}

std::optional<Term> Log::term_at(Index index) const {
  if (index == base_.index) return base_.term;
  if (index < base_.index || index > last_index()) return std::nullopt;
  return slot(index).entry.term;
}

const Entry& Log::at(Index index) const { return slot(index).entry; }

std::optional<EntryId> Log::largest_at_most(EntryId limit) const {
  if (limit.index < base_.index || limit.term < base_.term) return std::nullopt;
  const std::size_t held =
      std::min(slots_.size(), static_cast<std::size_t>(limit.index.value() - base_.index.value()));
  const auto end = slots_.begin() + static_cast<std::ptrdiff_t>(held);
  // Terms never go down along a log, so a binary search finds the border.
  const auto above = std::upper_bound(
      slots_.begin(), end, limit.term,
      [](Term term, const Slot& candidate) { return term < candidate.entry.term; });
  return above == slots_.begin() ? base_ : std::prev(above)->entry.id();
}

std::uint64_t Log::bytes_through(Index index) const {
  return index == base_.index ? base_bytes_through_ : slot(index).bytes_through;
}

std::size_t Log::bytes_between(Index after, Index last) const {
  return static_cast<std::size_t>(bytes_through(last) - bytes_through(after));
}

Index Log::last_within(Index first, std::size_t max_bytes) const {
  const std::uint64_t limit = bytes_through(first.prev()) + max_bytes;
  Index last = first;
  while (last < last_index() && bytes_through(last.next()) <= limit) last = last.next();
  return last;
}

void Log::copy(Index first, Index last, std::vector<Entry>& out) const {
  if (last < first) return;
  out.reserve(out.size() + static_cast<std::size_t>(last.value() - first.value()) + 1);
  for (Index index = first; index <= last; index = index.next()) out.push_back(at(index));
}

void Log::append(Entry entry) {
  KV_CHECK(entry.index == last_index().next(), "a log has no gaps");
  KV_CHECK(entry.term >= last().term, "terms never go down along a log");
  const std::uint64_t through =
      bytes_through(last_index()) + entry.payload.size() + kEntryOverheadBytes;
  slots_.push_back(Slot{std::move(entry), through});
}

void Log::truncate(Index from) {
  KV_CHECK(from > base_.index, "a compacted entry is never truncated");
  if (from > last_index()) return;
  const std::size_t keep = static_cast<std::size_t>(from.value() - base_.index.value()) - 1;
  slots_.erase(slots_.begin() + static_cast<std::ptrdiff_t>(keep), slots_.end());
}

void Log::compact(Index index) {
  const EntryId base{*term_at(index), index};
  const std::uint64_t through = bytes_through(index);
  const auto count = static_cast<std::ptrdiff_t>(index.value() - base_.index.value());
  slots_.erase(slots_.begin(), slots_.begin() + count);
  base_ = base;
  base_bytes_through_ = through;
}

void Log::reset(EntryId base) {
  slots_.clear();
  base_ = base;
}

}  // namespace kvcluster::raft
