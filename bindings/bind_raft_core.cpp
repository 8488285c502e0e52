// The consensus core itself: its configuration, what it starts from, step and status.
#include <pybind11/native_enum.h>

#include "bindings.hpp"
#include "casters.hpp"
#include "checked_core.hpp"
#include "raft/core.hpp"
#include "value_class.hpp"

namespace kvcluster::python {

using raft::Config;
using raft::CoreStatus;
using raft::PeerStatus;
using raft::Restored;
using raft::Role;

namespace {

void register_config(py::module_& module) {
  value_class(
      module, "Config", "The settings of one server. Times are microseconds, sizes bytes.",
      required("self_id", &Config::self, "Its id, 1 or more."),
      optional("election_timeout_min_us", &Config::election_timeout_min, "150 ms by default."),
      optional("election_timeout_max_us", &Config::election_timeout_max, "300 ms by default."),
      optional("heartbeat_interval_us", &Config::heartbeat_interval, "50 ms by default."),
      optional("commit_notice_delay_us", &Config::commit_notice_delay,
               "So long a new commit index may wait for entries to ride on; 1 ms by default."),
      optional("peer_lost_jitter_max_us", &Config::peer_lost_jitter_max,
               "Between the leader's closed connection and a pre-vote; 10 ms by default."),
      optional("disk_stall_timeout_us", &Config::disk_stall_timeout,
               "A leader whose disk is silent for so long steps down; 2 s by default."),
      optional("priority", &Config::priority, "A larger one is preferred as the leader."),
      optional("priority_transfer_delay_us", &Config::priority_transfer_delay,
               "So long must a follower of higher priority be healthy; 1 s by default."),
      optional("max_append_bytes", &Config::max_append_bytes, "Of one AppendEntries."),
      optional("max_inflight_bytes", &Config::max_inflight_bytes,
               "Per follower: sent and not yet acknowledged."),
      optional("max_inflight_messages", &Config::max_inflight_messages, "Likewise."),
      optional("max_uncommitted_bytes", &Config::max_uncommitted_bytes,
               "Beyond it a leader refuses proposals."),
      optional("max_committed_per_step", &Config::max_committed_per_step,
               "Entries handed out to apply in one step; more follow with the next, due at once."),
      optional("retained_log_bytes", &Config::retained_log_bytes,
               "Of entries below a checkpoint, kept for followers that lag or were away."),
      optional("pre_vote", &Config::pre_vote, "Turned off only to show what it prevents."),
      optional("check_quorum", &Config::check_quorum, "Turned off only to show what it prevents."));
  value_class(module, "Restored", "What the storage found at start.",
              required("configuration", &Restored::configuration, "The members at `applied`."),
              optional("hard_state", &Restored::hard_state, "Term, vote and commit index."),
              optional("log_base", &Restored::log_base, "The entry just before `entries`."),
              optional("entries", &Restored::entries, "Durable, contiguous."),
              optional("applied", &Restored::applied, "Where the state machine stands."),
              optional("repair_floor", &Restored::repair_floor,
                       "Entries up to here were acknowledged and then lost to damage."));
}

void register_status(py::module_& module) {
  py::native_enum<Role>(module, "Role", "enum.Enum", "What a server is at the moment.")
      .value("FOLLOWER", Role::kFollower)
      .value("PRE_CANDIDATE", Role::kPreCandidate)
      .value("CANDIDATE", Role::kCandidate)
      .value("LEADER", Role::kLeader)
      .finalize();
  record_class(
      module, "PeerStatus", "What a leader knows of one follower.",
      required("id", &PeerStatus::id, "Its id."),
      required("match_index", &PeerStatus::match_index, "Its log is known to agree up to here."),
      required("next_index", &PeerStatus::next_index, "What it is sent next."),
      required("recently_active", &PeerStatus::recently_active,
               "It answered within an election timeout."),
      required("installing_snapshot", &PeerStatus::installing_snapshot, "It is sent a snapshot."),
      required("inflight_bytes", &PeerStatus::inflight_bytes, "Sent and not yet acknowledged."));
  record_class(
      module, "CoreStatus", "What others may see of a core.",
      required("self_id", &CoreStatus::self, "Its id."),
      required("role", &CoreStatus::role, "What it is."),
      required("term", &CoreStatus::term, "The newest term that it saw."),
      required("voted_for", &CoreStatus::voted_for, "Who got its vote in this term; 0: nobody."),
      required("leader", &CoreStatus::leader, "Who leads; 0: not known."),
      required("transfer_to", &CoreStatus::transfer_to, "To whom it hands over; 0: to nobody."),
      required("commit_index", &CoreStatus::commit_index, "All up to here is committed."),
      required("applied", &CoreStatus::applied, "All up to here is applied."),
      required("first_index", &CoreStatus::first_index, "Of the log in memory."),
      required("last_log", &CoreStatus::last_log, "The last entry of the log."),
      required("durable_index", &CoreStatus::durable_index, "Up to here on the own disk."),
      required("ready", &CoreStatus::ready, "It leads, and its first entry is committed."),
      required("peers", &CoreStatus::peers, "A leader's followers."));
}

}  // namespace

void register_raft_core(py::module_& module) {
  register_config(module);
  register_status(module);
  py::class_<CheckedCore>(
      module, "Core",
      "The consensus core of one server: pure, one function, step(now, event) -> effects. Same "
      "events, same seed, same effects.\n\n"
      "Raises ValueError when the arguments contradict themselves.\n\n"
      "Source: D. Ongaro, \"Consensus: Bridging Theory and Practice\", 2014.")
      .def(py::init<const Config&, const Restored&, std::uint64_t, Instant>(), py::arg("config"),
           py::arg("restored"), py::arg("seed"), py::arg("now_us"))
      .def("step", &CheckedCore::step, py::arg("now_us"), py::arg("event"),
           "Takes one event at a time, in microseconds, that never goes back. Raises ValueError, "
           "and changes nothing, for an event that no correct owner and no correct peer can give.")
      .def(
          "status", [](const CheckedCore& self) { return self.core().status(); },
          "A picture of its state.")
      .def(
          "entry", [](const CheckedCore& self, Index index) { return self.core().entry(index); },
          py::arg("index"), "The entry at an index; None when compacted or past the end.")
      .def_property_readonly(
          "configuration", [](const CheckedCore& self) { return self.core().configuration(); },
          "The members in force.")
      .def_property_readonly(
          "next_deadline_us", [](const CheckedCore& self) { return self.core().next_deadline(); },
          "When Tick is due at the latest, in microseconds.");
}

}  // namespace kvcluster::python
