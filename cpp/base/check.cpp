#include "base/check.hpp"

#include <cstdio>
#include <cstdlib>
#include <string>

#include "base/check_handler.hpp"

namespace kvcluster {
namespace {

thread_local int throwing_checks = 0;

}  // namespace

ThrowingChecks::ThrowingChecks() { ++throwing_checks; }
ThrowingChecks::~ThrowingChecks() { --throwing_checks; }

void check_failed(const char* file, int line, const char* condition, const char* message) {
  if (throwing_checks > 0) {
    throw CheckFailure(std::string(message) + " (" + condition + ") at " + file + ":" +
                       std::to_string(line));
  }
  std::fprintf(stderr, "kvcluster: invariant broken at %s:%d: %s (%s)\n", file, line, message,
               condition);
  std::fflush(stderr);
  std::abort();
}

}  // namespace kvcluster
