#include "replica/root_check.hpp"

#include <algorithm>

namespace kvcluster::replica {

std::optional<RootReport> RootCheck::open(const kv::Digests& own) {
  if (comparison_ && comparison_->own.index == own.index) return std::nullopt;
  comparison_ = Comparison{{own.index, own.history, own.state}, {}};
  return comparison_->own;
}

std::vector<Outgoing> RootCheck::answered(NodeId from, const RootReport& report,
                                          std::size_t quorum) {
  if (!comparison_ || report.index != comparison_->own.index) return {};
  const bool repeated = !comparison_->others.insert_or_assign(from, report).second;
  if (repeated) return {};
  ++status_.comparisons;
  if (report != comparison_->own) ++status_.mismatches;

  // The digests that a quorum shares, if any.
  std::vector<std::pair<NodeId, Root>> all(comparison_->others.begin(), comparison_->others.end());
  all.emplace_back(self_, comparison_->own);
  const auto agreed = std::ranges::find_if(all, [&](const auto& candidate) {
    return static_cast<std::size_t>(std::ranges::count(
               all, candidate.second, [](const auto& one) { return one.second; })) >= quorum;
  });
  if (agreed == all.end()) return {};
  const Root truth = agreed->second;
  status_.verified = std::max(status_.verified, truth.index);
  std::vector<Outgoing> verdicts;
  for (const auto& [id, root] : all) {
    if (root == truth) continue;
    const RootVerdict verdict{truth.index, truth.history, truth.state};
    if (id == self_) {
      status_.diverged = true;
    } else {
      verdicts.push_back({id, verdict});
    }
  }
  return verdicts;
}

std::optional<Outgoing> RootCheck::asked(NodeId leader, const RootReport& report,
                                         const kv::StateMachine& state) {
  question_ = Question{leader, report};
  return applied(state);
}

std::optional<Outgoing> RootCheck::answer(const kv::StateMachine& state) {
  const Question question = *question_;
  question_.reset();
  if (state.applied() != question.root.index) return std::nullopt;  // passed it: not comparable
  const kv::Digests own = state.digests();
  last_answer_ = RootReport{own.index, own.history, own.state};
  ++status_.comparisons;
  if (*last_answer_ == question.root) {
    status_.verified = std::max(status_.verified, own.index);
  } else {
    ++status_.mismatches;
  }
  return Outgoing{question.leader, *last_answer_};
}

void RootCheck::judged(const RootVerdict& verdict) {
  if (!last_answer_ || last_answer_->index != verdict.index) return;
  if (last_answer_->history != verdict.history || last_answer_->state != verdict.state) {
    status_.diverged = true;
  }
}

}  // namespace kvcluster::replica
