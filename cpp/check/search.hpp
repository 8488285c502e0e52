// Wing and Gong's search for a linearization with Lowe's memoization: no configuration (the set of
// operations that took effect, the state they left) is looked at twice.
//
// What keeps it small, none of which changes the answer:
// - an operation that changes nothing takes effect as soon as it can;
// - a value that is still to be read and that nobody can write again is not overwritten;
// - of equal operations of unknown outcome the one that was invoked first takes effect first;
// - the operation whose effect others wait for soonest is tried first.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "check/facts.hpp"
#include "check/interning.hpp"
#include "check/linearizability.hpp"
#include "check/model.hpp"

namespace kvcluster::check {

struct SearchResult {
  Finding finding = Finding::kUndecided;
  std::uint64_t explored = 0;
  // The longest order found, of small histories only.
  std::vector<OpNumber> furthest;
};

class Search {
 public:
  // Requires: `facts` are of `model`; both outlive the search.
  Search(Model& model, const Facts& facts);

  [[nodiscard]] SearchResult run(std::uint64_t max_explored, std::uint64_t max_memory_bytes);

 private:
  using Moment = std::uint32_t;
  using Set = ConsedArrays::Root;
  static constexpr std::uint32_t kNone = UINT32_MAX;
  static constexpr std::size_t kFurthestOps = 256;

  // An operation that took effect, and what was before it.
  struct Move {
    OpNumber op;
    State state;
    Set set;
  };
  struct Candidate {
    OpNumber op;
    State state;  // that it leaves
  };
  // A configuration with the operations that can come next.
  struct Node {
    std::size_t moves;
    std::size_t first;
    std::size_t next;
    bool all_gathered;
  };

  void link_known();
  void link_unknown();
  [[nodiscard]] std::uint32_t deadline(OpNumber op) const;
  [[nodiscard]] bool is_pointless(OpNumber op) const;

  void settle();
  [[nodiscard]] bool is_done() const { return next_[head_] == head_; }
  void open_node();
  void gather_likely(Node& node);
  void gather_rest(Node& node);
  void add_candidate(OpNumber op);
  // Goes on from the newest node that has a way left. False when there is none.
  [[nodiscard]] bool advance();
  void take(OpNumber op, State state);
  void undo();
  [[nodiscard]] bool destroys_needed(OpNumber op, State before, State after) const;
  [[nodiscard]] Moment first_return() const;
  [[nodiscard]] std::uint64_t memory_bytes() const;
  void note_furthest();

  Model& model_;
  const Facts& facts_;

  // Calls and returns of known operations that did not take effect yet, by moment: a ring.
  std::vector<Moment> next_;
  std::vector<Moment> prev_;
  Moment head_;
  std::vector<OpNumber> op_at_;  // by moment
  // Operations of unknown outcome that did not take effect: a ring by number.
  std::vector<OpNumber> next_unknown_;
  std::vector<OpNumber> prev_unknown_;
  OpNumber unknown_head_;
  std::vector<OpNumber> twin_;  // the equal one before it that must take effect first, or kNone
  std::vector<bool> taken_;
  std::vector<std::uint32_t> deadlines_;

  std::vector<std::uint32_t> needers_left_;  // by fact
  std::vector<std::uint32_t> makers_left_;

  State state_;
  ConsedArrays sets_;
  WordTable set_words_;  // 64 operations each
  Set set_;
  WordTable seen_;  // state << 32 | set
  std::vector<Move> moves_;
  std::vector<Node> nodes_;
  std::vector<Candidate> candidates_;  // of all nodes
  std::vector<Candidate> gathered_;
  std::uint64_t explored_ = 0;
  std::vector<OpNumber> furthest_;
};

}  // namespace kvcluster::check
