// Short words for histories in tests.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <utility>
#include <vector>

#include "check/history.hpp"

namespace kvcluster::check {

inline Action get(Bytes key, std::optional<Bytes> result) {
  return {.kind = ActionKind::kGet, .key = std::move(key), .result = std::move(result)};
}
inline Action put(Bytes key, Bytes value) {
  return {.kind = ActionKind::kPut, .key = std::move(key), .argument = std::move(value)};
}
inline Action remove(Bytes key, bool succeeded) {
  return {.kind = ActionKind::kDelete, .key = std::move(key), .succeeded = succeeded};
}
inline Action cas(Bytes key, std::optional<Bytes> expected, Bytes value, bool succeeded) {
  return {.kind = ActionKind::kCompareAndSet,
          .key = std::move(key),
          .argument = std::move(value),
          .expected = std::move(expected),
          .succeeded = succeeded};
}
inline Action cas_revision(Bytes key, std::uint64_t expected, Bytes value, std::uint64_t revision) {
  return {.kind = ActionKind::kCompareRevision,
          .key = std::move(key),
          .argument = std::move(value),
          .expected_revision = expected,
          .succeeded = revision != 0,
          .revision = revision};
}
inline Action add(Bytes key, std::int64_t delta, std::int64_t sum) {
  return {.kind = ActionKind::kAdd,
          .key = std::move(key),
          .argument = std::to_string(delta),
          .result = std::to_string(sum)};
}
inline Action append(Bytes key, Bytes text, std::size_t length) {
  return {.kind = ActionKind::kAppend,
          .key = std::move(key),
          .argument = std::move(text),
          .result = std::to_string(length)};
}
inline Action at_revision(Action action, std::uint64_t revision) {
  action.revision = revision;
  return action;
}

// A call of `process` that took from `invoked` to `returned`.
inline Operation ok(std::uint64_t process, std::int64_t invoked, std::int64_t returned,
                    std::vector<Action> actions) {
  return {.process = process,
          .invoked = invoked,
          .returned = returned,
          .outcome = Outcome::kOk,
          .actions = std::move(actions)};
}
inline Operation ok(std::uint64_t process, std::int64_t invoked, std::int64_t returned,
                    Action action) {
  return ok(process, invoked, returned, std::vector{std::move(action)});
}
inline Operation unknown(std::uint64_t process, std::int64_t invoked, Action action) {
  return {.process = process,
          .invoked = invoked,
          .outcome = Outcome::kUnknown,
          .actions = {std::move(action)}};
}
inline Operation failed(std::uint64_t process, std::int64_t invoked, Action action) {
  return {.process = process,
          .invoked = invoked,
          .outcome = Outcome::kFailed,
          .actions = {std::move(action)}};
}

}  // namespace kvcluster::check
