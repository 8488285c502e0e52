// The consensus core: one function, step(now, event) -> effects. Pure: no clock, no I/O, no thread;
// randomness from the seed. Same events, same seed, same effects.
//
// Source: D. Ongaro, "Consensus: Bridging Theory and Practice", 2014 (the Raft dissertation).
// Thread-safety: none; one owner.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "base/ids.hpp"
#include "base/time.hpp"
#include "raft/configuration.hpp"
#include "raft/effects.hpp"
#include "raft/event.hpp"
#include "raft/log_entry.hpp"

namespace kvcluster::raft {

struct Config {
  NodeId self;
  Duration election_timeout_min = std::chrono::milliseconds(150);
  Duration election_timeout_max = std::chrono::milliseconds(300);
  Duration heartbeat_interval = std::chrono::milliseconds(50);
  // Upper bound of the seeded jitter between the leader's closed connection and a pre-vote.
  Duration peer_lost_jitter_max = std::chrono::milliseconds(10);
  // A leader whose own disk has answered nothing for so long steps down: its heartbeats would keep
  // the others from electing one that can work. A voter to whom the leader committed nothing for so
  // long, of what it holds, goes looking for another.
  Duration disk_stall_timeout = std::chrono::milliseconds(2000);
  // How long a new commit index may wait for a message to ride on before a follower is told of it
  // by a message of its own. A busy leader needs none.
  Duration commit_notice_delay = std::chrono::milliseconds(1);
  // A larger one is preferred as the leader.
  std::uint32_t priority = 0;
  // How long a follower of higher priority must have been healthy before it is handed the lead.
  Duration priority_transfer_delay = std::chrono::milliseconds(1000);

  // Of one AppendEntries: payloads and a small overhead an entry. A larger entry travels alone.
  std::size_t max_append_bytes = 1U << 20U;
  std::size_t max_inflight_bytes = 8U << 20U;      // per follower, sent and not yet acknowledged
  std::size_t max_inflight_messages = 256;         // likewise
  std::size_t max_uncommitted_bytes = 64U << 20U;  // the leader refuses proposals beyond
  // Entries handed out to apply in one step; more follow with the next ones, which are due at once.
  std::size_t max_committed_per_step = 4096;
  // Entries below a checkpoint that are kept for followers that lag or were away.
  std::size_t retained_log_bytes = 32U << 20U;

  // Reads under a lease (6.4.1) where voters have this set too: without a round of messages, but
  // right only while no clock runs faster than another by more than lease_drift_percent. The price:
  // a lost leader is replaced only when its last promises are over, closed connection or not.
  // To take it away, or to shorten the election timeout, a node must rest for an election timeout
  // between its end and its start: it would not know what it promised.
  bool lease_reads = false;
  unsigned lease_drift_percent = 10;

  // A fault for every dangerous option; tests only turn these off to show what they prevent.
  bool pre_vote = true;
  bool check_quorum = true;
};

// What the storage found at start.
struct Restored {
  HardState hard_state;
  // The entry just before `entries`; the log in memory starts after it. (0, 0) for an empty log.
  EntryId log_base;
  std::vector<Entry> entries;   // durable, contiguous, from log_base.index + 1
  Index applied;                // the state machine's; >= log_base.index
  Configuration configuration;  // at `applied`; newer ones are found in `entries`
  // Set when acknowledged entries up to here were lost to damage: until the log reaches this id
  // again the node does not campaign and votes only for logs at least as new.
  std::optional<EntryId> repair_floor;
};

// What others may show of a core; never used to decide anything outside.
struct PeerStatus {
  NodeId id;
  Index match_index;
  Index next_index;
  bool recently_active = false;  // answered within an election timeout
  bool installing_snapshot = false;
  std::size_t inflight_bytes = 0;
};

struct CoreStatus {
  NodeId self;
  Role role = Role::kFollower;
  Term term;
  NodeId voted_for;
  NodeId leader;  // kNoNode: unknown
  NodeId transfer_to;
  Index commit_index;
  Index applied;
  Index first_index;  // of the log in memory
  EntryId last_log;
  Index durable_index;  // own disk
  // Leader: its no-op is committed, so reads and transfers may go on.
  bool ready = false;
  // A leader's: until then it serves reads under a lease. Instant::min(): it has none.
  Instant lease_until = Instant::min();
  std::vector<PeerStatus> peers;  // a leader's view; others: empty
};

class Core {
 public:
  // Errors: none; `restored` that contradicts itself breaks an invariant.
  Core(const Config& config, Restored restored, std::uint64_t seed, Instant now);
  ~Core();
  Core(Core&&) noexcept;
  Core& operator=(Core&&) noexcept;

  // Requires: `now` never goes back.
  [[nodiscard]] Effects step(Instant now, Event event);

  [[nodiscard]] CoreStatus status() const;
  [[nodiscard]] Role role() const;
  [[nodiscard]] Term term() const;
  [[nodiscard]] NodeId leader() const;
  [[nodiscard]] Index commit_index() const;
  [[nodiscard]] Index last_index() const;
  // True when this node leads and its first entry is committed.
  [[nodiscard]] bool ready() const;
  // When Tick is due at the latest.
  [[nodiscard]] Instant next_deadline() const;
  [[nodiscard]] const Configuration& configuration() const;
  // Empty when `index` is compacted or past the end.
  [[nodiscard]] std::optional<Entry> entry(Index index) const;

 private:
  struct Impl;  // core_impl.hpp
  std::unique_ptr<Impl> impl_;
};

}  // namespace kvcluster::raft
