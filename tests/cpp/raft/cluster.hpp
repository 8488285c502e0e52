// A whole cluster of consensus cores in memory, in virtual time, for tests: messages are queued
// until they are delivered, writes are in flight until they are persisted, and what was not
// persisted is lost in a crash. After every step the properties of the Raft dissertation's
// figure 3.2 are checked over all nodes.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "raft/core.hpp"

namespace kvcluster::raft::testing {

using namespace std::chrono_literals;

inline NodeId node_id(unsigned n) { return NodeId(n); }

// "p", 7 -> "p7"
inline std::string numbered(std::string_view prefix, std::uint64_t number) {
  std::string text(prefix);
  text += std::to_string(number);
  return text;
}

// The state machine of the tests: the list of what was applied.
struct TestSnapshot {
  EntryId last;
  Configuration configuration;
  std::vector<Entry> applied;
};

// What survives a crash.
struct TestDisk {
  HardState hard_state;
  EntryId base;
  std::vector<Entry> entries;
  TestSnapshot checkpoint;

  void write(const PersistBatch& batch);
  [[nodiscard]] bool holds(EntryId id) const;
};

struct TestNode {
  Config config;
  std::optional<Core> core;  // empty: it is down
  TestDisk disk;
  std::deque<PersistBatch> in_flight;
  bool hold_writes = false;
  bool hold_snapshots = false;
  std::vector<Entry> applied;
  std::string incoming;  // chunks of a snapshot
  std::deque<SnapshotRead> snapshot_reads;
  std::deque<SnapshotStore> snapshot_stores;
  std::vector<Trace> trace;
};

class Cluster {
 public:
  struct Options {
    unsigned voters = 3;
    unsigned learners = 0;
    std::uint64_t seed = 1;
    std::function<void(Config&)> tune = {};
  };

  explicit Cluster(Options options);

  // --- time and delivery ---

  // Delivers messages, finishes writes and serves snapshots until nothing is left.
  void settle();
  // Lets time pass; every node ticks when it is due, everything is delivered at once.
  void advance(Duration duration);
  // Advances until some node leads and has committed an entry of its term; 0: none within `limit`.
  unsigned wait_for_leader(Duration limit = 5s);
  // Delivers the oldest message from one node to another. False: there is none.
  bool deliver_one(unsigned from, unsigned to);
  // Delivers the message at this place of the queue before those that were sent earlier.
  void overtake(std::size_t position);
  // Lets time pass without delivering anything; whoever is due ticks.
  void drift(Duration duration);
  // Forgets what is queued from one node to another.
  void drop(unsigned from, unsigned to);
  [[nodiscard]] std::size_t queued(unsigned from, unsigned to) const;

  // --- verbs ---

  Effects step(unsigned node, Event event);
  // An election timeout passes at this node alone; then everything is delivered.
  void elect(unsigned node);
  // The same, but its messages stay queued.
  void time_out(unsigned node);
  // Not delivered.
  Proposed propose(unsigned node, std::string_view payload);
  // Proposed and delivered. Requires: the node leads.
  Proposed write(unsigned node, std::string_view payload);
  // Asks for a read; its outcome is in `reads`, when known.
  std::uint64_t read(unsigned node);
  void cut(unsigned a, unsigned b);
  void cut_one_way(unsigned from, unsigned to);
  void heal(unsigned a, unsigned b);
  void isolate(unsigned node);
  void heal_all();
  // The node's connection to the peer ends, as it does when the peer's process dies.
  void lose(unsigned node, unsigned peer);
  void connect(unsigned node, unsigned peer, std::uint32_t priority = 0);
  void hold_writes(unsigned node) { at(node).hold_writes = true; }
  // Finishes the oldest write in flight. False: there is none.
  bool persist_one(unsigned node);
  void release_writes(unsigned node);
  void crash(unsigned node);
  void restart(unsigned node);
  // A durable checkpoint of what is applied, then compaction up to it.
  void checkpoint(unsigned node);

  // --- what is there ---

  [[nodiscard]] TestNode& at(unsigned node) { return nodes_.at(node - 1); }
  [[nodiscard]] Core& core(unsigned node) { return *at(node).core; }
  [[nodiscard]] bool up(unsigned node) const { return nodes_.at(node - 1).core.has_value(); }
  [[nodiscard]] unsigned size() const { return static_cast<unsigned>(nodes_.size()); }
  [[nodiscard]] Instant now() const { return now_; }
  [[nodiscard]] unsigned leader();  // of the newest term; 0: none
  // Payloads of applied commands, in order, joined by spaces.
  [[nodiscard]] std::string applied(unsigned node);
  // Terms of the log from index 1 (or its base) on, joined by spaces.
  [[nodiscard]] std::string log_terms(unsigned node);
  [[nodiscard]] const std::deque<Message>& network() const { return network_; }
  // Messages to be looked at or forged by a test.
  void send(Message message) { network_.push_back(std::move(message)); }
  std::map<std::uint64_t, bool> reads;  // id -> confirmed
  // A propose to the leader is committed and applied by all nodes that are up.
  [[nodiscard]] bool is_live();
  // Called with every trace line.
  std::function<void(unsigned node, const Trace&)> on_trace = {};

  // Puts the node down and gives it this log (its terms, from index 2 on), as in the paper's
  // figures.
  void set_log(unsigned node, Term current_term, const std::vector<std::uint64_t>& terms);

  [[nodiscard]] const Configuration& configuration() const { return configuration_; }

 private:
  struct Born {
    Entry entry;
    std::optional<EntryId> previous;  // empty: not seen yet
  };

  void start(unsigned node);
  void absorb(unsigned node, Effects& effects);
  void deliver(Message message);
  bool serve_snapshots(unsigned node);
  [[nodiscard]] bool cut_off(NodeId from, NodeId to) const;
  void check_appended(unsigned node, const PersistBatch& batch);
  void check_committed(const Entry& entry);
  void check_leader(unsigned node);
  void check_read(unsigned node, const ReadOutcome& outcome);

  Options options_;
  Configuration configuration_;
  std::vector<TestNode> nodes_;
  std::deque<Message> network_;
  std::set<std::pair<NodeId, NodeId>> cuts_;
  Instant now_{};
  std::uint64_t starts_ = 0;
  std::uint64_t next_read_ = 1;

  std::map<Term, NodeId> leaders_;           // Election Safety
  std::map<EntryId, Born> born_;             // Log Matching
  std::map<Index, EntryId> committed_;       // Leader Completeness, State Machine Safety
  std::map<std::uint64_t, Index> asked_at_;  // what was committed when a read was asked for
};

}  // namespace kvcluster::raft::testing
