#include "check/history.hpp"

#include <algorithm>

namespace kvcluster::check {

bool is_read(const Operation& operation) {
  return std::ranges::all_of(operation.actions,
                             [](const Action& action) { return is_read(action.kind); });
}

std::string_view to_string(ActionKind kind) {
  switch (kind) {
    case ActionKind::kGet:
      return "get";
    case ActionKind::kPut:
      return "put";
    case ActionKind::kPutIfPresent:
      return "put if present";
    case ActionKind::kDelete:
      return "delete";
    case ActionKind::kCompareAndSet:
    case ActionKind::kCompareRevision:
      return "compare and set";
    case ActionKind::kAdd:
      return "add";
    case ActionKind::kAppend:
      return "append";
  }
  return "?";
}

}  // namespace kvcluster::check
