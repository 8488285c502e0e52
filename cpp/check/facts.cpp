#include "check/facts.hpp"

#include <algorithm>
#include <string>

namespace kvcluster::check {
namespace {

std::uint64_t key_of(SlotNumber slot, ValueNumber value) {
  return (static_cast<std::uint64_t>(slot) << 32U) | value;
}

void add_once(std::vector<FactNumber>& facts, FactNumber fact) {
  if (std::ranges::find(facts, fact) == facts.end()) facts.push_back(fact);
}

}  // namespace

std::optional<ValueNumber> needed_value(Model& model, const Step& step) {
  switch (step.kind) {
    case ActionKind::kGet:
      if (step.succeeded) return step.result;
      return std::nullopt;
    case ActionKind::kPutIfPresent:
    case ActionKind::kDelete:
      if (!step.succeeded) return kAbsent;
      return std::nullopt;
    case ActionKind::kCompareAndSet:
      if (step.succeeded) return step.expected;
      return std::nullopt;
    case ActionKind::kAdd: {
      if (!step.succeeded || !step.is_told || !step.delta) return std::nullopt;
      const auto sum = parse_number(*model.value(step.result));
      std::int64_t before = 0;
      if (!sum || __builtin_sub_overflow(*sum, *step.delta, &before)) return std::nullopt;
      if (before == 0) return std::nullopt;  // "0", or absent
      return model.intern(std::to_string(before));
    }
    case ActionKind::kPut:
    case ActionKind::kCompareRevision:
    case ActionKind::kAppend:
      return std::nullopt;
  }
  return std::nullopt;
}

std::optional<ValueNumber> made_value(const Step& step, bool is_known) {
  if (is_known && !step.succeeded) return std::nullopt;
  switch (step.kind) {
    case ActionKind::kPut:
    case ActionKind::kPutIfPresent:
    case ActionKind::kCompareAndSet:
    case ActionKind::kCompareRevision:
      return step.argument;
    case ActionKind::kDelete:
      return kAbsent;
    case ActionKind::kAdd:
      if (is_known && step.is_told) return step.result;
      return std::nullopt;
    case ActionKind::kGet:
    case ActionKind::kAppend:
      return std::nullopt;
  }
  return std::nullopt;
}

Facts::Facts(Model& model)
    : needs_(model.op_count()), makes_(model.op_count()), slots_(model.slot_count()) {
  for (OpNumber op = 0; op < model.op_count(); ++op) {
    const bool is_known = model.op(op).is_known;
    for (const Step& step : model.steps(op)) classify(step, is_known);
    if (is_known) add_needs(model, op);
    add_makes(model, op);
  }
}

std::optional<FactNumber> Facts::find(SlotNumber slot, ValueNumber value) const {
  const auto found = numbers_.find(key_of(slot, value));
  if (found == numbers_.end()) return std::nullopt;
  return found->second;
}

FactNumber Facts::number(SlotNumber slot, ValueNumber value) {
  const auto [found, is_new] =
      numbers_.try_emplace(key_of(slot, value), static_cast<FactNumber>(facts_.size()));
  if (is_new) facts_.push_back({.slot = slot, .value = value, .needers = {}, .makers = {}});
  return found->second;
}

void Facts::add_needs(Model& model, OpNumber op) {
  std::vector<SlotNumber> touched;  // only what is found before the operation's own writes counts
  for (const Step& step : model.steps(op)) {
    if (std::ranges::find(touched, step.slot) != touched.end()) continue;
    touched.push_back(step.slot);
    if (const auto value = needed_value(model, step)) {
      const FactNumber fact = number(step.slot, *value);
      facts_[fact].needers.push_back(op);
      needs_[op].push_back(fact);
    }
  }
}

void Facts::add_makes(const Model& model, OpNumber op) {
  const bool is_known = model.op(op).is_known;
  const auto steps = model.steps(op);
  for (std::size_t at = 0; at < steps.size(); ++at) {
    const auto value = made_value(steps[at], is_known);
    if (!value) continue;
    // Of a known outcome only the last write is ever seen by others.
    const bool is_overwritten =
        is_known && std::ranges::any_of(steps.subspan(at + 1), [&](const Step& later) {
          return later.slot == steps[at].slot && made_value(later, true).has_value();
        });
    if (!is_overwritten) add_once(makes_[op], number(steps[at].slot, *value));
  }
  for (const FactNumber fact : makes_[op]) facts_[fact].makers.push_back(op);
}

void Facts::classify(const Step& step, bool is_known) {
  Slot& slot = slots_[step.slot];
  const bool is_refused = is_known && !step.succeeded;
  switch (step.kind) {
    case ActionKind::kGet:
    case ActionKind::kPut:
      return;
    case ActionKind::kAdd:
      if (is_refused) return;
      slot.is_plain = false;
      slot.is_exact = false;  // a sum may come from "0" or from nothing
      slot.is_opaque = slot.is_opaque || !is_known || !step.is_told || !step.delta;
      return;
    case ActionKind::kAppend:
      if (is_refused) return;
      slot.is_plain = false;
      slot.is_opaque = true;
      slot.is_exact = false;
      return;
    case ActionKind::kCompareAndSet:
      slot.is_plain = false;
      if (!is_known || !step.succeeded) slot.is_exact = false;
      return;
    case ActionKind::kDelete:
      if (is_known) slot.is_plain = false;
      if (!is_refused) slot.is_exact = false;
      return;
    case ActionKind::kPutIfPresent:
      slot.is_plain = false;
      if (!is_refused) slot.is_exact = false;
      return;
    case ActionKind::kCompareRevision:
      slot.is_plain = false;
      slot.is_exact = false;
      return;
  }
}

}  // namespace kvcluster::check
