// Who needs and who makes each value of each key. Where a value can come from few operations, this
// says early what a search would find out late: a value that is still to be read and that nobody
// can write again must not be overwritten.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <unordered_map>
#include <vector>

#include "check/model.hpp"

namespace kvcluster::check {

using FactNumber = std::uint32_t;  // "this slot holds this value"

struct Fact {
  SlotNumber slot;
  ValueNumber value;
  std::vector<OpNumber> needers;  // known operations that found the slot so
  std::vector<OpNumber> makers;   // operations that left it so, or may have
};

class Facts {
 public:
  explicit Facts(Model& model);

  [[nodiscard]] std::span<const Fact> all() const { return facts_; }
  [[nodiscard]] std::optional<FactNumber> find(SlotNumber slot, ValueNumber value) const;
  [[nodiscard]] std::span<const FactNumber> needed_by(OpNumber op) const { return needs_[op]; }
  [[nodiscard]] std::span<const FactNumber> made_by(OpNumber op) const { return makes_[op]; }

  // Operations may make values of this slot that no fact lists.
  [[nodiscard]] bool is_opaque(SlotNumber slot) const { return slots_[slot].is_opaque; }
  // Nothing that is done on it depends on what is there, but gets: a write that nobody saw changes
  // nothing. (Deletes count while nobody was told whether there was a value.)
  [[nodiscard]] bool is_plain(SlotNumber slot) const { return slots_[slot].is_plain; }
  // All that its operations ask of it is one exact value, or nothing.
  [[nodiscard]] bool is_exact(SlotNumber slot) const { return slots_[slot].is_exact; }

 private:
  struct Slot {
    bool is_opaque = false;
    bool is_plain = true;
    bool is_exact = true;
  };

  void add_needs(Model& model, OpNumber op);
  void add_makes(const Model& model, OpNumber op);
  void classify(const Step& step, bool is_known);
  [[nodiscard]] FactNumber number(SlotNumber slot, ValueNumber value);

  std::vector<Fact> facts_;
  std::unordered_map<std::uint64_t, FactNumber> numbers_;
  std::vector<std::vector<FactNumber>> needs_;
  std::vector<std::vector<FactNumber>> makes_;
  std::vector<Slot> slots_;
};

// The value that the step, told as it was, must have found; nullopt when more than one is possible.
[[nodiscard]] std::optional<ValueNumber> needed_value(Model& model, const Step& step);
// The value that the step leaves when it takes effect; nullopt: none, or not known beforehand.
[[nodiscard]] std::optional<ValueNumber> made_value(const Step& step, bool is_known);

}  // namespace kvcluster::check
