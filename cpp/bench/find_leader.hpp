// Which of several servers takes writes without passing them on.
#pragma once

#include <chrono>
#include <vector>

#include "base/result.hpp"
#include "client/address.hpp"

namespace kvcluster::bench {

// The one that calls itself master (ROLE). Asks again until `patience` is over.
// Errors: kUnavailable.
[[nodiscard]] Result<client::Address> find_leader(const std::vector<client::Address>& nodes,
                                                  std::chrono::milliseconds patience);

}  // namespace kvcluster::bench
