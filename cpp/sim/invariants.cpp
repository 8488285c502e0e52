#include "sim/invariants.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "sim/trace.hpp"

namespace kvcluster::sim {
namespace {

template <typename T>
T& at_index(std::vector<T>& values, std::uint64_t index) {
  if (values.size() <= index) values.resize(std::max<std::size_t>(index + 1, values.size() * 2));
  return values[index];
}

std::uint64_t hash_entry(const raft::Entry& entry) {
  return mixed(hash_bytes(entry.payload.view()), static_cast<std::uint64_t>(entry.kind));
}

}  // namespace

std::string_view to_string(Check check) {
  switch (check) {
    case Check::kElectionSafety:
      return "election safety";
    case Check::kLogMatching:
      return "log matching";
    case Check::kLeaderCompleteness:
      return "leader completeness";
    case Check::kStateMachineSafety:
      return "state machine safety";
    case Check::kStateHash:
      return "state hash";
    case Check::kNeverBack:
      return "never back";
    case Check::kOrder:
      return "applied <= commit <= last";
    case Check::kDurableAck:
      return "durable acknowledgement";
    case Check::kDurableKept:
      return "durable kept";
    case Check::kOneEffect:
      return "one effect";
    case Check::kLinearizable:
      return "linearizability";
    case Check::kMonotonicReads:
      return "monotonic reads";
    case Check::kRecovers:
      return "recovery";
    case Check::kRefusesWiped:
      return "emptied disk refused";
    case Check::kLiveness:
      return "liveness";
    case Check::kConvergence:
      return "convergence";
    case Check::kFlatTerms:
      return "flat terms";
    case Check::kCode:
      return "check in the code";
  }
  return "?";
}

void TermLog::reset(raft::EntryId base) {
  base_ = base;
  terms_.clear();
}

void TermLog::truncate(Index from) {
  if (from <= base_.index) {
    terms_.clear();
    return;
  }
  const std::uint64_t keep = from.value() - base_.index.value() - 1;
  if (keep < terms_.size()) terms_.resize(static_cast<std::size_t>(keep));
}

raft::EntryId TermLog::last() const {
  return terms_.empty() ? base_ : raft::EntryId{terms_.back(), base_.index.plus(terms_.size())};
}

std::optional<Term> TermLog::term_at(Index index) const {
  if (index == base_.index) return base_.term;
  if (index < base_.index) return std::nullopt;
  const std::uint64_t offset = index.value() - base_.index.value() - 1;
  if (offset >= terms_.size()) return std::nullopt;
  return terms_[static_cast<std::size_t>(offset)];
}

Invariants::Invariants(std::size_t nodes) : nodes_(nodes + 1) {}

void Invariants::report(Check check, std::uint8_t node, std::string text) {
  if (!violation_) violation_ = Violation{check, at_, node, std::move(text)};
}

// What it had when it acknowledged counts: a leader may hear of it later.
void Invariants::emptied(std::uint8_t id) {
  TermLog lost = std::move(nodes_[id].synced);
  nodes_[id] = {};
  nodes_[id].lost = std::move(lost);
}

void Invariants::started(std::uint8_t id, const raft::Restored& restored) {
  Node& node = nodes_[id];
  TermLog found;
  found.reset(restored.log_base);
  for (const raft::Entry& entry : restored.entries) found.append(entry.term);
  const raft::HardState& now = restored.hard_state;
  const raft::HardState& then = node.synced_state;
  if (now.current_term < then.current_term ||
      (now.current_term == then.current_term && then.voted_for != kNoNode &&
       now.voted_for != then.voted_for)) {
    report(
        Check::kDurableKept, id,
        fmt::format("node {} had synced term {} and its vote for {}, and starts with term {} and "
                    "a vote for {}",
                    id, then.current_term.value(), then.voted_for.value(), now.current_term.value(),
                    now.voted_for.value()));
  }
  // An unsynced truncation may have survived the crash, and so may an unsynced reset.
  const Index newest = std::min(node.synced.last().index, node.untouched.prev());
  const auto term = node.synced.term_at(newest);
  const bool covered =
      !term || found.covers({*term, newest}) ||
      (restored.repair_floor && *restored.repair_floor >= raft::EntryId{*term, newest});
  if (!node.reset_unsynced && !covered) {
    report(Check::kDurableKept, id,
           fmt::format("node {} had synced entry {} of term {} and starts without it: its log ends "
                       "at {}",
                       id, newest.value(), term->value(), found.last().index.value()));
  }
  if (restored.repair_floor) node.lost = std::move(node.synced);
  node.made = found;
  node.synced = std::move(found);
  node.synced_state = restored.hard_state;
  node.untouched = Index(UINT64_MAX);
  node.reset_unsynced = false;
  node.applied = restored.applied;
  node.commit = {};
  newest_term_ = std::max(newest_term_, restored.hard_state.current_term);
}

void Invariants::take(TermLog& log, const raft::PersistBatch& batch) {
  if (batch.log_reset) log.reset(*batch.log_reset);
  if (batch.truncate_from) log.truncate(*batch.truncate_from);
  for (const raft::Entry& entry : batch.entries) log.append(entry.term);
}

void Invariants::batch_made(std::uint8_t id, const raft::PersistBatch& batch) {
  Node& node = nodes_[id];
  if (batch.log_reset) node.reset_unsynced = true;
  if (batch.truncate_from) node.untouched = std::min(node.untouched, *batch.truncate_from);
  if (batch.log_reset) node.made.reset(*batch.log_reset);
  if (batch.truncate_from) node.made.truncate(*batch.truncate_from);
  for (const raft::Entry& entry : batch.entries) {
    const raft::EntryId last = node.made.last();
    if (entry.index != last.index.next()) {
      report(Check::kLogMatching, id,
             fmt::format("node {} appends entry {} after entry {}", id, entry.index.value(),
                         last.index.value()));
    }
    entry_made(id, entry, last.term);
    node.made.append(entry.term);
  }
}

void Invariants::entry_made(std::uint8_t id, const raft::Entry& entry, Term prev_term) {
  std::vector<KnownEntry>& same_index = at_index(entries_, entry.index.value());
  const auto known = std::ranges::find(same_index, entry.term, &KnownEntry::term);
  const std::uint64_t hash = hash_entry(entry);
  if (known == same_index.end()) {
    same_index.push_back({entry.term, prev_term, hash});
    return;
  }
  if (known->hash != hash || known->prev_term != prev_term) {
    report(Check::kLogMatching, id,
           fmt::format("node {} holds another entry ({}, {}) than was made, or after another one",
                       id, entry.term.value(), entry.index.value()));
  }
}

void Invariants::batch_synced(std::uint8_t id, const raft::PersistBatch& batch) {
  Node& node = nodes_[id];
  take(node.synced, batch);
  if (batch.hard_state) node.synced_state = *batch.hard_state;
}

void Invariants::observe(std::uint8_t id, const raft::Core& core, const kv::StateMachine& state) {
  Node& node = nodes_[id];
  const Index commit = core.commit_index();
  const Index applied = state.applied();
  newest_term_ = std::max(newest_term_, core.term());
  if (commit < node.commit || applied < node.applied) {
    report(Check::kNeverBack, id,
           fmt::format("node {}: commit {} -> {}, applied {} -> {}", id, node.commit.value(),
                       commit.value(), node.applied.value(), applied.value()));
  }
  if (applied > commit || commit > core.last_index()) {
    report(Check::kOrder, id,
           fmt::format("node {}: applied {}, commit {}, last {}", id, applied.value(),
                       commit.value(), core.last_index().value()));
  }
  if (commit > node.commit) {
    node.commit = commit;
    if (commit > committed_.index) {
      if (const auto entry = core.entry(commit)) {
        committed_ = entry->id();
        committed_in_ = core.term();
      }
    }
  }
  if (applied <= node.applied) return;
  for (Index index = node.applied.next(); index <= applied; index = index.next()) {
    if (const auto entry = core.entry(index)) applied_one(id, *entry);
  }
  node.applied = applied;
  if (node.digest_wrong) return;
  const kv::Digests now = state.digests();
  Digested& known = at_index(digests_, applied.value());
  if (known.by == 0) {
    known = {id, now.history, now.state};
  } else if (known.history != now.history || known.state != now.state) {
    report(Check::kStateHash, id,
           fmt::format("at index {} node {} has another {} than node {}", applied.value(), id,
                       known.history != now.history ? "history" : "state", known.by));
  }
}

void Invariants::applied_one(std::uint8_t id, const raft::Entry& entry) {
  Applied& known = at_index(applied_, entry.index.value());
  const std::uint64_t hash = hash_entry(entry);
  if (known.by == 0) {
    known = {entry.term, hash, id};
  } else if (known.term != entry.term || known.hash != hash) {
    report(Check::kStateMachineSafety, id,
           fmt::format("node {} applied ({}, {}), node {} another entry of term {} there", id,
                       entry.term.value(), entry.index.value(), known.by, known.term.value()));
  }
}

void Invariants::sends(std::uint8_t id, const raft::Message& message) {
  std::uint8_t candidate = 0;
  Term term;
  if (const auto* request = std::get_if<raft::RequestVote>(&message.body)) {
    if (!request->pre_vote) candidate = id;
    term = message.term;
  } else if (const auto* reply = std::get_if<raft::VoteReply>(&message.body)) {
    if (reply->granted && !reply->pre_vote) {
      candidate = static_cast<std::uint8_t>(message.to.value());
    }
    term = reply->for_term;
  }
  if (candidate == 0) return;
  std::uint8_t& voted_for = at_index(at_index(votes_, id), term.value());
  if (voted_for != 0 && voted_for != candidate) {
    report(Check::kElectionSafety, id,
           fmt::format("node {} voted for {} and for {} in term {}", id, voted_for, candidate,
                       term.value()));
  }
  voted_for = candidate;
}

void Invariants::became_leader(std::uint8_t id, Term term, const raft::Core& core) {
  std::uint8_t& leader = at_index(leaders_, term.value());
  if (leader != 0 && leader != id) {
    report(Check::kElectionSafety, id,
           fmt::format("nodes {} and {} both lead term {}", leader, id, term.value()));
  }
  leader = id;
  ++elections_;
  last_elected_ = id;
  // Of a term before the one in which it was committed, a leader need not know.
  if (core.role() != raft::Role::kLeader || core.term() != term || committed_in_ >= term) return;
  const auto entry = core.entry(committed_.index);
  const bool compacted = !entry && core.last_index() >= committed_.index;
  if (!compacted && (!entry || entry->term != committed_.term)) {
    report(Check::kLeaderCompleteness, id,
           fmt::format("node {} leads term {} without the committed entry ({}, {})", id,
                       term.value(), committed_.term.value(), committed_.index.value()));
  }
}

void Invariants::acknowledged(std::uint8_t id, Index index, std::size_t quorum) {
  const Applied& known = at_index(applied_, index.value());
  if (known.by == 0) return;  // applied in this turn; the turn's end will come here again
  const auto holds = [&](const Node& node) {
    return node.synced.covers({known.term, index}) || node.lost.covers({known.term, index});
  };
  const auto count =
      static_cast<std::size_t>(std::count_if(nodes_.begin() + 1, nodes_.end(), holds));
  if (count < quorum) {
    report(Check::kDurableAck, id,
           fmt::format("the write at {} was acknowledged with {} of {} copies synced",
                       index.value(), count, quorum));
  }
}

}  // namespace kvcluster::sim
