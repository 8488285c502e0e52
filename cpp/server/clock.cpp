#include "server/clock.hpp"

#include <sys/random.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <string>

namespace kvcluster::server {

namespace {

// getrandom gives up to 256 bytes whole once the pool is ready; only a signal may interrupt the
// wait for that.
Status fill_random(void* out, std::size_t size) {
  for (;;) {
    const ssize_t got = ::getrandom(out, size, 0);
    if (got == static_cast<ssize_t>(size)) return {};
    if (got < 0 && errno == EINTR) continue;
    return fail(ErrorCode::kIo, std::string("cannot read random bytes: ") + std::strerror(errno));
  }
}

template <typename T>
Result<T> random_value() {
  T value{};
  KV_TRY(fill_random(&value, sizeof(value)));
  return value;
}

}  // namespace

Instant monotonic_now() {
  const auto since = std::chrono::steady_clock::now().time_since_epoch();
  return Instant(std::chrono::duration_cast<Duration>(since));
}

WallMillis wall_now() {
  const auto since = std::chrono::system_clock::now().time_since_epoch();
  const auto millis = std::chrono::duration_cast<std::chrono::milliseconds>(since).count();
  return millis < 0 ? 0 : static_cast<WallMillis>(millis);
}

Result<std::array<std::uint8_t, 16>> random_id() {
  return random_value<std::array<std::uint8_t, 16>>();
}
Result<std::array<std::uint8_t, 32>> random_key() {
  return random_value<std::array<std::uint8_t, 32>>();
}
Result<std::uint64_t> random_seed() { return random_value<std::uint64_t>(); }

}  // namespace kvcluster::server
