#include "faults/passage.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <climits>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <string_view>

namespace kvcluster::faults {
namespace {

constexpr std::uint64_t kHangPollUs = 2000;

// Set once, before main, and never freed: operations come from destructors, too.
struct Chosen {
  DiskControl* control = nullptr;
  char directory[PATH_MAX] = {};
  std::size_t directory_size = 0;
};
Chosen chosen;

[[gnu::constructor]] void read_environment() {
  const char* directory = std::getenv(kDirectoryVariable);
  const char* file = std::getenv(kControlVariable);
  if (directory == nullptr || file == nullptr) return;
  if (::realpath(directory, chosen.directory) == nullptr) return;
  const int descriptor = ::open(file, O_RDWR | O_CLOEXEC);
  if (descriptor < 0) return;
  void* mapped = ::mmap(nullptr, kControlBytes, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0);
  ::close(descriptor);
  if (mapped == MAP_FAILED) return;
  auto* control = static_cast<DiskControl*>(mapped);
  if (control->version.load() != kControlVersion) return;
  chosen.directory_size = std::strlen(chosen.directory);
  chosen.control = control;
}

bool lies_below(std::string_view path) {
  const std::string_view directory(chosen.directory, chosen.directory_size);
  return path.starts_with(directory) &&
         (path.size() == directory.size() || path[directory.size()] == '/');
}

void pause_us(std::uint64_t microseconds) {
  timespec rest{static_cast<time_t>(microseconds / 1'000'000),
                static_cast<long>(microseconds % 1'000'000 * 1000)};
  while (::nanosleep(&rest, &rest) != 0 && errno == EINTR) {
  }
}

// Takes one of the errors that are left.
bool take_error(DiskControl& control) {
  std::uint64_t left = control.error_left.load();
  while (left > 0) {
    if (control.error_left.compare_exchange_weak(left, left - 1)) return true;
  }
  return false;
}

// Takes up to `wanted` bytes of the room that is left.
std::uint64_t take_bytes(DiskControl& control, std::uint64_t wanted) {
  std::uint64_t left = control.space_left.load();
  std::uint64_t taken = 0;
  do {
    taken = std::min(left, wanted);
  } while (!control.space_left.compare_exchange_weak(left, left - taken));
  return taken;
}

}  // namespace

DiskControl* control() { return chosen.control; }

bool covers(int descriptor) {
  if (chosen.control == nullptr || descriptor < 0) return false;
  char link[sizeof("/proc/self/fd/") + 12] = "/proc/self/fd/";
  char digits[12];
  std::size_t count = 0;
  for (int rest = descriptor; count == 0 || rest > 0; rest /= 10) {
    digits[count++] = static_cast<char>('0' + rest % 10);
  }
  char* end = link + std::strlen(link);
  while (count > 0) *end++ = digits[--count];
  *end = '\0';
  char path[PATH_MAX];
  const int saved = errno;
  const ssize_t size = ::readlink(link, path, sizeof(path));
  errno = saved;
  return size > 0 && lies_below({path, static_cast<std::size_t>(size)});
}

bool covers(int at, const char* path) {
  if (chosen.control == nullptr || path == nullptr) return false;
  if (path[0] == '/') return lies_below(path);
  if (at != AT_FDCWD) return covers(at);
  char current[PATH_MAX];
  return ::getcwd(current, sizeof(current)) != nullptr && lies_below(current);
}

std::uint64_t sync_kind(int descriptor) {
  struct stat info{};
  return ::fstat(descriptor, &info) == 0 && S_ISDIR(info.st_mode) ? kDirectorySync : kSync;
}

std::uint64_t write_kind(int descriptor) {
  const int flags = ::fcntl(descriptor, F_GETFL);
  return flags >= 0 && (flags & O_DSYNC) != 0 ? kWrite | kSync : kWrite;
}

void die() {
  for (;;) {
    ::syscall(SYS_kill, ::getpid(), SIGKILL);
    ::pause();
  }
}

Passage::Passage(std::uint64_t kinds) {
  DiskControl& faults = *chosen.control;
  faults.operations.fetch_add(1);
  for (std::size_t i = 0; i < kOperationKinds; ++i) {
    if ((kinds >> i & 1U) != 0) faults.counted[i].fetch_add(1);
  }
  if ((kinds & faults.kill_mask.load()) != 0 &&
      faults.kill_seen.fetch_add(1) + 1 == faults.kill_at.load()) {
    when_ = faults.kill_when.load();
    // Only a write has a middle; of the others "torn" is as good as "before".
    if (when_ == kTorn && (kinds & kWrite) == 0) when_ = kBefore;
    if (when_ == kBefore) die();
  }
  std::uint64_t delay_us = 0;
  if ((kinds & kWrite) != 0) delay_us += faults.write_delay_us.load();
  if ((kinds & (kSync | kDirectorySync)) != 0) delay_us += faults.sync_delay_us.load();
  if (delay_us > 0) pause_us(delay_us);
  while ((kinds & faults.hang_mask.load()) != 0) pause_us(kHangPollUs);
  if ((kinds & faults.error_mask.load()) != 0) {
    const std::uint64_t every = faults.error_every.load();
    if (every > 0 && (faults.error_seen.fetch_add(1) + 1) % every == 0 && take_error(faults)) {
      faults.injected.fetch_add(1);
      short_ = faults.error_short.load() != 0;
      error_ = short_ ? 0 : static_cast<int>(faults.error_number.load());
    }
  }
}

void Passage::done() const {
  if (when_ == kAfter) die();
}

std::size_t take_room(int descriptor, std::int64_t offset, std::size_t size) {
  DiskControl& faults = *chosen.control;
  if (faults.space_limited.load() == 0) return size;
  struct stat info{};
  if (::fstat(descriptor, &info) != 0 || !S_ISREG(info.st_mode)) return size;
  if (offset < 0) offset = ::lseek(descriptor, 0, SEEK_CUR);
  const auto end = static_cast<std::uint64_t>(offset) + size;
  const auto present = static_cast<std::uint64_t>(info.st_size);
  if (end <= present) return size;
  const std::uint64_t growth = std::min<std::uint64_t>(end - present, size);
  const std::uint64_t taken = take_bytes(faults, growth);
  if (taken < growth) faults.injected.fetch_add(1);
  return size - static_cast<std::size_t>(growth - taken);
}

bool take_room_for(int descriptor, std::int64_t new_size) {
  DiskControl& faults = *chosen.control;
  struct stat info{};
  if (faults.space_limited.load() == 0 || ::fstat(descriptor, &info) != 0) return true;
  if (new_size <= info.st_size) {
    give_room(static_cast<std::uint64_t>(info.st_size - new_size));
    return true;
  }
  const auto growth = static_cast<std::uint64_t>(new_size - info.st_size);
  const std::uint64_t taken = take_bytes(faults, growth);
  if (taken == growth) return true;
  faults.space_left.fetch_add(taken);
  faults.injected.fetch_add(1);
  return false;
}

std::uint64_t bytes_of(int at, const char* path) {
  struct stat info{};
  const int saved = errno;
  const bool goes = ::fstatat(at, path, &info, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(info.st_mode) &&
                    info.st_nlink == 1;
  errno = saved;
  return goes ? static_cast<std::uint64_t>(info.st_size) : 0;
}

void give_room(std::uint64_t bytes) {
  if (chosen.control->space_limited.load() != 0) chosen.control->space_left.fetch_add(bytes);
}

}  // namespace kvcluster::faults
