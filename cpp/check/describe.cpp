#include "check/describe.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <vector>

namespace kvcluster::check {
namespace {

constexpr std::size_t kShownBytes = 40;
constexpr std::size_t kShownRows = 40;
constexpr std::size_t kFirstRows = 4;

std::string call(const Action& action) {
  const std::string key = quoted(action.key);
  const std::string argument = quoted(action.argument);
  switch (action.kind) {
    case ActionKind::kGet:
      return "get " + key;
    case ActionKind::kPut:
      return fmt::format("put {} = {}", key, argument);
    case ActionKind::kPutIfPresent:
      return fmt::format("put {} = {} if present", key, argument);
    case ActionKind::kDelete:
      return "delete " + key;
    case ActionKind::kCompareAndSet:
      return fmt::format("put {} = {} if {}", key, argument, quoted(action.expected));
    case ActionKind::kCompareRevision:
      return fmt::format("put {} = {} if at revision {}", key, argument, action.expected_revision);
    case ActionKind::kAdd:
      return fmt::format("add {} to {}", action.argument.value_or("?"), key);
    case ActionKind::kAppend:
      return fmt::format("append {} to {}", argument, key);
  }
  return "?";
}

std::string result(const Action& action) {
  const std::string revision =
      action.revision == 0 ? "" : fmt::format(" (revision {})", action.revision);
  if (!action.succeeded) return "refused";
  if (action.kind == ActionKind::kGet) return quoted(action.result) + revision;
  return (action.result ? *action.result : "ok") + revision;
}

template <typename Describe>
std::string joined(const Operation& operation, Describe describe) {
  if (operation.actions.size() == 1) return describe(operation.actions.front());
  std::vector<std::string> parts;
  std::ranges::transform(operation.actions, std::back_inserter(parts), describe);
  return fmt::format("{{{}}}", fmt::join(parts, "; "));
}

}  // namespace

std::string quoted(const std::optional<Bytes>& value) {
  if (!value) return "absent";
  std::string text = "\"";
  for (const char each : value->substr(0, kShownBytes)) {
    if (each == '"' || each == '\\') text += '\\';
    if (each >= ' ' && each <= '~') {
      text += each;
    } else {
      text += fmt::format("\\x{:02x}", static_cast<unsigned char>(each));
    }
  }
  text += '"';
  if (value->size() > kShownBytes) text += fmt::format("... ({} bytes)", value->size());
  return text;
}

std::string describe_call(const Operation& operation) { return joined(operation, call); }

std::string describe_result(const Operation& operation) {
  if (operation.outcome == Outcome::kUnknown) return "unknown";
  std::string text = joined(operation, result);
  if (operation.index) text += fmt::format(" [index {}]", *operation.index);
  return text;
}

std::string describe_table(std::span<const Operation* const> operations) {
  constexpr std::size_t kColumns = 6;
  std::vector<std::array<std::string, kColumns>> rows;
  rows.push_back({"", "client", "from", "to", "call", "result"});
  // A long piece goes wrong at its end.
  const std::size_t left_out = operations.size() > kShownRows ? operations.size() - kShownRows : 0;
  for (std::size_t at = 0; at < operations.size(); ++at) {
    if (left_out > 0 && at == kFirstRows) {
      rows.push_back({"...", "", "", "", fmt::format("({} more)", left_out), ""});
      at += left_out;
    }
    const Operation& each = *operations[at];
    const bool is_open = each.outcome == Outcome::kUnknown || each.returned == Operation::kNever;
    rows.push_back({fmt::format("#{}", at + 1), std::to_string(each.process),
                    std::to_string(each.invoked), is_open ? "?" : std::to_string(each.returned),
                    describe_call(each), describe_result(each)});
  }
  std::array<std::size_t, kColumns> widths{};
  for (const auto& row : rows) {
    for (std::size_t at = 0; at < kColumns; ++at) widths[at] = std::max(widths[at], row[at].size());
  }
  std::string table;
  for (const auto& row : rows) {
    std::string line;
    for (std::size_t at = 0; at < kColumns; ++at) {
      const bool is_number = at >= 1 && at <= 3;
      line += is_number ? fmt::format("{:>{}}  ", row[at], widths[at])
                        : fmt::format("{:<{}}  ", row[at], widths[at]);
    }
    line.erase(line.find_last_not_of(' ') + 1);
    table += "  " + line + "\n";
  }
  return table;
}

}  // namespace kvcluster::check
