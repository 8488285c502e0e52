// The simulator (sim/). A run goes on without the GIL; its timeline and history come as plain
// tuples, of which there may be many.
#include <chrono>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "bindings.hpp"
#include "casters.hpp"
#include "errors.hpp"
#include "sim/replay_line.hpp"
#include "sim/shrink.hpp"
#include "sim/simulation.hpp"

namespace kvcluster::python {
namespace {

using sim::SimulationOptions;
using sim::SimulationResult;

SimulationOptions options_of(std::uint64_t seed, std::uint64_t time_us,
                             const std::set<std::uint32_t>& dropped, bool timeline, bool history) {
  constexpr std::uint64_t kMostMicros = 24ULL * 3600 * 1'000'000;
  if (time_us == 0 || time_us > kMostMicros) {
    throw py::value_error("the time must be more than nothing and at most a day");
  }
  SimulationOptions options;
  options.seed = seed;
  options.time = std::chrono::microseconds(time_us);
  options.dropped = dropped;
  options.with_timeline = timeline;
  options.with_history = history;
  return options;
}

py::object bytes_or_none(const std::optional<Bytes>& value) {
  return value ? py::object(py::bytes(*value)) : py::object(py::none());
}

// As check's RawOperation.
py::tuple raw(const check::Operation& operation) {
  py::list actions;
  for (const check::Action& action : operation.actions) {
    actions.append(py::make_tuple(static_cast<unsigned>(action.kind), py::bytes(action.key),
                                  bytes_or_none(action.argument), bytes_or_none(action.expected),
                                  action.expected_revision, bytes_or_none(action.result),
                                  action.succeeded, action.revision));
  }
  const bool ended = operation.outcome == check::Outcome::kOk;
  return py::make_tuple(
      operation.process, operation.invoked,
      ended ? py::object(py::int_(operation.returned)) : py::object(py::none()),
      static_cast<unsigned>(operation.outcome), actions,
      operation.index ? py::object(py::int_(*operation.index)) : py::object(py::none()));
}

py::object violation_of(const SimulationResult& result) {
  if (!result.violation) return py::none();
  const sim::Violation& found = *result.violation;
  return py::make_tuple(to_string(found.check), found.at.count(), found.node, readable(found.text));
}

py::dict counters_of(const SimulationResult& result) {
  py::dict counters;
  counters["asked"] = result.clients.asked;
  counters["answered"] = result.clients.answered;
  counters["failed"] = result.clients.failed;
  counters["unknown"] = result.clients.unknown;
  counters["events"] = result.events;
  counters["frames"] = result.frames;
  counters["syncs"] = result.syncs;
  counters["terms"] = result.terms;
  counters["committed"] = result.committed;
  return counters;
}

py::dict faults_of(const SimulationResult& result) {
  py::dict faults;
  for (std::size_t kind = 0; kind < sim::kFaultKinds; ++kind) {
    faults[py::str(to_string(static_cast<sim::FaultKind>(kind)))] = result.faults[kind];
  }
  return faults;
}

py::dict paths_of(const SimulationResult& result) {
  py::dict paths;
  for (std::size_t i = 0; i < sim::kPaths; ++i) {
    paths[py::str(sim::kPathNames[i].name)] = result.coverage.count(static_cast<sim::Path>(i));
  }
  return paths;
}

}  // namespace

void register_sim(py::module_& module) {
  py::class_<SimulationResult>(module, "Result", "What came of a run.")
      .def_property_readonly("violation", &violation_of,
                             "None, or rule, microseconds, node (0: none) and a sentence.")
      .def_property_readonly(
          "trace_hash", [](const SimulationResult& self) { return self.trace_hash; },
          "Of all that happened, in its order: equal for equal runs.")
      .def_property_readonly(
          "simulated_us", [](const SimulationResult& self) { return self.simulated.count(); },
          "Simulated time in microseconds, the healing at the end included.")
      .def_property_readonly(
          "faults_drawn", [](const SimulationResult& self) { return self.faults_drawn; },
          "How many faults the seed gives; they are numbered from 0.")
      .def_property_readonly("counters", &counters_of, "Numbers by name.")
      .def_property_readonly("faults", &faults_of, "How many happened, by kind.")
      .def_property_readonly("paths", &paths_of, "How often each rare path was entered, by name.")
      .def_property_readonly(
          "profile", [](const SimulationResult& self) { return self.profile; },
          "The world that the seed gave, in words.")
      .def_property_readonly(
          "timeline",
          [](const SimulationResult& self) {
            py::list items;
            for (const sim::TimelineItem& item : self.timeline) {
              items.append(
                  py::make_tuple(item.at.count(), item.node, item.kind, readable(item.text)));
            }
            return items;
          },
          "Tuples of microseconds, node (0: none), kind and text.")
      .def_property_readonly(
          "history",
          [](const SimulationResult& self) {
            py::list operations;
            for (const check::Operation& operation : self.history)
              operations.append(raw(operation));
            return operations;
          },
          "What clients asked and were told, as the checker takes it; times in microseconds.");

  module.def(
      "simulate",
      [](std::uint64_t seed, std::uint64_t time_us, const std::set<std::uint32_t>& dropped,
         bool timeline, bool history) {
        const SimulationOptions options = options_of(seed, time_us, dropped, timeline, history);
        const py::gil_scoped_release unlocked;
        return sim::simulate(options);
      },
      py::arg("seed"), py::kw_only(), py::arg("time_us"), py::arg("dropped"), py::arg("timeline"),
      py::arg("history"), "Runs the cluster of a seed, without the faults of these numbers.");
  module.def(
      "shrink",
      [](std::uint64_t seed, std::uint64_t time_us, const std::set<std::uint32_t>& dropped,
         std::uint32_t max_runs) {
        const SimulationOptions options = options_of(seed, time_us, dropped, false, false);
        const py::gil_scoped_release unlocked;
        if (!sim::simulate(options).violation) throw py::value_error("the run has no violation");
        return sim::replay_line(sim::shrink(options, max_runs).options);
      },
      py::arg("seed"), py::kw_only(), py::arg("time_us"), py::arg("dropped"), py::arg("max_runs"),
      "The replay line of a smaller run with the same violation.");
  module.def(
      "parse_replay_line",
      [](const std::string& line) {
        const auto options = sim::parse_replay_line(line);
        if (!options) throw py::value_error(options.error().context);
        return std::make_tuple(options->seed, options->time.count(), options->dropped);
      },
      py::arg("line"), "Seed, time in microseconds, and the numbers of the faults left out.");
}

}  // namespace kvcluster::python
