// KV_CHECK: a broken invariant ends the process, in release builds too. Going on with a state that
// cannot be is how replicas lose data.
#pragma once

namespace kvcluster {

[[noreturn]] void check_failed(const char* file, int line, const char* condition,
                               const char* message);

}  // namespace kvcluster

#define KV_CHECK(condition, message)                                        \
  do {                                                                      \
    if (!(condition)) [[unlikely]] {                                        \
      ::kvcluster::check_failed(__FILE__, __LINE__, #condition, (message)); \
    }                                                                       \
  } while (false)
