// The messages of Raft as values (dissertation, figure 3.1 and 3.3; pre-vote 9.6; leadership
// transfer 3.10; snapshots 5.1; read index 6.4).
#pragma once

#include <cstdint>
#include <variant>
#include <vector>

#include "base/bytes.hpp"
#include "base/ids.hpp"
#include "base/time.hpp"
#include "raft/configuration.hpp"
#include "raft/log_entry.hpp"

namespace kvcluster::raft {

struct RequestVote {
  EntryId last_log;
  bool pre_vote = false;  // asks only "would you?": no term is taken, no vote is stored (9.6)
  bool transfer = false;  // the leader asked for this election: no lease protects it (3.10)
  friend bool operator==(const RequestVote&, const RequestVote&) = default;
};

struct VoteReply {
  bool pre_vote = false;
  bool granted = false;
  // The term that was asked for; a pre-vote's is one above the sender's own.
  Term for_term;
  friend bool operator==(const VoteReply&, const VoteReply&) = default;
};

// Also the heartbeat, with no entries.
struct AppendEntries {
  EntryId prev;        // the entry just before `entries`
  Index commit_index;  // the leader's
  // The newest read round that this message confirms when answered (6.4).
  std::uint64_t read_round = 0;
  std::vector<Entry> entries;
  friend bool operator==(const AppendEntries&, const AppendEntries&) = default;
};

struct AppendReply {
  bool success = false;
  // success: durable and equal to the leader's log up to here: prev + count of the message that it
  // answers, never the log's tail. Rejected: the refused prev.index.
  Index index;
  // Rejected: the follower's entry id from which the leader should go back: the largest entry with
  // index <= prev.index and term <= prev.term (conflict back-off by term; 3.5).
  EntryId hint;
  std::uint64_t read_round = 0;  // echoed
  // Since it heard the message that it answers, the sender elects nobody else for so long (6.4.1).
  // Zero: it promises nothing.
  Duration promise{};
  friend bool operator==(const AppendReply&, const AppendReply&) = default;
};

// One chunk of a snapshot; the bytes are opaque here and checked by their maker.
struct InstallSnapshot {
  EntryId last;  // the snapshot's last included entry; also its name
  Configuration configuration;
  std::uint64_t offset = 0;
  Slice data;
  bool done = false;
  std::uint64_t read_round = 0;
  friend bool operator==(const InstallSnapshot&, const InstallSnapshot&) = default;
};

struct SnapshotReply {
  EntryId last;
  std::uint64_t next_offset = 0;  // all bytes below are received
  bool installed = false;         // durable, and the log starts after it
  bool refused = false;           // what was received is useless: a digest is wrong, a disk failed
  std::uint64_t read_round = 0;
  friend bool operator==(const SnapshotReply&, const SnapshotReply&) = default;
};

// "Start an election now" (3.10).
struct TimeoutNow {
  friend bool operator==(const TimeoutNow&, const TimeoutNow&) = default;
};

using Body = std::variant<RequestVote, VoteReply, AppendEntries, AppendReply, InstallSnapshot,
                          SnapshotReply, TimeoutNow>;

struct Message {
  NodeId from;
  NodeId to;
  Term term;  // the sender's current term; a pre-vote's is the term it would campaign in
  Body body;
  friend bool operator==(const Message&, const Message&) = default;
};

}  // namespace kvcluster::raft
