// The sequential store that a history is held against: operations compiled to numbers, and the one
// function that says what each does to a state.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <span>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "check/history.hpp"
#include "check/interning.hpp"

namespace kvcluster::check {

using SlotNumber = std::uint32_t;   // a key
using ValueNumber = std::uint32_t;  // a value, or no value:
inline constexpr ValueNumber kAbsent = 0;
using OpNumber = std::uint32_t;
using State = ConsedArrays::Root;  // a cell for each slot

// One action.
struct Step {
  ActionKind kind;
  bool succeeded;
  bool is_told;     // `result` was told
  bool same_entry;  // an earlier step of the operation may have written this slot, under the same
                    // revision
  SlotNumber slot;
  ValueNumber argument;
  ValueNumber expected;
  ValueNumber result;
  std::optional<std::int64_t> delta;
  std::uint64_t revision;
  std::uint64_t expected_revision;
};

struct Op {
  static constexpr std::uint32_t kNever = UINT32_MAX;

  bool is_known;    // its outcome
  bool is_passive;  // it is known and changed nothing, whatever it found
  // Moments: places in the order of all calls and returns, calls before returns at one instant, so
  // that a return at a smaller place than a call came before it.
  std::uint32_t called;
  std::uint32_t returned;  // kNever when the outcome is unknown
  std::uint32_t first_step;
  std::uint32_t step_count;
};

class Model {
 public:
  // The operations as they are numbered: by invocation. None has failed.
  explicit Model(const std::vector<const Operation*>& operations);

  [[nodiscard]] std::size_t op_count() const { return ops_.size(); }
  [[nodiscard]] std::size_t slot_count() const { return slot_keys_.size(); }
  [[nodiscard]] std::uint32_t moment_count() const { return moment_count_; }
  [[nodiscard]] const Op& op(OpNumber number) const { return ops_[number]; }
  [[nodiscard]] const Operation& operation(OpNumber number) const { return *operations_[number]; }
  [[nodiscard]] std::span<const Step> steps(OpNumber number) const {
    return std::span(steps_).subspan(ops_[number].first_step, ops_[number].step_count);
  }
  [[nodiscard]] BytesView key(SlotNumber slot) const { return slot_keys_[slot]; }
  [[nodiscard]] std::optional<Bytes> value(ValueNumber number) const;
  // The value as an explanation shows it.
  [[nodiscard]] std::string shown(ValueNumber number) const;
  // The number of a value that the history names, or makes on the way.
  [[nodiscard]] ValueNumber intern(BytesView value);

  [[nodiscard]] State initial() { return states_.filled(0); }
  [[nodiscard]] ValueNumber value_at(State state, SlotNumber slot) const {
    return cells_[states_.get(state, slot)].value;
  }
  // The state after the operation; nullopt when it cannot have answered as it did. An operation of
  // unknown outcome does what it can.
  [[nodiscard]] std::optional<State> apply(State state, OpNumber number);

  // True when some unknown outcome could go two ways from one state, of which only one is tried: a
  // search that finds nothing has then proved nothing.
  [[nodiscard]] bool is_inexact() const { return is_inexact_; }
  [[nodiscard]] std::size_t memory_bytes() const {
    return states_.memory_bytes() + cells_.size() * kCellBytes + text_bytes_;
  }

 private:
  // What a slot holds. A revision is known once somebody was told it; until then `revision` is a
  // lower bound that it exceeds.
  struct Cell {
    ValueNumber value = kAbsent;
    bool is_exact = false;
    std::uint64_t revision = 0;
    friend bool operator==(const Cell&, const Cell&) = default;
  };
  struct CellHash {
    std::size_t operator()(const Cell& cell) const {
      return mix(mix(cell.revision) + cell.value * 2ULL + (cell.is_exact ? 1 : 0));
    }
  };
  static constexpr std::size_t kCellBytes = 96;  // with its place in the index
  static constexpr std::size_t kTextBytes = 128;

  void compile(const Operation& operation);
  [[nodiscard]] Step compile(const Action& action);
  [[nodiscard]] SlotNumber slot_of(BytesView key);
  void merge_unseen_values();
  void order_moments();
  [[nodiscard]] std::uint32_t intern(const Cell& cell);

  [[nodiscard]] std::optional<Cell> after(const Step& step, const Cell& cell, bool is_known);
  [[nodiscard]] std::optional<Cell> after_compare(const Step& step, const Cell& cell,
                                                  bool is_known);
  [[nodiscard]] std::optional<Cell> after_add(const Step& step, const Cell& cell, bool is_known);
  [[nodiscard]] std::optional<Cell> after_append(const Step& step, const Cell& cell, bool is_known);
  [[nodiscard]] static std::optional<Cell> written(const Step& step, const Cell& cell,
                                                   ValueNumber value);

  std::vector<const Operation*> operations_;
  std::vector<Op> ops_;
  std::vector<Step> steps_;
  std::uint32_t moment_count_ = 0;
  ValueNumber unseen_ = kAbsent;  // stands for all values that nobody named
  bool is_inexact_ = false;
  std::unordered_map<BytesView, SlotNumber> slots_;  // the keys live in the history
  std::vector<BytesView> slot_keys_;
  std::unordered_map<BytesView, ValueNumber> values_;  // the bytes live in texts_
  std::deque<Bytes> texts_;                            // of value n + 1
  std::size_t text_bytes_ = 0;
  std::vector<Cell> cells_;
  std::unordered_map<Cell, std::uint32_t, CellHash> cell_numbers_;
  ConsedArrays states_{0};
};

// The one canonical decimal form of 64 bits, as the store reads numbers.
[[nodiscard]] std::optional<std::int64_t> parse_number(BytesView text);

}  // namespace kvcluster::check
