#include "check/shrink.hpp"

#include <algorithm>
#include <utility>

#include "check/facts.hpp"
#include "check/impossible.hpp"
#include "check/model.hpp"
#include "check/search.hpp"

namespace kvcluster::check {
namespace {

using Piece = std::vector<Kept>;

std::vector<const Operation*> operations_of(const Piece& piece) {
  std::vector<const Operation*> operations;
  operations.reserve(piece.size());
  for (const Kept& kept : piece) operations.push_back(&kept.operation);
  return operations;
}

class Shrinker {
 public:
  explicit Shrinker(const Limits& limits) : limits_(limits) {}

  Piece run(Piece piece) {
    piece = shortest_prefix(piece);
    bool is_smaller = true;
    while (is_smaller) {
      is_smaller = false;
      for (std::size_t size = std::max<std::size_t>(piece.size() / 2, 1); size > 0; size /= 2) {
        if (drop_chunks(piece, size)) is_smaller = true;
      }
      if (piece.size() > kRepeatBelow) break;
    }
    return piece;
  }

 private:
  static constexpr std::size_t kRepeatBelow = 64;

  // A failing part stays failing when operations follow: the prefixes that fail are found by
  // bisection over the moments at which they end.
  Piece shortest_prefix(const Piece& piece) {
    std::vector<std::int64_t> ends;
    for (const Kept& kept : piece) {
      if (kept.operation.outcome == Outcome::kOk) ends.push_back(kept.operation.returned);
    }
    std::ranges::sort(ends);
    std::size_t low = 0;
    std::size_t high = ends.empty() ? 0 : ends.size() - 1;  // known to fail
    while (low < high) {
      const std::size_t middle = low + (high - low) / 2;
      if (fails(prefix(piece, ends[middle]))) {
        high = middle;
      } else {
        low = middle + 1;
      }
    }
    return ends.empty() ? piece : prefix(piece, ends[high]);
  }

  static Piece prefix(const Piece& piece, std::int64_t end) {
    Piece shorter;
    for (const Kept& kept : piece) {
      if (kept.operation.invoked > end) continue;
      const bool is_cut = kept.operation.outcome == Outcome::kOk && kept.operation.returned > end;
      if (is_cut && is_read(kept.operation)) continue;
      shorter.push_back(kept);
      if (is_cut) shorter.back().operation.outcome = Outcome::kUnknown;
    }
    return shorter;
  }

  // True when the piece became smaller.
  bool drop_chunks(Piece& piece, std::size_t size) {
    bool is_smaller = false;
    for (std::size_t end = piece.size(); end > 0 && explored_ <= limits_.max_shrink_explored;) {
      const std::size_t begin = end - std::min(size, end);
      Piece rest = without(piece, begin, end);
      if (rest.size() < piece.size() && fails(rest)) {
        piece = std::move(rest);
        is_smaller = true;
      }
      end = std::min(begin, piece.size());
    }
    return is_smaller;
  }

  // Without what may be left out of [begin, end). Where all that the operations on a key ask of it
  // is an exact value, an order of all of them stays an order of the rest, as long as every
  // operation that may have made a value that the rest found is kept. Reads may always go.
  Piece without(const Piece& piece, std::size_t begin, std::size_t end) {
    Model model(operations_of(piece));
    const Facts facts(model);
    explored_ += piece.size();
    std::vector<bool> keep(piece.size(), true);  // pieces are in the order of the model's numbers
    for (std::size_t at = begin; at < end; ++at) {
      keep[at] = !may_go(model, facts, static_cast<OpNumber>(at));
    }
    std::vector<OpNumber> open;
    for (OpNumber op = 0; op < model.op_count(); ++op) {
      if (keep[op]) open.push_back(op);
    }
    while (!open.empty()) {
      const OpNumber op = open.back();
      open.pop_back();
      for (const FactNumber fact : facts.needed_by(op)) {
        for (const OpNumber maker : facts.all()[fact].makers) {
          if (keep[maker]) continue;
          keep[maker] = true;
          open.push_back(maker);
        }
      }
    }
    Piece rest;
    for (OpNumber op = 0; op < model.op_count(); ++op) {
      if (keep[op]) rest.push_back(piece[op]);
    }
    return rest;
  }

  static bool may_go(const Model& model, const Facts& facts, OpNumber op) {
    if (is_read(model.operation(op))) return true;
    return std::ranges::all_of(model.steps(op),
                               [&](const Step& step) { return facts.is_exact(step.slot); });
  }

  bool fails(const Piece& piece) {
    if (explored_ > limits_.max_shrink_explored) return false;
    Model model(operations_of(piece));
    const Facts facts(model);
    explored_ += piece.size();
    if (find_impossible(model, facts)) return true;
    const SearchResult result =
        Search(model, facts)
            .run(limits_.max_shrink_explored - std::min(explored_, limits_.max_shrink_explored),
                 limits_.max_memory_bytes);
    explored_ += result.explored;
    return result.finding == Finding::kViolation;
  }

  const Limits& limits_;
  std::uint64_t explored_ = 0;
};

}  // namespace

std::vector<Kept> shrink(const History& history, const std::vector<std::size_t>& positions,
                         const Limits& limits) {
  Piece piece;
  piece.reserve(positions.size());
  for (const std::size_t position : positions) piece.push_back({position, history[position]});
  std::ranges::sort(
      piece, {}, [](const Kept& kept) { return std::pair(kept.operation.invoked, kept.position); });
  return Shrinker(limits).run(std::move(piece));
}

}  // namespace kvcluster::check
