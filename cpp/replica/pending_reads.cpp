#include "replica/pending_reads.hpp"

#include <algorithm>
#include <iterator>

#include "base/check.hpp"

namespace kvcluster::replica {

void PendingReads::add(std::uint64_t round_number, std::vector<Read> reads, Index applied,
                       Instant deadline) {
  if (reads.empty()) return;
  const bool local = round_number == kLocalRound;
  const Key key{local, local ? ++local_batches_ : round_number};
  const auto [at, inserted] = rounds_.try_emplace(key);
  KV_CHECK(inserted, "a read round is used once");
  Round& round = at->second;
  round.confirmed = local;
  round.deadline = deadline;
  round.open = reads.size();
  round.slots.reserve(reads.size());
  open_ += reads.size();
  for (Read& read : reads) {
    Slot& slot = round.slots.emplace_back(Slot{std::move(read), std::nullopt});
    if (slot.read.index <= applied) {
      slot.reply = evaluate_(slot.read.request.view());
      if (local) answer(round, slot);
    } else {
      pinned_[slot.read.index].emplace_back(key, round.slots.size() - 1);
    }
  }
  forget_if_done(key);
}

void PendingReads::evaluate_pinned(Index index) {
  while (!pinned_.empty() && pinned_.begin()->first <= index) {
    const auto ready = std::move(pinned_.begin()->second);
    pinned_.erase(pinned_.begin());
    for (const auto& [key, position] : ready) {
      const auto at = rounds_.find(key);
      if (at == rounds_.end()) continue;  // rejected or expired meanwhile
      Slot& slot = at->second.slots[position];
      if (slot.answered) continue;
      slot.reply = evaluate_(slot.read.request.view());
      if (at->second.confirmed) answer(at->second, slot);
      forget_if_done(key);
    }
  }
}

void PendingReads::confirmed(std::uint64_t round_number) {
  const Key key{false, round_number};
  const auto at = rounds_.find(key);
  if (at == rounds_.end()) return;
  at->second.confirmed = true;
  for (Slot& slot : at->second.slots) {
    if (slot.reply && !slot.answered) answer(at->second, slot);
  }
  forget_if_done(key);
}

std::vector<PendingReads::Read> PendingReads::rejected(std::uint64_t round_number) {
  const auto at = rounds_.find(Key{false, round_number});
  if (at == rounds_.end()) return {};
  std::vector<Read> back = take_unanswered(at->second);
  rounds_.erase(at);
  return back;
}

std::vector<PendingReads::Read> PendingReads::expired(Instant now) {
  std::vector<Read> back;
  for (auto at = rounds_.begin(); at != rounds_.end();) {
    if (at->second.deadline > now) {
      ++at;
      continue;
    }
    std::ranges::move(take_unanswered(at->second), std::back_inserter(back));
    at = rounds_.erase(at);
  }
  return back;
}

Instant PendingReads::next_deadline() const {
  Instant next = Instant::max();
  for (const auto& [key, round] : rounds_) next = std::min(next, round.deadline);
  return next;
}

void PendingReads::answer(Round& round, Slot& slot) {
  answers_.push_back({slot.read.origin, std::move(*slot.reply)});
  slot.answered = true;
  --round.open;
  --open_;
}

void PendingReads::forget_if_done(Key key) {
  const auto at = rounds_.find(key);
  if (at != rounds_.end() && at->second.open == 0) rounds_.erase(at);
}

std::vector<PendingReads::Read> PendingReads::take_unanswered(Round& round) {
  std::vector<Read> taken;
  for (Slot& slot : round.slots) {
    if (slot.answered) continue;
    slot.answered = true;
    taken.push_back(std::move(slot.read));
  }
  open_ -= taken.size();
  round.open = 0;
  return taken;
}

}  // namespace kvcluster::replica
