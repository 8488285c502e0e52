// A tally for people and for programs.
#pragma once

#include <string>

#include "bench/load.hpp"
#include "bench/tally.hpp"

namespace kvcluster::bench {

// No request failed, and at least one was answered.
[[nodiscard]] bool passed(const Tally& tally);
// Several lines; the last one is the verdict.
[[nodiscard]] std::string to_text(const Tally& tally);
// One object; times in microseconds but where the name says otherwise.
[[nodiscard]] std::string to_json(const Tally& tally, const LoadOptions& options);

}  // namespace kvcluster::bench
