// What a leader knows of one follower (dissertation, figure 3.1: nextIndex and matchIndex).
#pragma once

#include <algorithm>
#include <cstdint>
#include <deque>
#include <optional>

#include "base/ids.hpp"
#include "base/time.hpp"
#include "raft/log_entry.hpp"
#include "raft/message.hpp"

namespace kvcluster::raft {

// The part of a snapshot that is on its way to a follower; one chunk at a time.
struct SnapshotTransfer {
  std::optional<EntryId> last;           // known from the first chunk on
  std::uint64_t offset = 0;              // of the chunk that is read or sent now
  std::optional<InstallSnapshot> chunk;  // sent and not yet answered; empty: being read
  Instant since{};                       // of the last request or send
  bool unavailable = false;              // could not be read; tried again later
};

struct Progress {
  enum class State : std::uint8_t {
    kProbe,      // where the logs part is not known: one message at a time
    kReplicate,  // they agree: messages are sent before the earlier ones are answered
    kSnapshot,   // what it needs was compacted
  };

  NodeId id;
  // Invariant: match_index < next_index; match_index never goes down within a term.
  Index match_index;
  Index next_index;
  State state = State::kProbe;
  bool probe_sent = false;

  struct Sent {
    Index last;
    std::size_t bytes;
  };
  std::deque<Sent> inflight;  // not yet acknowledged, oldest first
  std::size_t inflight_bytes = 0;
  Instant inflight_since{};  // the last acknowledgement, or the first send after none

  Index commit_sent;                        // the newest commit index it was told
  std::uint64_t acked_round = 0;            // the newest read round it answered
  Instant promised_until = Instant::min();  // it elects nobody else, by this node's clock (6.4.1)
  Instant last_active{};
  bool active = true;                    // false: its connection is closed
  bool caught_up = false;                // told in the trace once
  std::optional<Instant> healthy_since;  // replicating and caught up, without a break
  SnapshotTransfer snapshot;

  void sent(Index last, std::size_t bytes, Instant now) {
    if (inflight.empty()) inflight_since = now;
    inflight.push_back({last, bytes});
    inflight_bytes += bytes;
    next_index = last.next();
  }

  void acknowledged(Index index, Instant now) {
    if (index > match_index) {
      match_index = index;
      inflight_since = now;
    }
    next_index = std::max(next_index, match_index.next());
    while (!inflight.empty() && inflight.front().last <= match_index) {
      inflight_bytes -= inflight.front().bytes;
      inflight.pop_front();
    }
  }

  void probe(Index next) {
    state = State::kProbe;
    probe_sent = false;
    next_index = std::max(next, match_index.next());
    inflight.clear();
    inflight_bytes = 0;
    caught_up = false;
    healthy_since.reset();
    snapshot = {};
  }

  void replicate() {
    state = State::kReplicate;
    next_index = match_index.next();
  }
};

}  // namespace kvcluster::raft
