// What can happen to a consensus core (raft/event.hpp).
#include "bindings.hpp"
#include "casters.hpp"
#include "raft/event.hpp"
#include "value_class.hpp"

namespace kvcluster::python {

using raft::Applied;
using raft::Compact;
using raft::PeerConnected;
using raft::PeerLost;
using raft::Persisted;
using raft::Propose;
using raft::ReadRequest;
using raft::Receive;
using raft::SnapshotChunk;
using raft::SnapshotStored;
using raft::SnapshotUnavailable;
using raft::Tick;
using raft::TransferLeadership;

namespace {

void register_requests(py::module_& module) {
  value_class(module, "ProposeItem", "One entry that a leader shall append.",
              required("payload", &Propose::Item::payload, "Opaque bytes."),
              optional("kind", &Propose::Item::kind, "COMMAND by default."));
  value_class(module, "Propose", "A batch for the log, in order; answered by Effects.proposed.",
              required("items", &Propose::items, "The entries to come."));
  value_class(module, "ReadRequest",
              "Asks for the right to read at the current state; answered by Effects.reads (6.4).",
              required("id", &ReadRequest::id, "The caller's name for it."));
  value_class(module, "TransferLeadership", "Hands the leadership over (3.10).",
              optional("to", &TransferLeadership::to, "0: to the best follower."));
}

void register_disk(py::module_& module) {
  value_class(module, "Persisted",
              "The persist batch with this number is durable, and with it all before.",
              required("sequence", &Persisted::sequence, "PersistBatch.sequence."));
  value_class(module, "Applied", "The state machine has applied up to here.",
              required("index", &Applied::index, "At most what was committed."));
  value_class(module, "Compact", "A durable checkpoint covers the log up to here.",
              required("index", &Compact::index, "At most what is applied."));
}

void register_connections(py::module_& module) {
  value_class(module, "PeerConnected", "A connection to a peer is up.",
              required("peer", &PeerConnected::peer, "Its id."),
              optional("priority", &PeerConnected::priority, "Its leader priority."),
              optional("log_lost", &PeerConnected::log_lost,
                       "Its log was cut by damage: what it acknowledged counts no more."));
  value_class(module, "PeerLost", "A peer closed its connection: its process has probably ended.",
              required("peer", &PeerLost::peer, "Its id."));
}

void register_snapshots(py::module_& module) {
  value_class(
      module, "SnapshotChunk", "Answers Effects.snapshot_reads.",
      required("to", &SnapshotChunk::to, "For which follower."),
      required("last", &SnapshotChunk::last, "The last entry that the snapshot covers."),
      required("configuration", &SnapshotChunk::configuration, "The members at that entry."),
      optional("offset", &SnapshotChunk::offset, "Of the chunk, in bytes."),
      optional("data", &SnapshotChunk::data, "The bytes of the chunk."),
      optional("done", &SnapshotChunk::done, "This is the last chunk."));
  value_class(module, "SnapshotUnavailable", "The snapshot could not be read; tried again later.",
              required("to", &SnapshotUnavailable::to, "For which follower."));
  value_class(
      module, "SnapshotStored", "Answers Effects.snapshot_store.",
      required("last", &SnapshotStored::last, "Which snapshot."),
      optional("next_offset", &SnapshotStored::next_offset, "So many bytes are stored."),
      optional("installed", &SnapshotStored::installed,
               "The whole is durable and the state machine stands at `last`."),
      optional("refused", &SnapshotStored::refused, "It must be sent again from the beginning."));
}

}  // namespace

void register_raft_events(py::module_& module) {
  value_class<Tick>(module, "Tick",
                    "Time has passed; due at Effects.next_deadline_us at the latest.");
  value_class(module, "Receive", "A message arrived.",
              required("message", &Receive::message, "The message."));
  register_requests(module);
  register_disk(module);
  register_connections(module);
  register_snapshots(module);
}

}  // namespace kvcluster::python
