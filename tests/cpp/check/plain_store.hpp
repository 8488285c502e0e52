// A store as simple as can be, written apart from the checker's model; a judge that tries every
// order; and a maker of histories that really happened.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <vector>

#include "base/random.hpp"
#include "check/history.hpp"

namespace kvcluster::check {

struct PlainValue {
  Bytes bytes;
  std::uint64_t revision = 0;
};
using PlainStore = std::map<Bytes, PlainValue>;

// Does the operation as the entry `index` of the log; fills in what its client is told.
void perform(PlainStore& store, Operation& operation, std::uint64_t index);

// True when some order explains the history. All orders are tried, without any memory.
// Requires: few operations; every revision was told or none.
[[nodiscard]] bool some_order_explains(const History& history);

struct Mix {
  std::size_t operations = 6;
  std::uint64_t clients = 3;
  std::uint64_t keys = 1;
  std::uint64_t values = 3;  // 0: every written value is new
  std::uint64_t unknown_per_mille = 0;
  bool only_registers = false;  // gets and puts
  bool with_transactions = false;
  std::int64_t longest = 20;  // of a call, where a pause is at most 3
};

// Clients call a store that does everything at one moment between call and return.
[[nodiscard]] History happened(Random& random, const Mix& mix);

// The history with one answer, time or outcome changed: nearly right.
[[nodiscard]] History nearly_right(Random& random, History history);

}  // namespace kvcluster::check
