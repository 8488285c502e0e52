#include "check/search.hpp"

#include <algorithm>
#include <map>
#include <span>
#include <utility>

namespace kvcluster::check {

Search::Search(Model& model, const Facts& facts)
    : model_(model),
      facts_(facts),
      head_(model.moment_count()),
      unknown_head_(static_cast<OpNumber>(model.op_count())),
      taken_(model.op_count()),
      state_(model.initial()),
      sets_((model.op_count() + 63) / 64),
      set_(0) {
  set_ = sets_.filled(set_words_.intern(0).first);
  for (const Fact& fact : facts.all()) {
    needers_left_.push_back(static_cast<std::uint32_t>(fact.needers.size()));
    makers_left_.push_back(static_cast<std::uint32_t>(fact.makers.size()));
  }
  for (OpNumber op = 0; op < model.op_count(); ++op) deadlines_.push_back(deadline(op));
  link_known();
  link_unknown();
}

void Search::link_known() {
  op_at_.assign(head_, kNone);
  next_.assign(head_ + 1, head_);
  prev_.assign(head_ + 1, head_);
  for (OpNumber op = 0; op < model_.op_count(); ++op) {
    if (!model_.op(op).is_known) continue;
    op_at_[model_.op(op).called] = op;
    op_at_[model_.op(op).returned] = op;
  }
  for (Moment at = 0; at < head_; ++at) {
    if (op_at_[at] == kNone) continue;
    const Moment last = prev_[head_];
    next_[last] = at;
    prev_[at] = last;
    next_[at] = head_;
    prev_[head_] = at;
  }
}

void Search::link_unknown() {
  next_unknown_.assign(unknown_head_ + 1, unknown_head_);
  prev_unknown_.assign(unknown_head_ + 1, unknown_head_);
  twin_.assign(unknown_head_, kNone);
  std::map<std::vector<std::uint64_t>, OpNumber> newest;  // by what they do
  for (OpNumber op = 0; op < unknown_head_; ++op) {
    if (model_.op(op).is_known || is_pointless(op)) continue;
    std::vector<std::uint64_t> actions;
    for (const Step& step : model_.steps(op)) {
      actions.insert(actions.end(), {static_cast<std::uint64_t>(step.kind), step.slot,
                                     step.argument, step.expected, step.expected_revision});
    }
    const auto [twin, is_first] = newest.try_emplace(std::move(actions), op);
    if (!is_first) twin_[op] = std::exchange(twin->second, op);
    const OpNumber last = prev_unknown_[unknown_head_];
    next_unknown_[last] = op;
    prev_unknown_[op] = last;
    next_unknown_[op] = unknown_head_;
    prev_unknown_[unknown_head_] = op;
  }
}

// Nobody saw what it would have written, and nobody can tell that it did not write.
bool Search::is_pointless(OpNumber op) const {
  const auto steps = model_.steps(op);
  if (steps.size() != 1 || !facts_.is_plain(steps[0].slot)) return false;
  const auto made = made_value(steps[0], false);
  if (!made) return false;
  const auto fact = facts_.find(steps[0].slot, *made);
  return !fact || facts_.all()[*fact].needers.empty();
}

// The moment by which it must have taken effect, as far as is plain to see.
std::uint32_t Search::deadline(OpNumber op) const {
  std::uint32_t soonest = model_.op(op).returned;
  for (const FactNumber number : facts_.made_by(op)) {
    const Fact& fact = facts_.all()[number];
    if (fact.makers.size() != 1) continue;
    for (const OpNumber needer : fact.needers) {
      soonest = std::min(soonest, model_.op(needer).returned);
    }
  }
  return soonest;
}

SearchResult Search::run(std::uint64_t max_explored, std::uint64_t max_memory_bytes) {
  Finding finding = Finding::kUndecided;
  for (;;) {
    settle();
    note_furthest();
    if (is_done()) {
      finding = Finding::kLinearizable;
      break;
    }
    if (explored_ > max_explored || memory_bytes() > max_memory_bytes) break;
    const std::uint64_t configuration = (static_cast<std::uint64_t>(state_) << 32U) | set_;
    if (seen_.intern(configuration).second) open_node();
    if (!advance()) {
      finding = model_.is_inexact() ? Finding::kUndecided : Finding::kViolation;
      break;
    }
  }
  return {.finding = finding, .explored = explored_, .furthest = std::move(furthest_)};
}

// Lets everything take effect that never changes anything and is possible now: it could only become
// impossible later. (A put of the value that is there already is another matter: later it may
// change something.)
void Search::settle() {
  for (Moment at = next_[head_]; at != head_;) {
    const OpNumber op = op_at_[at];
    if (at != model_.op(op).called) break;  // a return: what was called later must wait
    const Moment after_call = next_[at];
    if (!model_.op(op).is_passive || model_.apply(state_, op) != state_) {
      at = after_call;
      continue;
    }
    ++explored_;
    take(op, state_);
    // Its return may have stood right behind its call.
    at = after_call == model_.op(op).returned ? next_[after_call] : after_call;
  }
}

Search::Moment Search::first_return() const {
  Moment at = next_[head_];
  while (at != head_ && at == model_.op(op_at_[at]).called) at = next_[at];
  return at;
}

void Search::open_node() {
  nodes_.push_back({.moves = moves_.size(),
                    .first = candidates_.size(),
                    .next = candidates_.size(),
                    .all_gathered = false});
  gather_likely(nodes_.back());
}

void Search::add_candidate(OpNumber op) {
  ++explored_;
  const auto state = model_.apply(state_, op);
  // Of an unknown outcome, to change nothing and never to take effect are the same.
  if (!state || (*state == state_ && !model_.op(op).is_known)) return;
  gathered_.push_back({.op = op, .state = *state});
}

void Search::gather_likely(Node& node) {
  gathered_.clear();
  const Moment end = first_return();
  for (Moment at = next_[head_]; at != end; at = next_[at]) add_candidate(op_at_[at]);
  for (OpNumber op = next_unknown_[unknown_head_]; op != unknown_head_; op = next_unknown_[op]) {
    if (model_.op(op).called > end) break;
    if (deadlines_[op] != Op::kNever && (twin_[op] == kNone || taken_[twin_[op]])) {
      add_candidate(op);
    }
  }
  std::ranges::sort(gathered_, {}, [this](const Candidate& each) {
    return std::pair(deadlines_[each.op], each.op);
  });
  candidates_.resize(node.first);
  candidates_.insert(candidates_.end(), gathered_.begin(), gathered_.end());
}

// Operations of unknown outcome that nobody is known to wait for.
void Search::gather_rest(Node& node) {
  gathered_.clear();
  const Moment end = first_return();
  for (OpNumber op = next_unknown_[unknown_head_]; op != unknown_head_; op = next_unknown_[op]) {
    if (model_.op(op).called > end) break;
    if (deadlines_[op] == Op::kNever && (twin_[op] == kNone || taken_[twin_[op]])) {
      add_candidate(op);
    }
  }
  candidates_.insert(candidates_.end(), gathered_.begin(), gathered_.end());
  node.all_gathered = true;
}

bool Search::advance() {
  while (!nodes_.empty()) {
    Node& node = nodes_.back();
    while (moves_.size() > node.moves) undo();
    if (node.next == candidates_.size() && !node.all_gathered) gather_rest(node);
    if (node.next == candidates_.size()) {
      candidates_.resize(node.first);
      nodes_.pop_back();
      continue;
    }
    const Candidate candidate = candidates_[node.next++];
    const State before = state_;
    take(candidate.op, candidate.state);
    if (!destroys_needed(candidate.op, before, state_)) return true;
  }
  return false;
}

void Search::take(OpNumber op, State state) {
  moves_.push_back({.op = op, .state = state_, .set = set_});
  state_ = state;
  const std::size_t word = op / 64;
  const std::uint64_t bits = set_words_[sets_.get(set_, word)] | (std::uint64_t{1} << (op % 64));
  set_ = sets_.set(set_, word, set_words_.intern(bits).first);
  taken_[op] = true;
  for (const FactNumber fact : facts_.needed_by(op)) --needers_left_[fact];
  for (const FactNumber fact : facts_.made_by(op)) --makers_left_[fact];
  if (model_.op(op).is_known) {
    for (const Moment at : {model_.op(op).called, model_.op(op).returned}) {
      next_[prev_[at]] = next_[at];
      prev_[next_[at]] = prev_[at];
    }
  } else {
    next_unknown_[prev_unknown_[op]] = next_unknown_[op];
    prev_unknown_[next_unknown_[op]] = prev_unknown_[op];
  }
}

void Search::undo() {
  const Move move = moves_.back();
  moves_.pop_back();
  state_ = move.state;
  set_ = move.set;
  taken_[move.op] = false;
  for (const FactNumber fact : facts_.needed_by(move.op)) ++needers_left_[fact];
  for (const FactNumber fact : facts_.made_by(move.op)) ++makers_left_[fact];
  if (model_.op(move.op).is_known) {
    for (const Moment at : {model_.op(move.op).returned, model_.op(move.op).called}) {
      next_[prev_[at]] = at;
      prev_[next_[at]] = at;
    }
  } else {
    next_unknown_[prev_unknown_[move.op]] = move.op;
    prev_unknown_[next_unknown_[move.op]] = move.op;
  }
}

// True when a value is gone that a known operation has yet to find and that nobody can write again.
bool Search::destroys_needed(OpNumber op, State before, State after) const {
  return std::ranges::any_of(model_.steps(op), [&](const Step& step) {
    if (facts_.is_opaque(step.slot)) return false;
    const ValueNumber old = model_.value_at(before, step.slot);
    if (old == model_.value_at(after, step.slot)) return false;
    const auto fact = facts_.find(step.slot, old);
    return fact && needers_left_[*fact] > 0 && makers_left_[*fact] == 0;
  });
}

std::uint64_t Search::memory_bytes() const {
  return model_.memory_bytes() + sets_.memory_bytes() + set_words_.memory_bytes() +
         seen_.memory_bytes() + moves_.capacity() * sizeof(Move) +
         nodes_.capacity() * sizeof(Node) + candidates_.capacity() * sizeof(Candidate);
}

void Search::note_furthest() {
  if (model_.op_count() > kFurthestOps || moves_.size() <= furthest_.size()) return;
  furthest_.clear();
  for (const Move& move : moves_) furthest_.push_back(move.op);
}

}  // namespace kvcluster::check
