#include "check/impossible.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "check/describe.hpp"

namespace kvcluster::check {
namespace {

using Moment = std::int64_t;
constexpr Moment kStart = -1;
constexpr Moment kEnd = std::numeric_limits<Moment>::max();

// A value that was certainly there from `from` to `to` when from < to; otherwise it was there at
// some moment between `to` and `from`.
struct Zone {
  Moment from = kEnd;  // the first return of those that wrote or saw it
  Moment to = kStart;  // their last call
  std::optional<OpNumber> first = std::nullopt;
  std::optional<OpNumber> last = std::nullopt;
  ValueNumber value = kAbsent;

  void add(const Model& model, OpNumber op) {
    const Moment called = model.op(op).called;
    const Moment returned = model.op(op).is_known ? Moment{model.op(op).returned} : kEnd;
    if (returned < from) {
      from = returned;
      first = op;
    }
    if (called > to) {
      to = called;
      last = op;
    }
  }
};

class Finder {
 public:
  Finder(const Model& model, const Facts& facts) : model_(model), facts_(facts) {}

  std::optional<Impossible> find() const {
    std::vector<std::vector<Zone>> zones(model_.slot_count());   // that hold for a while
    std::vector<std::vector<Zone>> others(model_.slot_count());  // anything else that was there
    for (const Fact& fact : facts_.all()) {
      if (facts_.is_opaque(fact.slot)) continue;
      if (auto found = never_made(fact)) return found;
      if (writers(fact) != 1) {
        add_singles(fact, others[fact.slot]);
        continue;
      }
      if (auto found = seen_too_early(fact)) return found;
      const std::vector<OpNumber> replacers = replacers_of(fact);
      if (auto found = replaced_twice(fact, replacers)) return found;
      if (auto found = seen_too_late(fact, replacers)) return found;
      const Zone zone = zone_of(fact);
      (zone.from < zone.to ? zones : others)[fact.slot].push_back(zone);
    }
    for (SlotNumber slot = 0; slot < model_.slot_count(); ++slot) {
      if (auto found = within_zone(slot, zones[slot], others[slot])) return found;
    }
    return std::nullopt;
  }

 private:
  // How often the value came to be; to be absent is how every key begins.
  static std::size_t writers(const Fact& fact) {
    return fact.makers.size() + (fact.value == kAbsent ? 1 : 0);
  }

  Zone zone_of(const Fact& fact) const {
    Zone zone{.value = fact.value};
    if (fact.value == kAbsent) zone.from = kStart;
    for (const OpNumber op : fact.makers) zone.add(model_, op);
    for (const OpNumber op : fact.needers) zone.add(model_, op);
    return zone;
  }

  void add_singles(const Fact& fact, std::vector<Zone>& out) const {
    const auto add = [&](OpNumber op) {
      if (!model_.op(op).is_known) return;
      Zone zone{.value = fact.value};
      zone.add(model_, op);
      out.push_back(zone);
    };
    for (const OpNumber op : fact.makers) add(op);
    for (const OpNumber op : fact.needers) add(op);
  }

  std::string held(const Fact& fact) const {
    return fmt::format("{} = {}", quoted(Bytes(model_.key(fact.slot))), model_.shown(fact.value));
  }

  template <typename... Names>
  static Impossible impossible(std::vector<OpNumber> ops, fmt::format_string<Names...> text,
                               Names&&... names) {
    std::ranges::sort(ops);
    ops.erase(std::ranges::unique(ops).begin(), ops.end());
    return {.piece = std::move(ops), .sentence = fmt::format(text, std::forward<Names>(names)...)};
  }

  static std::size_t label(std::vector<OpNumber> ops, OpNumber op) {
    std::ranges::sort(ops);
    ops.erase(std::ranges::unique(ops).begin(), ops.end());
    return static_cast<std::size_t>(std::ranges::find(ops, op) - ops.begin()) + 1;
  }

  std::optional<Impossible> never_made(const Fact& fact) const {
    if (writers(fact) > 0 || fact.needers.empty()) return std::nullopt;
    return impossible({fact.needers.front()}, "#1 found {}, which no operation can have written.",
                      held(fact));
  }

