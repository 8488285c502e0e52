// What clients asked of the store and what they were told: the input of the linearizability
// checker.
//
// A history is a list of operations in any order. Their times come from one monotonic clock of the
// recorder's choice: a unit does not matter, and instants that are equal count as overlapping.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.hpp"

namespace kvcluster::check {

enum class ActionKind : std::uint8_t {
  kGet,              // reads `result`
  kPut,              // writes `argument`
  kPutIfPresent,     // writes `argument` if there is a value; `succeeded` tells
  kDelete,           // removes; `succeeded`: there was a value
  kCompareAndSet,    // writes `argument` if the value is `expected` (nullopt: absent)
  kCompareRevision,  // writes `argument` if the revision is `expected_revision` (0: absent)
  kAdd,              // adds the decimal `argument` (a missing value is 0); `result` is the sum
  kAppend,           // appends `argument` (a missing value is empty); `result` is its length
};

// One step on one key.
struct Action {
  ActionKind kind = ActionKind::kGet;
  Bytes key;
  std::optional<Bytes> argument = std::nullopt;
  std::optional<Bytes> expected = std::nullopt;
  std::uint64_t expected_revision = 0;

  // What the client was told; without meaning when the outcome is unknown.
  std::optional<Bytes> result = std::nullopt;  // kGet: the value, nullopt: absent. kAdd, kAppend:
                                               // decimal; nullopt: the client was not told it
  bool succeeded = true;  // of the kinds that can fail. kGet, kAdd, kAppend: false when refused for
                          // what the value is, which is not judged
  std::uint64_t revision = 0;  // of the value that was read or written; 0: not told

  friend bool operator==(const Action&, const Action&) = default;
};

enum class Outcome : std::uint8_t {
  kOk,       // took effect once, between `invoked` and `returned`
  kUnknown,  // took effect once at any time after `invoked`, or never
  kFailed,   // certainly had no effect: it is not looked at
};

// One call of one client: its actions took effect together, in this order, at one moment.
struct Operation {
  static constexpr std::int64_t kNever = std::numeric_limits<std::int64_t>::max();

  std::uint64_t process = 0;  // who called; only shown
  std::int64_t invoked = 0;
  std::int64_t returned = kNever;  // looked at only when the outcome is kOk
  Outcome outcome = Outcome::kOk;
  std::vector<Action> actions;
  std::optional<std::uint64_t> index =
      std::nullopt;  // of a write: its place in the log, if the client was told

  friend bool operator==(const Operation&, const Operation&) = default;
};

using History = std::vector<Operation>;

// True when the action can change nothing, whatever it finds.
[[nodiscard]] constexpr bool is_read(ActionKind kind) { return kind == ActionKind::kGet; }
[[nodiscard]] bool is_read(const Operation& operation);

// "put", "compare and set", ...
[[nodiscard]] std::string_view to_string(ActionKind kind);

}  // namespace kvcluster::check
