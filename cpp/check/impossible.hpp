// Contradictions that are plain to see, and small: found in near-linear time, without a search, and
// each with a sentence that says what cannot be.
//
// Where a value was written once, the moments at which it was certainly there form a zone (Gibbons
// and Korach, Testing shared memories, 1997): another value seen or written entirely within a zone
// is a contradiction.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "check/facts.hpp"
#include "check/model.hpp"

namespace kvcluster::check {

struct Impossible {
  std::vector<OpNumber> piece;  // ascending
  std::string sentence;         // names the operations of the piece as #1, #2, ...
};

[[nodiscard]] std::optional<Impossible> find_impossible(const Model& model, const Facts& facts);

}  // namespace kvcluster::check
