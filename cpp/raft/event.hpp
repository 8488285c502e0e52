// What can happen to a consensus core.
#pragma once

#include <cstdint>
#include <variant>
#include <vector>

#include "base/bytes.hpp"
#include "base/ids.hpp"
#include "raft/message.hpp"

namespace kvcluster::raft {

// Time has passed; due at the latest at the last Effects::next_deadline.
struct Tick {};

struct Receive {
  Message message;
};

// A batch for the log, in order. Answered by Effects::proposed.
struct Propose {
  struct Item {
    EntryKind kind = EntryKind::kCommand;
    Slice payload;
  };
  std::vector<Item> items;
};

// The persist batch with this sequence number is durable, and with it all before.
// Sequence numbers, not (term, index), name a completion: the core remembers what each batch in
// flight held and takes back what a later truncation removed, so a late completion cannot vouch
// for an entry that was cut and appended again.
struct Persisted {
  std::uint64_t sequence = 0;
};

// Asks for the right to read at the current state; answered by Effects::reads (6.4).
struct ReadRequest {
  std::uint64_t id = 0;
};

// A connection to a peer is up; `priority` is the peer's leader priority.
struct PeerConnected {
  NodeId peer;
  std::uint32_t priority = 0;
  bool log_lost = false;  // the peer's log was cut by damage: what it acknowledged counts no more
};

// A peer closed its connection: its process has probably ended.
struct PeerLost {
  NodeId peer;
};

// The state machine has applied up to here (never goes back).
struct Applied {
  Index index;
};

// The log up to `index` is covered by a durable checkpoint: entries up to it may be dropped, but
// for the newest Config::retained_log_bytes of them.
// Requires: index <= applied.
struct Compact {
  Index index;
};

// Answers Effects::snapshot_reads: bytes of the newest durable snapshot for `to`.
struct SnapshotChunk {
  NodeId to;
  EntryId last;
  Configuration configuration;
  std::uint64_t offset = 0;
  Slice data;
  bool done = false;
};

// The snapshot for `to` could not be read; the core tries again later.
struct SnapshotUnavailable {
  NodeId to;
};

// Answers Effects::snapshot_store: the chunk is stored (`next_offset` bytes so far) or, after the
// last one, the whole is durable and installed, and the state machine stands at `last`; or it was
// refused (bad digest, disk) and must be sent again from the beginning.
struct SnapshotStored {
  EntryId last;
  std::uint64_t next_offset = 0;
  bool installed = false;
  bool refused = false;
};

// Hands the leadership to `to`, or to the best follower when kNoNode (3.10).
struct TransferLeadership {
  NodeId to;
};

using Event =
    std::variant<Tick, Receive, Propose, Persisted, ReadRequest, PeerConnected, PeerLost, Applied,
                 Compact, SnapshotChunk, SnapshotUnavailable, SnapshotStored, TransferLeadership>;

}  // namespace kvcluster::raft
