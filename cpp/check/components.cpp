#include "check/components.hpp"

#include <numeric>
#include <unordered_map>

namespace kvcluster::check {
namespace {

// Disjoint sets of keys, with path halving.
class KeySets {
 public:
  std::size_t number(BytesView key) {
    const auto [found, is_new] = numbers_.try_emplace(key, parents_.size());
    if (is_new) parents_.push_back(found->second);
    return found->second;
  }
  std::size_t root(std::size_t at) {
    while (parents_[at] != at) at = parents_[at] = parents_[parents_[at]];
    return at;
  }
  void join(std::size_t a, std::size_t b) { parents_[root(a)] = root(b); }

 private:
  std::unordered_map<BytesView, std::size_t> numbers_;  // the keys live in the history
  std::vector<std::size_t> parents_;
};

bool says_something(const Operation& operation) {
  if (operation.actions.empty() || operation.outcome == Outcome::kFailed) return false;
  return operation.outcome == Outcome::kOk || !is_read(operation);
}

}  // namespace

std::vector<std::vector<std::size_t>> components(const History& history) {
  KeySets sets;
  for (const Operation& operation : history) {
    if (!says_something(operation)) continue;
    const std::size_t first = sets.number(operation.actions.front().key);
    for (const Action& action : operation.actions) sets.join(first, sets.number(action.key));
  }
  std::vector<std::vector<std::size_t>> groups;
  std::unordered_map<std::size_t, std::size_t> group_of_root;
  for (std::size_t at = 0; at < history.size(); ++at) {
    if (!says_something(history[at])) continue;
    const std::size_t root = sets.root(sets.number(history[at].actions.front().key));
    const auto [found, is_new] = group_of_root.try_emplace(root, groups.size());
    if (is_new) groups.emplace_back();
    groups[found->second].push_back(at);
  }
  return groups;
}

}  // namespace kvcluster::check
