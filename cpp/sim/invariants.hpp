// What must hold after every step, over all nodes: the properties of the Raft dissertation's figure
// 3.2, and what this store promises beyond them. All checks are incremental: each looks at what has
// changed only.
//
// Thread-safety: none; one simulation.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/digest.hpp"
#include "base/ids.hpp"
#include "base/time.hpp"
#include "kv/state_machine.hpp"
#include "raft/core.hpp"
#include "raft/effects.hpp"

namespace kvcluster::sim {

enum class Check : std::uint8_t {
  kElectionSafety,      // at most one leader a term
  kLogMatching,         // equal ids, equal entries, equal predecessors
  kLeaderCompleteness,  // a new leader holds all that was committed before its term
  kStateMachineSafety,  // one (index, term, payload) was ever applied, on any node
  kStateHash,           // equal digests at an equal index
  kNeverBack,           // commit and applied index only grow while a node lives
  kOrder,               // applied <= commit <= last
  kDurableAck,          // an acknowledged write is on a quorum's synced storage
  kDurableKept,         // what was synced is there after a crash: log, term, vote
  kOneEffect,           // one effect per client and sequence
  kLinearizable,        // what the clients were told
  kMonotonicReads,      // a local read is not older than what its client has seen
  kRecovers,            // a node starts from whatever a crash left
  kRefusesWiped,        // a member with an emptied disk takes no part
  kLiveness,            // a healed quorum elects and commits within a bound
  kConvergence,         // and becomes equal
  kFlatTerms,           // and has no further elections
  kCode,                // a check inside the code failed
};
[[nodiscard]] std::string_view to_string(Check check);

struct Violation {
  Check check{};
  Duration at{};  // since the beginning
  std::uint8_t node = 0;
  std::string text;
};

// The terms of a log's entries; what a shadow of a log needs.
class TermLog {
 public:
  void reset(raft::EntryId base);
  // Requires: follows the last entry.
  void append(Term term) { terms_.push_back(term); }
  void truncate(Index from);
  [[nodiscard]] raft::EntryId base() const { return base_; }
  [[nodiscard]] raft::EntryId last() const;
  // nullopt: before the base or past the end.
  [[nodiscard]] std::optional<Term> term_at(Index index) const;
  // Entry for entry, or below the base.
  [[nodiscard]] bool covers(raft::EntryId id) const {
    return id.index <= base_.index || term_at(id.index) == id.term;
  }

 private:
  raft::EntryId base_;
  std::deque<Term> terms_;
};

class Invariants {
 public:
  explicit Invariants(std::size_t nodes);

  // The first violation counts; a run ends with it.
  void report(Check check, std::uint8_t node, std::string text);
  [[nodiscard]] const std::optional<Violation>& violation() const { return violation_; }
  void set_time(Duration since_beginning) { at_ = since_beginning; }

  // A process starts from this. With a repair floor it may lack what was synced, but must know it.
  void started(std::uint8_t node, const raft::Restored& restored);
  // Its disk was replaced by an empty one.
  void emptied(std::uint8_t node);
  // Its digest was changed in memory: nothing is held against it.
  void set_digest_wrong(std::uint8_t node, bool wrong) { nodes_[node].digest_wrong = wrong; }
  // In the order in which consensus makes them.
  void batch_made(std::uint8_t node, const raft::PersistBatch& batch);
  // In the same order, when durable.
  void batch_synced(std::uint8_t node, const raft::PersistBatch& batch);
  // After every turn of a node.
  void observe(std::uint8_t node, const raft::Core& core, const kv::StateMachine& state);
  void became_leader(std::uint8_t node, Term term, const raft::Core& core);
  // What leaves a node: a vote that it tells is a vote that it gave, for another or for itself.
  void sends(std::uint8_t node, const raft::Message& message);
  // A client was told that the write at `index` was applied.
  void acknowledged(std::uint8_t node, Index index, std::size_t quorum);

  // The end of the node's log as far as it was synced.
  [[nodiscard]] raft::EntryId synced(std::uint8_t node) const { return nodes_[node].synced.last(); }
  [[nodiscard]] Index committed() const { return committed_.index; }
  [[nodiscard]] Term newest_term() const { return newest_term_; }
  [[nodiscard]] std::uint64_t elections() const { return elections_; }
  [[nodiscard]] std::uint8_t last_elected() const { return last_elected_; }
  // A leader began to hand its lead over.
  void handing_over() { ++hand_overs_; }
  [[nodiscard]] std::uint64_t hand_overs() const { return hand_overs_; }

 private:
  struct KnownEntry {
    Term term;
    Term prev_term;
    std::uint64_t hash = 0;
  };
  struct Applied {
    Term term;
    std::uint64_t hash = 0;
    std::uint8_t by = 0;  // 0: nobody yet
  };
  struct Digested {
    std::uint8_t by = 0;
    Digest history;
    Digest state;
  };
  struct Node {
    TermLog made;
    TermLog synced;
    TermLog lost;  // was synced, until damage took it
    raft::HardState synced_state;
    Index untouched;  // entries below are in no unsynced truncation
    bool reset_unsynced = false;
    bool digest_wrong = false;
    Index commit;
    Index applied;
  };

  void entry_made(std::uint8_t node, const raft::Entry& entry, Term prev_term);
  void applied_one(std::uint8_t node, const raft::Entry& entry);
  static void take(TermLog& log, const raft::PersistBatch& batch);

  Duration at_{};
  std::optional<Violation> violation_;
  std::vector<Node> nodes_;                       // by id
  std::vector<std::uint8_t> leaders_;             // by term; 0: none seen
  std::vector<std::vector<std::uint8_t>> votes_;  // by node, then term; 0: none told
  std::vector<std::vector<KnownEntry>> entries_;  // by index
  std::vector<Applied> applied_;                  // by index
  std::vector<Digested> digests_;                 // by index
  raft::EntryId committed_;
  Term committed_in_;  // a term in which it was seen to be committed
  Term newest_term_;
  std::uint64_t elections_ = 0;
  std::uint8_t last_elected_ = 0;
  std::uint64_t hand_overs_ = 0;
};

}  // namespace kvcluster::sim
