#include "check/plain_store.hpp"

#include <algorithm>
#include <string>

#include "check/history_builder.hpp"

namespace kvcluster::check {
namespace {

void perform(PlainStore& store, Action& action, std::uint64_t index) {
  const auto found = store.find(action.key);
  const bool is_there = found != store.end();
  const auto write = [&](const Bytes& bytes) { store[action.key] = {bytes, index}; };
  switch (action.kind) {
    case ActionKind::kGet:
      action.result.reset();
      if (is_there) action.result = found->second.bytes;
      return;
    case ActionKind::kPut:
      write(*action.argument);
      return;
    case ActionKind::kPutIfPresent:
      action.succeeded = is_there;
      if (is_there) write(*action.argument);
      return;
    case ActionKind::kDelete:
      action.succeeded = is_there;
      store.erase(action.key);
      return;
    case ActionKind::kCompareAndSet:
      action.succeeded =
          action.expected ? is_there && found->second.bytes == *action.expected : !is_there;
      if (action.succeeded) write(*action.argument);
      return;
    case ActionKind::kCompareRevision:
      action.succeeded = (is_there ? found->second.revision : 0) == action.expected_revision;
      action.revision = action.succeeded ? index : 0;
      if (action.succeeded) write(*action.argument);
      return;
    case ActionKind::kAdd: {
      const std::int64_t before = is_there ? std::stoll(found->second.bytes) : 0;
      action.result = std::to_string(before + std::stoll(*action.argument));
      write(*action.result);
      return;
    }
    case ActionKind::kAppend: {
      const Bytes text = (is_there ? found->second.bytes : "") + *action.argument;
      write(text);
      action.result = std::to_string(text.size());
      return;
    }
  }
}

bool explains(const History& history, std::vector<bool>& done, const PlainStore& store,
              std::uint64_t index) {
  bool all_known_done = true;
  std::int64_t first_return = Operation::kNever;
  for (std::size_t at = 0; at < history.size(); ++at) {
    if (done[at] || history[at].outcome != Outcome::kOk) continue;
    all_known_done = false;
    first_return = std::min(first_return, history[at].returned);
  }
  if (all_known_done) return true;
  for (std::size_t at = 0; at < history.size(); ++at) {
    const Operation& each = history[at];
    if (done[at] || each.outcome == Outcome::kFailed || each.invoked > first_return) continue;
    Operation told = each;
    PlainStore after = store;
    perform(after, told, index);
    if (each.outcome == Outcome::kOk && told.actions != each.actions) continue;
    done[at] = true;
    if (explains(history, done, after, index + 1)) return true;
    done[at] = false;
  }
  return false;
}

Action random_action(Random& random, const Mix& mix, std::uint64_t& fresh) {
  const Bytes key = "k" + std::to_string(random.below(mix.keys));
  const auto value = [&] {
    return std::to_string(mix.values == 0 ? ++fresh : random.below(mix.values));
  };
  const auto maybe = [&]() -> std::optional<Bytes> {
    if (random.chance(1, 3)) return std::nullopt;
    return value();
  };
  switch (random.below(mix.only_registers ? 4 : 9)) {
    case 0:
    case 1:
      return get(key, std::nullopt);
    case 2:
    case 3:
      return put(key, value());
    case 4:
      return remove(key, true);
    case 5:
    case 6:
      return cas(key, maybe(), value(), true);
    case 7:
      return {.kind = ActionKind::kPutIfPresent, .key = key, .argument = value()};
    default:
      return add(key, static_cast<std::int64_t>(1 + random.below(2)), 0);
  }
}

}  // namespace

void perform(PlainStore& store, Operation& operation, std::uint64_t index) {
  for (Action& action : operation.actions) perform(store, action, index);
}

bool some_order_explains(const History& history) {
  std::vector<bool> done(history.size());
  return explains(history, done, {}, 1);
}

History happened(Random& random, const Mix& mix) {
  struct Effect {
    std::int64_t time;
    std::size_t operation;
  };
  std::vector<std::int64_t> free_at(mix.clients, 0);
  std::vector<Effect> effects;
  History history;
  std::uint64_t fresh = 0;
  for (std::size_t at = 0; at < mix.operations; ++at) {
    const auto client =
        static_cast<std::size_t>(std::ranges::min_element(free_at) - free_at.begin());
    const auto pause = static_cast<std::int64_t>(random.below(4));
    const auto takes =
        static_cast<std::int64_t>(random.between(0, static_cast<std::uint64_t>(mix.longest)));
    const std::int64_t invoked = free_at[client] + pause;
    const std::int64_t returned = invoked + takes;
    free_at[client] = returned + 1;
    Operation operation = ok(client, invoked, returned, random_action(random, mix, fresh));
    while (mix.with_transactions && random.chance(1, 3)) {
      operation.actions.push_back(random_action(random, mix, fresh));
    }
    auto effect = static_cast<std::int64_t>(
        random.between(static_cast<std::uint64_t>(invoked), static_cast<std::uint64_t>(returned)));
    bool happens = true;
    if (random.chance(mix.unknown_per_mille, 1000)) {
      operation.outcome = Outcome::kUnknown;
      operation.returned = Operation::kNever;
      effect += static_cast<std::int64_t>(random.below(40));  // late, or never
      happens = random.chance(1, 2);
    }
    if (happens) effects.push_back({effect, at});
    history.push_back(std::move(operation));
  }
  std::ranges::sort(effects, {},
                    [](const Effect& each) { return std::pair(each.time, each.operation); });
  PlainStore store;
  std::uint64_t index = 0;
  for (const Effect& effect : effects) perform(store, history[effect.operation], ++index);
  return history;
}

History nearly_right(Random& random, History history) {
  Operation& operation = history[random.below(history.size())];
  Action& action = operation.actions[random.below(operation.actions.size())];
  switch (random.below(5)) {
    case 0:
      operation.returned = operation.invoked;
      break;
    case 1:
      operation.invoked = std::max<std::int64_t>(0, operation.invoked - 10);
      break;
    case 2:
      operation.outcome = Outcome::kFailed;
      break;
    default:
      if (action.kind == ActionKind::kGet) {
        action.result =
            random.chance(1, 4) ? std::nullopt : std::optional(std::to_string(random.below(4)));
      } else if (action.kind == ActionKind::kAdd) {
        action.result = std::to_string(random.below(5));
      } else if (action.kind != ActionKind::kPut) {
        action.succeeded = !action.succeeded;
      }
  }
  return history;
}

}  // namespace kvcluster::check
