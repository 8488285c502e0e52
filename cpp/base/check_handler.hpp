// What a broken invariant does instead of ending the process: a simulator that runs many nodes in
// one process reports it with its seed and goes on with the next.
//
// Thread-safety: a handler belongs to the thread that set it.
#pragma once

#include <stdexcept>
#include <string>

namespace kvcluster {

// Thrown by KV_CHECK while a ThrowingChecks lives on the thread. What threw must not be used again.
class CheckFailure : public std::logic_error {
 public:
  using std::logic_error::logic_error;
};

// While it lives, KV_CHECK on this thread throws CheckFailure. Nests.
class ThrowingChecks {
 public:
  ThrowingChecks();
  ~ThrowingChecks();
  ThrowingChecks(const ThrowingChecks&) = delete;
  ThrowingChecks& operator=(const ThrowingChecks&) = delete;
};

}  // namespace kvcluster
