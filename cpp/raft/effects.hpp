// What a consensus core asks its owner to do after one event.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "base/bytes.hpp"
#include "base/ids.hpp"
#include "base/time.hpp"
#include "raft/log_entry.hpp"
#include "raft/message.hpp"

namespace kvcluster::raft {

enum class Role : std::uint8_t { kFollower, kPreCandidate, kCandidate, kLeader };

// Written to the WAL as one unit, in the order of `sequence`: first the log reset, then the hard
// state, the truncation, and the entries. When it is durable: send `messages`, then step Persisted.
struct PersistBatch {
  std::uint64_t sequence = 0;  // 1, 2, 3, ... without gaps
  // The log was replaced by an installed snapshot: it starts anew after this entry, with the hard
  // state kept. It rides here so that its place among the writes is certain.
  std::optional<EntryId> log_reset;
  std::optional<HardState> hard_state;
  std::optional<Index> truncate_from;  // this index and all after it go
  std::vector<Entry> entries;
  // Votes and acknowledgements: they leave only when the batch is durable. When nothing had to be
  // written the batch is empty but for these and keeps its place in the order.
  std::vector<Message> messages;
};

// The outcome of one Propose.
struct Proposed {
  bool accepted = false;  // false: not the leader (or handing over); certainly not appended
  Term term;
  Index first;  // item k has index first + k
};

// The outcome of a ReadRequest. Confirmed: the state machine's state may be read as soon as the
// `committed` entries of these effects, and of all before, are applied.
struct ReadOutcome {
  std::uint64_t id = 0;
  bool confirmed = false;  // this node was the leader after the request arrived
};

// Trace lines: every step by which an election can be read in a log.
struct Trace {
  enum class Kind : std::uint8_t {
    kElectionTimeout,  // value: milliseconds since the leader was last heard
    kLeaderLost,       // peer: the leader whose connection closed
    kPreCandidate,
    kCandidate,
    kVoteGranted,        // peer: to whom
    kVoteRefused,        // peer: to whom; detail says why
    kVoteReceived,       // peer: from whom; value: votes so far
    kBecameLeader,       // value: last index
    kBecameFollower,     // peer: the leader, or none; detail says why
    kSteppedDown,        // detail says why
    kLogTruncated,       // value: first index removed
    kSnapshotSending,    // peer; value: index
    kSnapshotInstalled,  // value: index
    kFollowerCaughtUp,   // peer; value: match index
    kTransferStarted,    // peer: to whom
    kTransferAborted,    // peer: to whom
  };
  Kind kind{};
  Term term;
  NodeId peer;
  std::uint64_t value = 0;
  const char* detail = "";  // a literal
};

// "Read this part of your newest durable snapshot and answer with SnapshotChunk."
struct SnapshotRead {
  NodeId to;
  // Set once a transfer has begun: the same snapshot must be continued.
  std::optional<EntryId> last;
  std::uint64_t offset = 0;
};

// "Store this chunk; after the last one verify, install durably, replace the state machine's
// state and answer with SnapshotStored." The log is replaced when that answer arrives.
struct SnapshotStore {
  EntryId last;
  Configuration configuration;
  std::uint64_t offset = 0;
  Slice data;
  bool done = false;
};

struct Effects {
  std::optional<PersistBatch> persist;
  std::vector<Message> messages_now;
  // Newly committed, in order, each once; to be applied. Also durable on the own disk, so that no
  // checkpoint of the state machine can be ahead of the log.
  std::vector<Entry> committed;
  std::optional<Proposed> proposed;
  std::vector<ReadOutcome> reads;
  std::vector<SnapshotRead> snapshot_reads;
  std::optional<SnapshotStore> snapshot_store;
  // Entries up to and including this one were dropped from memory: the WAL may drop them too.
  std::optional<Index> log_compacted;
  bool role_changed = false;  // role, term or leader
  std::vector<Trace> trace;
  Instant next_deadline;  // step Tick at the latest now
};

}  // namespace kvcluster::raft
