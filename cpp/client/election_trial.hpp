// A leader election shown on three real processes: write, kill the leader, write to the next one,
// read from a follower, bring the old leader back, compare the hashes.
#pragma once

#include <atomic>
#include <functional>
#include <string>

#include "base/result.hpp"

namespace kvcluster::client {

struct TrialOptions {
  std::string kvstore;                             // the program
  std::string directory;                           // exists and is empty; data and logs go there
  const std::atomic<bool>* interrupted = nullptr;  // ends the trial early when it becomes true
  std::function<void(const std::string&)> say;     // gets one line a step
};

// Leaves no process behind, whatever happens. Errors: the first thing that was not as it must be.
[[nodiscard]] Status run_election_trial(const TrialOptions& options);

}  // namespace kvcluster::client
