#include "check/model.hpp"

#include <algorithm>
#include <charconv>
#include <tuple>
#include <unordered_set>

#include "check/describe.hpp"

namespace kvcluster::check {
namespace {

// Those of one instant stay as they were.
std::vector<const Operation*> by_invocation(const std::vector<const Operation*>& operations) {
  std::vector<std::pair<std::int64_t, std::size_t>> order;
  order.reserve(operations.size());
  for (const Operation* each : operations) order.emplace_back(each->invoked, order.size());
  std::ranges::sort(order);
  std::vector<const Operation*> sorted;
  sorted.reserve(order.size());
  for (const auto& [invoked, at] : order) sorted.push_back(operations[at]);
  return sorted;
}

}  // namespace

std::optional<std::int64_t> parse_number(BytesView text) {
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  if (std::to_string(number) != text) return std::nullopt;  // "01", "-0"
  return number;
}

Model::Model(const std::vector<const Operation*>& operations)
    : operations_(by_invocation(operations)) {
  cells_.emplace_back();
  cell_numbers_.emplace(Cell{}, 0);
  for (const Operation* operation : operations_) compile(*operation);
  merge_unseen_values();
  order_moments();
  states_ = ConsedArrays(slot_keys_.size());
}

std::optional<Bytes> Model::value(ValueNumber number) const {
  if (number == kAbsent) return std::nullopt;
  return texts_[number - 1];
}

std::string Model::shown(ValueNumber number) const {
  return number != kAbsent && number == unseen_ ? "another value" : quoted(value(number));
}

ValueNumber Model::intern(BytesView value) {
  if (const auto found = values_.find(value); found != values_.end()) return found->second;
  texts_.emplace_back(value);
  text_bytes_ += value.size() + kTextBytes;
  const auto number = static_cast<ValueNumber>(texts_.size());
  values_.emplace(texts_.back(), number);
  return number;
}

std::uint32_t Model::intern(const Cell& cell) {
  const auto [found, is_new] =
      cell_numbers_.try_emplace(cell, static_cast<std::uint32_t>(cells_.size()));
  if (is_new) cells_.push_back(cell);
  return found->second;
}

SlotNumber Model::slot_of(BytesView key) {
  const auto [found, is_new] = slots_.try_emplace(key, static_cast<SlotNumber>(slot_keys_.size()));
  if (is_new) slot_keys_.push_back(key);
  return found->second;
}

Step Model::compile(const Action& action) {
  const auto number = [this](const std::optional<Bytes>& value) {
    return value ? intern(*value) : kAbsent;
  };
  return {.kind = action.kind,
          .succeeded = action.succeeded,
          .is_told = action.result.has_value(),
          .same_entry = false,
          .slot = slot_of(action.key),
          .argument = number(action.argument),
          .expected = number(action.expected),
          .result = number(action.result),
          .delta = parse_number(action.argument.value_or(Bytes())),
          .revision = action.revision,
          .expected_revision = action.expected_revision};
}

void Model::compile(const Operation& operation) {
  const auto first = static_cast<std::uint32_t>(steps_.size());
  const bool is_known = operation.outcome == Outcome::kOk;
  for (const Action& action : operation.actions) {
    Step step = compile(action);
    for (std::size_t at = first; at < steps_.size(); ++at) {
      if (steps_[at].slot == step.slot && !is_read(steps_[at].kind)) step.same_entry = true;
    }
    if (!is_known && action.kind == ActionKind::kCompareRevision && operation.actions.size() > 1) {
      is_inexact_ = true;
    }
    steps_.push_back(step);
  }
  const bool is_passive =
      is_known && std::ranges::all_of(operation.actions, [](const Action& action) {
        return is_read(action.kind) || (action.kind != ActionKind::kPut && !action.succeeded);
      });
  ops_.push_back({.is_known = is_known,
                  .is_passive = is_passive,
                  .called = 0,
                  .returned = Op::kNever,
                  .first_step = first,
                  .step_count = static_cast<std::uint32_t>(steps_.size()) - first});
}

// Values that no answer and no condition names are all alike: as one value they make equal what
// would be many states, and many unknown writes that cannot be told apart. (Where something is
// computed from what is there, each value counts.)
void Model::merge_unseen_values() {
  std::vector<bool> is_computed(slot_keys_.size());
  std::unordered_set<std::uint64_t> named;
  const auto fact = [](const Step& step, ValueNumber value) {
    return (static_cast<std::uint64_t>(step.slot) << 32U) | value;
  };
  for (const Step& step : steps_) {
    if (step.kind == ActionKind::kAdd || step.kind == ActionKind::kAppend) {
      is_computed[step.slot] = true;
    }
    if (step.kind == ActionKind::kGet) named.insert(fact(step, step.result));
    if (step.kind == ActionKind::kCompareAndSet) named.insert(fact(step, step.expected));
  }
  texts_.emplace_back();
  unseen_ = static_cast<ValueNumber>(texts_.size());
  for (Step& step : steps_) {
    if (is_computed[step.slot] || step.argument == kAbsent) continue;
    if (!named.contains(fact(step, step.argument))) step.argument = unseen_;
  }
}

void Model::order_moments() {
  struct Moment {
    std::int64_t time;
    bool is_return;
    OpNumber op;
  };
  std::vector<Moment> moments;
  moments.reserve(ops_.size() * 2);
  for (OpNumber op = 0; op < ops_.size(); ++op) {
    const Operation& operation = *operations_[op];
    moments.push_back({operation.invoked, false, op});
    if (!ops_[op].is_known) continue;
    moments.push_back({std::max(operation.invoked, operation.returned), true, op});
  }
  std::ranges::sort(moments, {}, [](const Moment& each) {
    return std::tuple(each.time, each.is_return, each.op);
  });
  for (const Moment& moment : moments) {
    Op& op = ops_[moment.op];
    (moment.is_return ? op.returned : op.called) = moment_count_++;
  }
}

std::optional<State> Model::apply(State state, OpNumber number) {
  const bool is_known = ops_[number].is_known;
  for (const Step& step : steps(number)) {
    const std::uint32_t before = states_.get(state, step.slot);
    const Cell cell = cells_[before];
    const auto next = after(step, cell, is_known);
    if (!next) return std::nullopt;
    if (*next == cell) continue;
    state = states_.set(state, step.slot, intern(*next));
  }
  return state;
}

std::optional<Model::Cell> Model::written(const Step& step, const Cell& cell, ValueNumber value) {
  // Revisions of a key grow; two steps of one entry share theirs.
  const std::uint64_t floor =
      step.same_entry && cell.revision > 0 ? cell.revision - 1 : cell.revision;
  if (value == kAbsent) return Cell{.value = kAbsent, .is_exact = false, .revision = floor};
  if (step.revision == 0) return Cell{.value = value, .is_exact = false, .revision = floor};
  if (step.revision <= floor) return std::nullopt;
  return Cell{.value = value, .is_exact = true, .revision = step.revision};
}

std::optional<Model::Cell> Model::after(const Step& step, const Cell& cell, bool is_known) {
  const bool is_present = cell.value != kAbsent;
  switch (step.kind) {
    case ActionKind::kGet: {
      if (!is_known || !step.succeeded) return cell;
      if (cell.value != step.result) return std::nullopt;
      if (step.revision == 0 || !is_present) return cell;
      if (cell.is_exact ? step.revision != cell.revision : step.revision <= cell.revision) {
        return std::nullopt;
      }
      return Cell{.value = cell.value, .is_exact = true, .revision = step.revision};
    }
    case ActionKind::kPut:
      return written(step, cell, step.argument);
    case ActionKind::kPutIfPresent:
      if (is_known && step.succeeded != is_present) return std::nullopt;
      return is_present ? written(step, cell, step.argument) : cell;
    case ActionKind::kDelete:
      if (is_known && step.succeeded != is_present) return std::nullopt;
      return is_present ? written(step, cell, kAbsent) : cell;
    case ActionKind::kCompareAndSet: {
      const bool matches = cell.value == step.expected;
      if (is_known && step.succeeded != matches) return std::nullopt;
      return matches ? written(step, cell, step.argument) : cell;
    }
    case ActionKind::kCompareRevision:
      return after_compare(step, cell, is_known);
    case ActionKind::kAdd:
      return after_add(step, cell, is_known);
    case ActionKind::kAppend:
      return after_append(step, cell, is_known);
  }
  return std::nullopt;
}

std::optional<Model::Cell> Model::after_compare(const Step& step, const Cell& cell, bool is_known) {
  const bool is_present = cell.value != kAbsent;
  bool can_match = !is_present;
  bool can_differ = is_present;
  if (step.expected_revision != 0) {
    can_match = is_present && (cell.is_exact ? step.expected_revision == cell.revision
                                             : step.expected_revision > cell.revision);
    can_differ = !can_match || !cell.is_exact;
  }
  const bool effective = is_known ? step.succeeded : can_match;
  if (!effective) return can_differ ? std::optional(cell) : std::nullopt;
  if (!can_match) return std::nullopt;
  Cell seen = cell;
  if (step.expected_revision != 0) seen.revision = step.expected_revision;
  return written(step, seen, step.argument);
}

std::optional<Model::Cell> Model::after_add(const Step& step, const Cell& cell, bool is_known) {
  if (is_known && !step.succeeded) return cell;
  std::optional<std::int64_t> number = 0;
  if (cell.value != kAbsent) number = parse_number(texts_[cell.value - 1]);
  std::int64_t sum = 0;
  if (!number || !step.delta || __builtin_add_overflow(*number, *step.delta, &sum)) {
    return is_known ? std::nullopt : std::optional(cell);  // the store refuses it
  }
  const ValueNumber made = intern(std::to_string(sum));
  if (is_known && step.is_told && made != step.result) return std::nullopt;
  return written(step, cell, made);
}

std::optional<Model::Cell> Model::after_append(const Step& step, const Cell& cell, bool is_known) {
  if (is_known && !step.succeeded) return cell;
  Bytes text = value(cell.value).value_or(Bytes());
  text += value(step.argument).value_or(Bytes());
  if (is_known && step.is_told && value(step.result) != std::to_string(text.size())) {
    return std::nullopt;
  }
  return written(step, cell, intern(text));
}

}  // namespace kvcluster::check
