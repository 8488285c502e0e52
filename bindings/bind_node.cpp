// A node in this process (server/node.hpp) and what it says of itself.
#include <pybind11/native_enum.h>

#include "bindings.hpp"
#include "casters.hpp"
#include "owned_node.hpp"
#include "server/node_view.hpp"
#include "value_class.hpp"

namespace kvcluster::python {

using server::MemberStatus;
using server::NodeOptions;
using server::NodeStatus;
using server::Phase;
using server::StorageStatus;

namespace {

void register_parts(py::module_& module) {
  using replica::RootStatus;
  py::native_enum<Phase>(module, "Phase", "enum.Enum", "What a node is able to do.")
      .value("BOOTSTRAPPING", Phase::kBootstrapping)
      .value("SERVING", Phase::kServing)
      .value("REPAIRING", Phase::kRepairing)
      .value("STOPPING", Phase::kStopping)
      .value("FAILED", Phase::kFailed)
      .finalize();
  record_class(module, "MemberStatus", "A member of the cluster, as a node sees it.",
               required("id", &MemberStatus::id, "1 or more."),
               required("role", &MemberStatus::role, "Voter or learner."),
               required("peer_address", &MemberStatus::peer_address, "host:port, for peers."),
               required("client_address", &MemberStatus::client_address,
                        "host:port, for clients; empty: not yet heard."),
               required("priority", &MemberStatus::priority, "Its leader priority."),
               required("connected", &MemberStatus::connected, "Both ways."));
  record_class(module, "RootStatus", "What comparing the state hash with the others has shown.",
               required("verified", &RootStatus::verified,
                        "The newest index at which a majority compared equal."),
               required("comparisons", &RootStatus::comparisons, "How many were made."),
               required("mismatches", &RootStatus::mismatches, "How many differed."),
               required("diverged", &RootStatus::diverged,
                        "This node is in the minority: it must be repaired."));
}

void register_storage(py::module_& module) {
  record_class(
      module, "StorageStatus", "What a node's disk holds and did since the start.",
      required("wal_bytes", &StorageStatus::wal_bytes, "On disk."),
      required("logged_bytes", &StorageStatus::logged_bytes, "Appended to the log."),
      required("memtable_bytes", &StorageStatus::memtable_bytes, "Not yet in a checkpoint."),
      required("checkpoint_index", &StorageStatus::checkpoint_index, "Of the newest checkpoint."),
      required("checkpoints", &StorageStatus::checkpoints, "Made."),
      required("snapshots_sent", &StorageStatus::snapshots_sent, "To followers."),
      required("snapshots_installed", &StorageStatus::snapshots_installed, "From leaders."),
      required("syncs", &StorageStatus::syncs, "Of the log."),
      required("sync_time_us", &StorageStatus::sync_time, "All of them together, microseconds."),
      required("inline_batches", &StorageStatus::inline_batches, "Written by the reactor."),
      required("queued_batches", &StorageStatus::queued_batches, "Written by the log's thread."),
      required("free_disk_bytes", &StorageStatus::free_disk_bytes, "On its file system."),
      required("disk_full", &StorageStatus::disk_full, "Writes are refused."));
}

void register_status(py::module_& module) {
  register_parts(module);
  register_storage(module);
  record_class(
      module, "NodeStatus", "A consistent picture of a node, between two turns of its loop.",
      required("id", &NodeStatus::id, "Its id."),
      required("cluster_id", &NodeStatus::cluster_id, "16 bytes; zeroes: no cluster yet."),
      required("incarnation", &NodeStatus::incarnation, "16 bytes of its data directory."),
      required("phase", &NodeStatus::phase, "What it is able to do."),
      required("uptime_us", &NodeStatus::uptime, "Since its start, microseconds."),
      required("members", &NodeStatus::members, "In ascending order of id, itself included."),
      required("core", &NodeStatus::core, "Its consensus core."),
      required("digests", &NodeStatus::digests, "Of its state, at its applied index."),
      required("roots", &NodeStatus::roots, "What comparing them has shown."),
      required("cluster_time_ms", &NodeStatus::cluster_time,
               "The newest time inside the log, since the Unix epoch."),
      required("sessions", &NodeStatus::sessions, "How many clients' sessions it remembers."),
      required("pending_requests", &NodeStatus::pending_requests, "Waiting for their index."),
      required("storage", &NodeStatus::storage, "Its disk."));
}

}  // namespace

void register_node(py::module_& module) {
  register_status(module);
  using Unlocked = py::call_guard<py::gil_scoped_release>;
  py::class_<OwnedNode>(
      module, "Node",
      "A node that runs in this process, with three threads of its own. Every call lets other "
      "Python threads run. Raises RuntimeError in a fork, Unavailable when the node has ended.")
      .def(py::init<NodeOptions>(), py::arg("options"), Unlocked(),
           "Opens the data directory, recovers what it holds, listens and starts. Raises "
           "ValueError, StorageError, Corruption, or Unavailable for what another process holds.")
      .def(
          "stop", [](const OwnedNode& self) { self.node().stop(); }, Unlocked(),
          "Hands the leadership over (a second at most), answers what it can, and ends.")
      .def(
          "stop_now", [](const OwnedNode& self) { self.node().stop_now(); }, Unlocked(),
          "Ends at once. What was acknowledged is durable.")
      .def(
          "wait_for",
          [](const OwnedNode& self, std::int64_t timeout_ms) {
            return self.node().wait_for(std::chrono::milliseconds(timeout_ms));
          },
          py::arg("timeout_ms"), Unlocked(),
          "Waits until the node has ended; false when it had not after so many milliseconds.")
      .def(
          "transfer_leadership",
          [](const OwnedNode& self, NodeId to) { self.node().transfer_leadership(to); },
          py::arg("to"), Unlocked(),
          "Hands the leadership over; 0: to the best follower. Nothing when it does not lead.")
      .def("status", &OwnedNode::status, Unlocked(), "A consistent picture.")
      .def("why", &OwnedNode::why, Unlocked(),
           "Why there is no leader, or why a write waits, in plain words.")
      .def_property_readonly("failed", py::cpp_function(&OwnedNode::failed, Unlocked()),
                             "Why it ended by itself; None: it did not.")
      .def_property_readonly(
          "running",
          py::cpp_function([](const OwnedNode& self) { return self.node().running(); }, Unlocked()),
          "Whether it has not ended.")
      .def_property_readonly(
          "client_port", [](const OwnedNode& self) { return self.node().client_port(); },
          "Where clients connect.")
      .def_property_readonly(
          "peer_port", [](const OwnedNode& self) { return self.node().peer_port(); },
          "Where peers connect.")
      .def_property_readonly(
          "http_port", [](const OwnedNode& self) { return self.node().http_port(); },
          "For metrics and health; 0: none.");
}

}  // namespace kvcluster::python
