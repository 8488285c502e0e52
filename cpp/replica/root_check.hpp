// Compares the state hash of the replicas at equal indices.
//
// The leader names an index that it has applied; each follower answers with its digests at that
// same index, once it stands there. A majority of equal digests is the truth; a member that differs
// from it is told so. A comparison that could not be made is not a pass.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <vector>

#include "base/ids.hpp"
#include "kv/state_machine.hpp"
#include "replica/peer_message.hpp"
#include "replica/replica.hpp"

namespace kvcluster::replica {

class RootCheck {
 public:
  using Root = RootReport;  // digests at an index

  explicit RootCheck(NodeId self) : self_(self) {}

  // Leader: opens a comparison at the index where the state stands now, unless one for this index
  // was made already; the report goes to all followers.
  [[nodiscard]] std::optional<RootReport> open(const kv::Digests& own);
  // Leader: a follower's answer. `voters`: how many members count.
  [[nodiscard]] std::vector<Outgoing> answered(NodeId from, const RootReport& report,
                                               std::size_t quorum);
  // Leader no more.
  void close() { comparison_.reset(); }

  // Follower: the leader asks. Answered at once when the state stands at that index, later when it
  // gets there, never when it has passed it.
  [[nodiscard]] std::optional<Outgoing> asked(NodeId leader, const RootReport& report,
                                              const kv::StateMachine& state);
  // Follower: the state stands at `state.applied()` now. Call for every applied index.
  [[nodiscard]] std::optional<Outgoing> applied(const kv::StateMachine& state) {
    if (!question_ || state.applied() < question_->root.index) return std::nullopt;
    return answer(state);
  }
  // A verdict from the leader.
  void judged(const RootVerdict& verdict);

  [[nodiscard]] const RootStatus& status() const { return status_; }

 private:
  struct Comparison {
    Root own;
    std::map<NodeId, Root> others;
  };
  struct Question {
    NodeId leader;
    Root root;
  };
  [[nodiscard]] std::optional<Outgoing> answer(const kv::StateMachine& state);

  NodeId self_;
  std::optional<Comparison> comparison_;
  std::optional<Question> question_;
  std::optional<Root> last_answer_;  // what this node said last, to hold a verdict against
  RootStatus status_;
};

}  // namespace kvcluster::replica
