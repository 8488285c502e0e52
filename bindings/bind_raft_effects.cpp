// What a consensus core asks its owner to do (raft/effects.hpp).
#include <pybind11/native_enum.h>

#include "bindings.hpp"
#include "casters.hpp"
#include "raft/effects.hpp"
#include "value_class.hpp"

namespace kvcluster::python {

using raft::Effects;
using raft::PersistBatch;
using raft::Proposed;
using raft::ReadOutcome;
using raft::SnapshotRead;
using raft::SnapshotStore;
using raft::Trace;

namespace {

void register_trace(py::module_& module) {
  using Kind = Trace::Kind;
  py::native_enum<Kind>(module, "TraceKind", "enum.Enum",
                        "The steps by which an election can be read.")
      .value("ELECTION_TIMEOUT", Kind::kElectionTimeout)
      .value("LEADER_LOST", Kind::kLeaderLost)
      .value("PRE_CANDIDATE", Kind::kPreCandidate)
      .value("CANDIDATE", Kind::kCandidate)
      .value("VOTE_GRANTED", Kind::kVoteGranted)
      .value("VOTE_REFUSED", Kind::kVoteRefused)
      .value("VOTE_RECEIVED", Kind::kVoteReceived)
      .value("BECAME_LEADER", Kind::kBecameLeader)
      .value("BECAME_FOLLOWER", Kind::kBecameFollower)
      .value("STEPPED_DOWN", Kind::kSteppedDown)
      .value("LOG_TRUNCATED", Kind::kLogTruncated)
      .value("SNAPSHOT_SENDING", Kind::kSnapshotSending)
      .value("SNAPSHOT_INSTALLED", Kind::kSnapshotInstalled)
      .value("FOLLOWER_CAUGHT_UP", Kind::kFollowerCaughtUp)
      .value("TRANSFER_STARTED", Kind::kTransferStarted)
      .value("TRANSFER_ABORTED", Kind::kTransferAborted)
      .finalize();
  record_class(module, "Trace", "One step of consensus, as a log line would tell it.",
               required("kind", &Trace::kind, "Which step."),
               required("term", &Trace::term, "In which term."),
               required("peer", &Trace::peer, "Which other server it concerns; 0: none."),
               required("value", &Trace::value,
                        "A number that goes with the kind: milliseconds, votes or an index."),
               required("detail", &Trace::detail, "Why, in plain words."));
}

void register_persist(py::module_& module) {
  value_class(
      module, "PersistBatch",
      "One unit for the write-ahead log: log reset, hard state, truncation, entries. When "
      "it is durable: send `messages`, then step Persisted.",
      optional("sequence", &PersistBatch::sequence, "1, 2, 3, ... without gaps."),
      optional("log_reset", &PersistBatch::log_reset,
               "A snapshot replaced the log: it starts anew after this entry."),
      optional("hard_state", &PersistBatch::hard_state, "Term, vote and commit index."),
      optional("truncate_from", &PersistBatch::truncate_from, "This index and all after it go."),
      optional("entries", &PersistBatch::entries, "To be appended."),
      optional("messages", &PersistBatch::messages,
               "Votes and acknowledgements that leave when the batch is durable."));
}

void register_outcomes(py::module_& module) {
  record_class(module, "Proposed", "The outcome of one Propose.",
               required("accepted", &Proposed::accepted, "False: certainly not appended."),
               required("term", &Proposed::term, "In which term the items were appended."),
               required("first", &Proposed::first, "The index of the first item."));
  record_class(module, "ReadOutcome", "The outcome of a ReadRequest.",
               required("id", &ReadOutcome::id, "ReadRequest.id."),
               required("confirmed", &ReadOutcome::confirmed,
                        "This server was the leader after the request arrived."));
  record_class(module, "SnapshotRead", "Asks for a part of the newest snapshot.",
               required("to", &SnapshotRead::to, "For which follower."),
               required("last", &SnapshotRead::last, "Which snapshot goes on; None: the newest."),
               required("offset", &SnapshotRead::offset, "From which byte on."));
  record_class(module, "SnapshotStore", "Asks to store a chunk of a snapshot.",
               required("last", &SnapshotStore::last, "The last entry that it covers."),
               required("configuration", &SnapshotStore::configuration, "The members then."),
               required("offset", &SnapshotStore::offset, "Of the chunk, in bytes."),
               required("data", &SnapshotStore::data, "The bytes of the chunk."),
               required("done", &SnapshotStore::done, "After this one: verify and install."));
}

}  // namespace

void register_raft_effects(py::module_& module) {
  register_trace(module);
  register_persist(module);
  register_outcomes(module);
  record_class(
      module, "Effects", "All that one event asks for.",
      required("persist", &Effects::persist, "To be written; None: nothing."),
      required("messages_now", &Effects::messages_now, "To be sent at once."),
      required("committed", &Effects::committed, "To be applied, in order, each once."),
      required("proposed", &Effects::proposed, "The outcome of Propose."),
      required("reads", &Effects::reads, "Outcomes of ReadRequests."),
      required("snapshot_reads", &Effects::snapshot_reads, "Parts of a snapshot to be read."),
      required("snapshot_store", &Effects::snapshot_store, "A chunk to be stored."),
      required("log_compacted", &Effects::log_compacted, "Entries up to here left the memory."),
      required("role_changed", &Effects::role_changed, "Role, term or leader changed."),
      required("trace", &Effects::trace, "What happened, step by step."),
      required("next_deadline_us", &Effects::next_deadline, "When Tick is due at the latest."));
}

}  // namespace kvcluster::python
