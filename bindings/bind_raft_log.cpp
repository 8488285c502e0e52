// What consensus orders and who takes part: entries, hard state, configurations.
#include <pybind11/native_enum.h>

#include "bindings.hpp"
#include "casters.hpp"
#include "errors.hpp"
#include "raft/configuration.hpp"
#include "raft/log_entry.hpp"
#include "value_class.hpp"

namespace kvcluster::python {

using raft::Configuration;
using raft::decode_configuration;
using raft::Entry;
using raft::EntryId;
using raft::EntryKind;
using raft::HardState;
using raft::kMaxMembers;
using raft::Member;
using raft::MemberRole;

namespace {

void register_configuration(py::module_& module) {
  py::native_enum<MemberRole>(module, "MemberRole", "enum.Enum",
                              "Whether a member votes, or only receives the log (4.2.1).")
      .value("VOTER", MemberRole::kVoter)
      .value("LEARNER", MemberRole::kLearner)
      .finalize();
  value_class(module, "Member", "One member of a cluster.",
              required("id", &Member::id, "1 or more."),
              optional("role", &Member::role, "Voter or learner."),
              optional("incarnation", &Member::incarnation,
                       "16 random bytes of the member's data directory; zeroes: not yet known."),
              optional("address", &Member::address, "host:port where peers reach it."));
  value_class(module, "Configuration",
              "Who belongs to a cluster, as it travels in the log (dissertation, chapter 4).",
              required("members", &Configuration::members, "In ascending order of id, at most 31."))
      .def_property_readonly("quorum", &Configuration::quorum,
                             "How many voters decide: more than half of them.")
      .def_property_readonly("voter_count", &Configuration::voter_count, "How many members vote.")
      .def(
          "encode",
          [](const Configuration& self) {
            if (self.members.size() > kMaxMembers) throw py::value_error("too many members");
            Bytes out;
            encode(self, out);
            return py::bytes(out);
          },
          "The payload of a configuration entry.")
      .def_static(
          "decode",
          [](const py::bytes& payload) {
            return value_or_throw(decode_configuration(view(payload)));
          },
          py::arg("payload"), "Reads what encode() made. Raises Corruption when it is malformed.");
}

}  // namespace

void register_raft_log(py::module_& module) {
  py::native_enum<EntryKind>(module, "EntryKind", "enum.Enum", "What an entry of the log is.")
      .value("NOOP", EntryKind::kNoop)
      .value("COMMAND", EntryKind::kCommand)
      .value("CONFIGURATION", EntryKind::kConfiguration)
      .value("GENESIS", EntryKind::kGenesis)
      .finalize();
  value_class(module, "EntryId", "Names one entry for all time (Log Matching; dissertation, 3.5).",
              required("term", &EntryId::term, "The term of the leader that made the entry."),
              required("index", &EntryId::index, "Its place in the log; the first is 1."))
      .def("__lt__", [](const EntryId& self, const EntryId& other) { return self < other; })
      .def("__le__", [](const EntryId& self, const EntryId& other) { return self <= other; })
      .def("__gt__", [](const EntryId& self, const EntryId& other) { return self > other; })
      .def("__ge__", [](const EntryId& self, const EntryId& other) { return self >= other; });
  value_class(module, "Entry", "One entry of the log.",
              required("term", &Entry::term, "The term of the leader that made it."),
              required("index", &Entry::index, "Its place in the log; the first is 1."),
              optional("kind", &Entry::kind, "What it is; NOOP by default."),
              optional("payload", &Entry::payload, "Opaque bytes for the state machine."))
      .def_property_readonly("id", &Entry::id, "Its term and index.");
  value_class(module, "HardState",
              "What a server must not forget beside its log (dissertation, figure 3.1).",
              optional("current_term", &HardState::current_term, "The newest term seen."),
              optional("voted_for", &HardState::voted_for, "Who got its vote in it; 0: nobody."),
              optional("commit_index", &HardState::commit_index,
                       "A hint that saves work after a restart; it may lag."));
  register_configuration(module);
}

}  // namespace kvcluster::python
