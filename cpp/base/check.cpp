#include "base/check.hpp"

#include <cstdio>
#include <cstdlib>

namespace kvcluster {

void check_failed(const char* file, int line, const char* condition, const char* message) {
  std::fprintf(stderr, "kvcluster: invariant broken at %s:%d: %s (%s)\n", file, line, message,
               condition);
  std::fflush(stderr);
  std::abort();
}

}  // namespace kvcluster
