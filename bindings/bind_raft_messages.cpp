// The messages of Raft as values (raft/message.hpp).
#include "bindings.hpp"
#include "casters.hpp"
#include "raft/message.hpp"
#include "value_class.hpp"

namespace kvcluster::python {

using raft::AppendEntries;
using raft::AppendReply;
using raft::InstallSnapshot;
using raft::Message;
using raft::RequestVote;
using raft::SnapshotReply;
using raft::TimeoutNow;
using raft::VoteReply;

namespace {

void register_election(py::module_& module) {
  value_class(module, "RequestVote", "Asks for a vote, or before that whether one would be given.",
              required("last_log", &RequestVote::last_log, "The candidate's last entry (3.6.1)."),
              optional("pre_vote", &RequestVote::pre_vote,
                       "Only \"would you?\": no term is taken, no vote is stored (9.6)."),
              optional("transfer", &RequestVote::transfer,
                       "The leader asked for this election: nobody's lease is in its way (3.10)."));
  value_class(module, "VoteReply", "The answer to RequestVote.",
              optional("pre_vote", &VoteReply::pre_vote, "Answers a pre-vote."),
              optional("granted", &VoteReply::granted, "The vote is given, and durable."),
              optional("for_term", &VoteReply::for_term, "The term that was asked for."));
  value_class<TimeoutNow>(module, "TimeoutNow",
                          "The leader asks its successor to start an election (3.10).");
}

void register_replication(py::module_& module) {
  value_class(module, "AppendEntries", "New entries from the leader; without any, its heartbeat.",
              optional("prev", &AppendEntries::prev, "The entry just before `entries`."),
              optional("commit_index", &AppendEntries::commit_index, "The leader's."),
              optional("read_round", &AppendEntries::read_round,
                       "The newest read round that the answer confirms (6.4)."),
              optional("entries", &AppendEntries::entries, "Contiguous, from prev.index + 1."));
  value_class(module, "AppendReply", "The answer to AppendEntries.",
              optional("success", &AppendReply::success, "The follower's log agreed at `prev`."),
              optional("index", &AppendReply::index,
                       "Success: durable and equal up to here. Otherwise the refused prev.index."),
              optional("hint", &AppendReply::hint,
                       "Refused: the entry from which the leader should go back (3.5)."),
              optional("read_round", &AppendReply::read_round, "Echoed."));
}

void register_snapshots(py::module_& module) {
  value_class(
      module, "InstallSnapshot", "One chunk of a snapshot (5.1).",
      required("last", &InstallSnapshot::last, "The last entry that it covers; its name."),
      required("configuration", &InstallSnapshot::configuration, "The members at that entry."),
      optional("offset", &InstallSnapshot::offset, "Of the chunk, in bytes."),
      optional("data", &InstallSnapshot::data, "The bytes of the chunk."),
      optional("done", &InstallSnapshot::done, "This is the last chunk."),
      optional("read_round", &InstallSnapshot::read_round, "As in AppendEntries."));
  value_class(
      module, "SnapshotReply", "The answer to InstallSnapshot.",
      required("last", &SnapshotReply::last, "Which snapshot."),
      optional("next_offset", &SnapshotReply::next_offset, "All bytes below are stored."),
      optional("installed", &SnapshotReply::installed, "Durable, and the log starts after it."),
      optional("read_round", &SnapshotReply::read_round, "Echoed."));
}

}  // namespace

void register_raft_messages(py::module_& module) {
  register_election(module);
  register_replication(module);
  register_snapshots(module);
  value_class(module, "Message", "What one server tells another.",
              required("from_", &Message::from, "The id of the sender."),
              required("to", &Message::to, "The id of the receiver."),
              required("term", &Message::term,
                       "The sender's term; of a pre-vote the term it would campaign in."),
              required("body", &Message::body, "What it says."));
}

}  // namespace kvcluster::python
