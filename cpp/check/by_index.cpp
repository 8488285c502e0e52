// The second opinion: the log's own order against real time and against the revisions that were
// told.
#include <fmt/format.h>

#include <algorithm>
#include <compare>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include "check/describe.hpp"
#include "check/linearizability.hpp"

namespace kvcluster::check {
namespace {

struct Write {
  std::uint64_t index;
  std::size_t position;
  friend auto operator<=>(const Write&, const Write&) = default;
};

struct KeyWrites {
  std::vector<Write> writes;        // by index
  std::vector<Write> soonest_from;  // of this one and the later ones, the first that returned
};

// The place in the log that the client was told of, either way.
std::optional<std::uint64_t> index_of(const Operation& operation) {
  if (operation.outcome != Outcome::kOk || is_read(operation)) return std::nullopt;
  if (operation.index) return operation.index;
  for (const Action& action : operation.actions) {
    if (!is_read(action.kind) && action.succeeded && action.revision != 0) return action.revision;
  }
  return std::nullopt;
}

bool precedes(const Operation& a, const Operation& b) { return a.returned < b.invoked; }

class Replay {
 public:
  explicit Replay(const History& history) : history_(history) {
    for (std::size_t at = 0; at < history.size(); ++at) {
      if (const auto index = index_of(history[at])) writes_.push_back({*index, at});
    }
    std::ranges::sort(writes_);
    for (const Write& write : writes_) {
      for (const Action& action : history[write.position].actions) {
        if (is_read(action.kind) || !action.succeeded) continue;
        auto& of_key = writes_of_key_[action.key].writes;
        if (of_key.empty() || of_key.back().index != write.index) of_key.push_back(write);
      }
    }
    for (auto& [key, of_key] : writes_of_key_) {
      of_key.soonest_from = of_key.writes;
      for (std::size_t at = of_key.writes.size() - 1; at-- > 0;) {
        of_key.soonest_from[at] = *sooner(&of_key.soonest_from[at + 1], of_key.writes[at]);
      }
    }
  }

  Verdict run() {
    if (auto found = two_at_one_index()) return *std::move(found);
    if (auto found = against_real_time(writes_)) return *std::move(found);
    for (std::size_t at = 0; at < history_.size(); ++at) {
      const Operation& operation = history_[at];
      if (operation.outcome != Outcome::kOk || !is_read(operation)) continue;
      for (const Action& action : operation.actions) {
        if (action.revision == 0 || !action.result) continue;
        if (auto found = wrong_read(at, action)) return *std::move(found);
        reads_[action.key].push_back({action.revision, at});
      }
    }
    for (auto& [key, reads] : reads_) {
      std::ranges::sort(reads);
      if (auto found = against_real_time(reads)) return *std::move(found);
    }
    return {};
  }

 private:
  Verdict contradiction(std::vector<std::size_t> piece, const std::string& sentence) const {
    std::vector<const Operation*> operations;
    operations.reserve(piece.size());
    for (const std::size_t at : piece) operations.push_back(&history_[at]);
    return {.finding = Finding::kViolation,
            .explanation = fmt::format("the log contradicts the answers: {}\n{}", sentence,
                                       describe_table(operations)),
            .piece = std::move(piece),
            .explored = history_.size()};
  }

  std::optional<Verdict> two_at_one_index() const {
    for (std::size_t at = 1; at < writes_.size(); ++at) {
      if (writes_[at].index != writes_[at - 1].index) continue;
      return contradiction({writes_[at - 1].position, writes_[at].position},
                           fmt::format("#1 and #2 were both told index {}", writes_[at].index));
    }
    return std::nullopt;
  }

  // Nothing may return before something of a smaller index is invoked. By index, from the last: the
  // first return of all that come later is enough to know.
  std::optional<Verdict> against_real_time(const std::vector<Write>& ordered) const {
    const Write* soonest = nullptr;          // of the larger indexes
    const Write* soonest_of_same = nullptr;  // reads of one revision have no order
    for (std::size_t at = ordered.size(); at-- > 0;) {
      const Write& each = ordered[at];
      if (soonest_of_same != nullptr && soonest_of_same->index != each.index) {
        soonest = sooner(soonest, *soonest_of_same);
        soonest_of_same = nullptr;
      }
      if (soonest != nullptr && precedes(history_[soonest->position], history_[each.position])) {
        return contradiction(
            {soonest->position, each.position},
            fmt::format("#1 is at index {} and had returned before #2, at index {}, began",
                        soonest->index, each.index));
      }
      soonest_of_same = sooner(soonest_of_same, each);
    }
    return std::nullopt;
  }

  // The one that returned first; `a` may be null.
  const Write* sooner(const Write* a, const Write& b) const {
    const bool first =
        a != nullptr && history_[a->position].returned <= history_[b.position].returned;
    return first ? a : &b;
  }

  std::optional<Verdict> wrong_read(std::size_t position, const Action& read) const {
    const Operation& reader = history_[position];
    const auto found = writes_of_key_.find(read.key);
    if (found == writes_of_key_.end()) return std::nullopt;
    const KeyWrites& of_key = found->second;
    const auto at = std::ranges::lower_bound(of_key.writes, read.revision, {}, &Write::index);
    const bool is_there = at != of_key.writes.end() && at->index == read.revision;
    if (is_there) {
      if (precedes(reader, history_[at->position])) {
        return contradiction({position, at->position},
                             "#1 saw the revision of #2 and returned before #2 began");
      }
      if (auto wrong = wrong_value(position, read, *at)) return wrong;
    }
    const auto later = static_cast<std::size_t>(at - of_key.writes.begin()) + (is_there ? 1 : 0);
    if (later == of_key.writes.size()) return std::nullopt;
    const Write& soonest = of_key.soonest_from[later];
    if (!precedes(history_[soonest.position], reader)) return std::nullopt;
    return contradiction(
        {soonest.position, position},
        fmt::format("#1 wrote revision {} and had returned before #2 began, which saw {}",
                    soonest.index, read.revision));
  }

  std::optional<Verdict> wrong_value(std::size_t position, const Action& read,
                                     const Write& write) const {
    std::optional<Bytes> written;  // unknown when the last write of the key does not say
    for (const Action& action : history_[write.position].actions) {
      if (action.key != read.key || is_read(action.kind) || !action.succeeded) continue;
      if (action.kind == ActionKind::kAdd) {
        written = action.result;
      } else if (action.kind == ActionKind::kAppend || action.kind == ActionKind::kDelete) {
        written.reset();
      } else {
        written = action.argument;
      }
    }
    if (!written || written == read.result) return std::nullopt;
    return contradiction({write.position, position},
                         fmt::format("revision {} of {} is {}, yet #2 read {}", write.index,
                                     quoted(read.key), quoted(written), quoted(read.result)));
  }

  const History& history_;
  std::vector<Write> writes_;  // by index
  std::map<Bytes, KeyWrites> writes_of_key_;
  std::map<Bytes, std::vector<Write>> reads_;
};

}  // namespace

Verdict check_by_index(const History& history) { return Replay(history).run(); }

}  // namespace kvcluster::check
