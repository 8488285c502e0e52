// The linearizability checker (check/). Histories come as plain tuples: a value of its own for each
// of 100,000 operations would cost more than the check.
#include <cstdint>
#include <optional>
#include <tuple>
#include <utility>
#include <vector>

#include "bindings.hpp"
#include "casters.hpp"
#include "check/linearizability.hpp"
#include "errors.hpp"

namespace kvcluster::python {
namespace {

using check::Action;
using check::ActionKind;
using check::History;
using check::Operation;
using check::Outcome;
using check::Verdict;

// kind, key, argument, expected, expected_revision, result, succeeded, revision
using RawAction =
    std::tuple<unsigned, py::bytes, std::optional<py::bytes>, std::optional<py::bytes>,
               std::uint64_t, std::optional<py::bytes>, bool, std::uint64_t>;
// process, invoked, returned, outcome, actions, index
using RawOperation = std::tuple<std::uint64_t, std::int64_t, std::optional<std::int64_t>, unsigned,
                                std::vector<RawAction>, std::optional<std::uint64_t>>;

template <typename Enum>
Enum enumerator(unsigned number, Enum last, const char* what) {
  if (number > static_cast<unsigned>(last)) {
    throw py::value_error("there is no " + std::string(what) + " " + std::to_string(number));
  }
  return static_cast<Enum>(number);
}

std::optional<Bytes> owned(const std::optional<py::bytes>& bytes) {
  if (!bytes) return std::nullopt;
  return Bytes(view(*bytes));
}

Action action_of(const RawAction& raw) {
  const auto& [kind, key, argument, expected, expected_revision, result, succeeded, revision] = raw;
  return {.kind = enumerator(kind, ActionKind::kAppend, "kind of action"),
          .key = Bytes(view(key)),
          .argument = owned(argument),
          .expected = owned(expected),
          .expected_revision = expected_revision,
          .result = owned(result),
          .succeeded = succeeded,
          .revision = revision};
}

History history_of(const std::vector<RawOperation>& operations) {
  History history;
  history.reserve(operations.size());
  for (const auto& [process, invoked, returned, outcome, actions, index] : operations) {
    Operation operation{.process = process,
                        .invoked = invoked,
                        .returned = returned.value_or(Operation::kNever),
                        .outcome = enumerator(outcome, Outcome::kFailed, "outcome"),
                        .actions = {},
                        .index = index};
    for (const RawAction& action : actions) operation.actions.push_back(action_of(action));
    history.push_back(std::move(operation));
  }
  return history;
}

}  // namespace

void register_check(py::module_& module) {
  py::class_<Verdict>(module, "Verdict", "What a checker found.")
      .def_property_readonly(
          "finding", [](const Verdict& self) { return check::to_string(self.finding); },
          "`linearizable`, `violation` or `undecided`.")
      .def_property_readonly(
          "explanation", [](const Verdict& self) { return readable(self.explanation); },
          "What cannot be, and a table of the operations that show it; empty when linearizable.")
      .def_property_readonly(
          "piece", [](const Verdict& self) { return py::tuple(py::cast(self.piece)); },
          "Positions in the history of operations that suffice for the violation.")
      .def_property_readonly(
          "explored", [](const Verdict& self) { return self.explored; }, "Steps of the search.");

  module.def(
      "check_linearizable",
      [](const std::vector<RawOperation>& operations, std::uint64_t max_explored,
         std::uint64_t max_memory_bytes) {
        const History history = history_of(operations);
        const py::gil_scoped_release unlocked;
        return check::check_linearizable(
            history, {.max_explored = max_explored, .max_memory_bytes = max_memory_bytes});
      },
      py::arg("operations"), py::kw_only(), py::arg("max_explored") = check::Limits{}.max_explored,
      py::arg("max_memory_bytes") = check::Limits{}.max_memory_bytes,
      "Searches for one order of all operations that explains every answer and keeps real time.");
  module.def(
      "check_by_index",
      [](const std::vector<RawOperation>& operations) {
        const History history = history_of(operations);
        const py::gil_scoped_release unlocked;
        return check::check_by_index(history);
      },
      py::arg("operations"),
      "Holds the log indexes and revisions that were told against real time and each other.");
}

}  // namespace kvcluster::python