  std::optional<Impossible> seen_too_early(const Fact& fact) const {
    if (fact.value == kAbsent) return std::nullopt;
    const OpNumber maker = fact.makers.front();
    for (const OpNumber op : fact.needers) {
      if (model_.op(op).returned >= model_.op(maker).called) continue;
      return impossible({op, maker},
                        "#1 found {} and had returned before #2, which alone writes it, began.",
                        held(fact));
    }
    return std::nullopt;
  }

  // Those that found the value and put something else in its place.
  std::vector<OpNumber> replacers_of(const Fact& fact) const {
    std::vector<OpNumber> replacers;
    for (const OpNumber op : fact.needers) {
      const bool replaces = std::ranges::any_of(facts_.made_by(op), [&](FactNumber number) {
        const Fact& made = facts_.all()[number];
        return made.slot == fact.slot && made.value != fact.value;
      });
      if (replaces) replacers.push_back(op);
    }
    return replacers;
  }

  std::optional<Impossible> seen_too_late(const Fact& fact,
                                          const std::vector<OpNumber>& replacers) const {
    for (const OpNumber replacer : replacers) {
      for (const OpNumber op : fact.needers) {
        if (op == replacer || model_.op(op).called < model_.op(replacer).returned) continue;
        std::vector<OpNumber> ops{replacer, op};
        if (!fact.makers.empty()) ops.push_back(fact.makers.front());
        const std::size_t a = label(ops, op);
        const std::size_t b = label(ops, replacer);
        return impossible(std::move(ops),
                          "#{} found {}, but #{} had replaced it and returned before #{} began.", a,
                          held(fact), b, a);
      }
    }
    return std::nullopt;
  }

  // A lost update.
  std::optional<Impossible> replaced_twice(const Fact& fact,
                                           std::vector<OpNumber> replacers) const {
    if (replacers.size() < 2) return std::nullopt;
    replacers.resize(2);
    std::vector<OpNumber> ops = replacers;
    if (fact.value != kAbsent) ops.push_back(fact.makers.front());
    const std::size_t a = label(ops, replacers[0]);
    const std::size_t b = label(ops, replacers[1]);
    return impossible(
        std::move(ops), "#{} and #{} both found {} and replaced it, but it came to be {}.", a, b,
        held(fact), fact.value == kAbsent ? "so only once, at the start" : "written only once");
  }

  std::optional<Impossible> within_zone(SlotNumber slot, std::vector<Zone>& zones,
                                        const std::vector<Zone>& others) const {
    std::ranges::sort(zones, {}, &Zone::from);
    for (std::size_t at = 1; at < zones.size(); ++at) {
      if (zones[at].from < zones[at - 1].to) return clash(slot, zones[at - 1], zones[at]);
    }
    for (const Zone& other : others) {
      // Zones do not overlap, so that only the last that begins early enough can hold it.
      const auto after = std::ranges::lower_bound(zones, other.to, {}, &Zone::from);
      if (after == zones.begin()) continue;
      const Zone& zone = *std::prev(after);
      if (other.from < zone.to && zone.value != other.value) return clash(slot, zone, other);
    }
    return std::nullopt;
  }

  Impossible clash(SlotNumber slot, const Zone& zone, const Zone& other) const {
    std::vector<OpNumber> ops;
    for (const auto& op : {zone.first, zone.last, other.first, other.last}) {
      if (op) ops.push_back(*op);
    }
    for (const Zone* each : {&zone, &other}) {
      const Fact& fact = facts_.all()[*facts_.find(slot, each->value)];
      if (writers(fact) == 1 && !fact.makers.empty()) ops.push_back(fact.makers.front());
    }
    const auto name = [&](std::optional<OpNumber> op) { return label(ops, op.value_or(0)); };
    const std::string key = quoted(Bytes(model_.key(slot)));
    const std::string from =
        zone.first ? fmt::format("from the return of #{}", name(zone.first)) : "from the start";
    const std::string witnesses =
        other.first == other.last || !other.first
            ? fmt::format("#{} shows", name(other.last))
            : fmt::format("#{} and #{} show", name(other.first), name(other.last));
    return impossible(ops, "{} was {} {} until the call of #{}, yet {} that it was {} in between.",
                      key, model_.shown(zone.value), from, name(zone.last), witnesses,
                      model_.shown(other.value));
  }

  const Model& model_;
  const Facts& facts_;
};

}  // namespace

std::optional<Impossible> find_impossible(const Model& model, const Facts& facts) {
  return Finder(model, facts).find();
}

}  // namespace kvcluster::check
