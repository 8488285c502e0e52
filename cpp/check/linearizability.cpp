#include "check/linearizability.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <utility>

#include "check/components.hpp"
#include "check/describe.hpp"
#include "check/facts.hpp"
#include "check/impossible.hpp"
#include "check/model.hpp"
#include "check/search.hpp"
#include "check/shrink.hpp"

namespace kvcluster::check {
namespace {

std::vector<const Operation*> operations_of(const std::vector<Kept>& piece) {
  std::vector<const Operation*> operations;
  operations.reserve(piece.size());
  for (const Kept& kept : piece) operations.push_back(&kept.operation);
  return operations;
}

// Where the search gets stuck: the longest order, and the operation that had to come next.
std::string describe_stuck(Model& model, const SearchResult& found) {
  State state = model.initial();
  std::vector<bool> taken(model.op_count());
  std::vector<std::string> order;
  for (const OpNumber op : found.furthest) {
    state = model.apply(state, op).value_or(state);
    taken[op] = true;
    order.push_back(fmt::format("#{}", op + 1));
  }
  std::optional<OpNumber> stuck;
  for (OpNumber op = 0; op < model.op_count(); ++op) {
    if (taken[op] || !model.op(op).is_known) continue;
    if (!stuck || model.op(op).returned < model.op(*stuck).returned) stuck = op;
  }
  if (found.furthest.empty() && model.op_count() > 1) {
    return "No order explains all answers; without the last that returned there is one.";
  }
  if (!stuck) return "No order explains all answers.";
  std::vector<std::string> cells;
  for (const Step& step : model.steps(*stuck)) {
    cells.push_back(fmt::format("{} = {}", quoted(Bytes(model.key(step.slot))),
                                model.shown(model.value_at(state, step.slot))));
  }
  return fmt::format(
      "No order explains all answers. The one that goes furthest is {}; it leaves {}, and #{} "
      "would "
      "have to come next.",
      order.empty() ? "empty" : fmt::format("{}", fmt::join(order, " ")), fmt::join(cells, ", "),
      *stuck + 1);
}

Verdict violation(const std::vector<Kept>& piece, const std::string& sentence) {
  Verdict verdict;
  verdict.finding = Finding::kViolation;
  verdict.explanation =
      fmt::format("not linearizable: {}\n{}", sentence, describe_table(operations_of(piece)));
  verdict.piece.reserve(piece.size());
  for (const Kept& kept : piece) verdict.piece.push_back(kept.position);
  return verdict;
}

Verdict violation(const std::vector<Kept>& piece, const Impossible& impossible) {
  std::vector<Kept> named;
  named.reserve(impossible.piece.size());
  for (const OpNumber op : impossible.piece) named.push_back(piece[op]);
  return violation(named, impossible.sentence);
}

Verdict explain(const std::vector<Kept>& piece, const Limits& limits) {
  Model model(operations_of(piece));
  const Facts facts(model);
  if (const auto found = find_impossible(model, facts)) return violation(piece, *found);
  const SearchResult found =
      Search(model, facts).run(limits.max_shrink_explored, limits.max_memory_bytes);
  return violation(piece, describe_stuck(model, found));
}

// Of operations that are judged together, in order of their invocation.
Verdict check_group(const History& history, std::vector<std::size_t> positions,
                    const Limits& limits) {
  std::ranges::sort(positions, {},
                    [&](std::size_t at) { return std::pair(history[at].invoked, at); });
  std::vector<const Operation*> operations;
  operations.reserve(positions.size());
  for (const std::size_t position : positions) operations.push_back(&history[position]);
  SearchResult found;
  {
    Model model(operations);
    const Facts facts(model);
    if (const auto impossible = find_impossible(model, facts)) {
      std::vector<Kept> piece;
      piece.reserve(impossible->piece.size());
      for (const OpNumber op : impossible->piece) {
        piece.push_back({positions[op], history[positions[op]]});
      }
      return violation(piece, impossible->sentence);
    }
    found = Search(model, facts).run(limits.max_explored, limits.max_memory_bytes);
  }
  Verdict verdict;
  verdict.finding = found.finding;
  if (found.finding == Finding::kViolation) {
    verdict = explain(shrink(history, positions, limits), limits);
  } else if (found.finding == Finding::kUndecided) {
    verdict.explanation = fmt::format(
        "undecided: the search over {} operations that touch {} ended at its limits after {} steps",
        positions.size(), quoted(history[positions.front()].actions.front().key), found.explored);
    verdict.piece = std::move(positions);
  }
  verdict.explored = found.explored;
  return verdict;
}

}  // namespace

std::string_view to_string(Finding finding) {
  switch (finding) {
    case Finding::kLinearizable:
      return "linearizable";
    case Finding::kViolation:
      return "violation";
    case Finding::kUndecided:
      return "undecided";
  }
  return "?";
}

Verdict check_linearizable(const History& history, const Limits& limits) {
  Verdict overall;
  for (std::vector<std::size_t>& group : components(history)) {
    Verdict verdict = check_group(history, std::move(group), limits);
    verdict.explored += overall.explored;
    if (verdict.finding == Finding::kViolation) return verdict;
    if (verdict.finding == Finding::kUndecided && overall.linearizable()) {
      overall = std::move(verdict);
    } else {
      overall.explored = verdict.explored;
    }
  }
  return overall;
}

}  // namespace kvcluster::check
