// A library to be preloaded (LD_PRELOAD) into a process whose disk shall misbehave. It stands in
// front of libc's calls that change files, lets everything pass that is not below the directory it
// was given, and does to the rest what the control file says (disk_control.hpp).
//
// The node itself has no fault code: what is tested is what is shipped.
//
// Not seen: what libc does inside itself (stdio), changes through a shared mapping, and opening.

#include <dlfcn.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>

#include "faults/passage.hpp"

namespace kvcluster::faults {
namespace {

constexpr int kPartsMax = 1024;  // IOV_MAX of Linux

int failed(int number) {
  errno = number;
  return -1;
}

// `write_bytes(n)` writes the first n bytes, by a call to the kernel itself.
template <typename WriteBytes>
ssize_t pass_write(int descriptor, std::int64_t offset, std::size_t size,
                   const WriteBytes& write_bytes) {
  if (!covers(descriptor)) return write_bytes(size);
  const Passage passage(write_kind(descriptor));
  if (passage.error() != 0) return failed(passage.error());
  if (passage.is_torn()) {
    write_bytes(size / 2);
    die();
  }
  const std::size_t wanted = passage.is_short() && size > 1 ? size / 2 : size;
  const std::size_t fitting = take_room(descriptor, offset, wanted);
  if (fitting == 0 && wanted > 0) return failed(ENOSPC);
  const ssize_t written = write_bytes(fitting);
  passage.done();
  return written;
}

// The first `size` bytes of a scattered write.
struct Parts {
  std::array<iovec, kPartsMax> items;
  int count = 0;
  Parts(const iovec* from, int from_count, std::size_t size) {
    while (count < std::min(from_count, kPartsMax) && size > 0) {
      items[static_cast<std::size_t>(count)] = from[count];
      items[static_cast<std::size_t>(count)].iov_len = std::min(from[count].iov_len, size);
      size -= items[static_cast<std::size_t>(count)].iov_len;
      ++count;
    }
  }
};

std::size_t total(const iovec* parts, int count) {
  std::size_t size = 0;
  for (int i = 0; i < count; ++i) size += parts[i].iov_len;
  return size;
}

template <typename Act>
int pass(std::uint64_t kinds, const Act& act) {
  const Passage passage(kinds);
  if (passage.error() != 0) return failed(passage.error());
  const int result = act();
  passage.done();
  return result;
}

int pass_sync(long number, int descriptor) {
  const auto sync = [&] { return static_cast<int>(::syscall(number, descriptor)); };
  return covers(descriptor) ? pass(sync_kind(descriptor), sync) : sync();
}

int pass_rename(int from_at, const char* from, int to_at, const char* to, unsigned int flags) {
  const auto act = [&] {
    return static_cast<int>(::syscall(SYS_renameat2, from_at, from, to_at, to, flags));
  };
  if (!covers(to_at, to)) return act();
  return pass(kRename, [&] {
    const std::uint64_t replaced = bytes_of(to_at, to);
    const int result = act();
    if (result == 0) give_room(replaced);
    return result;
  });
}

int pass_remove(int at, const char* path, int flags) {
  const auto act = [&] { return static_cast<int>(::syscall(SYS_unlinkat, at, path, flags)); };
  if (!covers(at, path)) return act();
  return pass(kRemove, [&] {
    const std::uint64_t freed = bytes_of(at, path);
    const int result = act();
    if (result == 0) give_room(freed);
    return result;
  });
}

template <typename Act>
int pass_resize(int descriptor, std::int64_t new_size, const Act& act) {
  if (!covers(descriptor)) return act();
  return pass(kResize,
              [&] { return take_room_for(descriptor, new_size) ? act() : failed(ENOSPC); });
}

int pass_allocate(int descriptor, int mode, off_t offset, off_t size) {
  const auto act = [&] {
    return static_cast<int>(::syscall(SYS_fallocate, descriptor, mode, offset, size));
  };
  struct stat info{};
  if (::fstat(descriptor, &info) != 0) return -1;
  return pass_resize(descriptor, std::max(info.st_size, offset + size), act);
}

void show_room(struct statvfs* figures) {
  const DiskControl& faults = *control();
  if (faults.space_limited.load() == 0 || figures->f_frsize == 0) return;
  const fsblkcnt_t blocks = faults.space_left.load() / figures->f_frsize;
  figures->f_bavail = std::min(figures->f_bavail, blocks);
  figures->f_bfree = std::min(figures->f_bfree, blocks);
}

template <typename Function>
Function next(const char* name) {
  return reinterpret_cast<Function>(::dlsym(RTLD_NEXT, name));
}

}  // namespace
}  // namespace kvcluster::faults

// The names of libc. On 64-bit Linux each *64 twin is the same function.
namespace faults = kvcluster::faults;

#pragma GCC visibility push(default)
extern "C" {

ssize_t write(int descriptor, const void* bytes, size_t size) {
  return faults::pass_write(descriptor, -1, size, [&](std::size_t count) -> ssize_t {
    return ::syscall(SYS_write, descriptor, bytes, count);
  });
}

ssize_t pwrite(int descriptor, const void* bytes, size_t size, off_t offset) {
  return faults::pass_write(descriptor, offset, size, [&](std::size_t count) -> ssize_t {
    return ::syscall(SYS_pwrite64, descriptor, bytes, count, offset);
  });
}
ssize_t pwrite64(int, const void*, size_t, off_t) __attribute__((alias("pwrite")));

ssize_t writev(int descriptor, const iovec* parts, int count) {
  const std::size_t size = faults::total(parts, count);
  return faults::pass_write(descriptor, -1, size, [&](std::size_t wanted) -> ssize_t {
    const faults::Parts some(parts, count, wanted);
    return ::syscall(SYS_writev, descriptor, some.items.data(), some.count);
  });
}

ssize_t pwritev2(int descriptor, const iovec* parts, int count, off_t offset, int flags) {
  const std::size_t size = faults::total(parts, count);
  return faults::pass_write(descriptor, offset, size, [&](std::size_t wanted) -> ssize_t {
    const faults::Parts some(parts, count, wanted);
    return ::syscall(SYS_pwritev2, descriptor, some.items.data(), some.count, offset, 0, flags);
  });
}
ssize_t pwritev64v2(int, const iovec*, int, off_t, int) __attribute__((alias("pwritev2")));

ssize_t pwritev(int descriptor, const iovec* parts, int count, off_t offset) {
  return offset < 0 ? faults::failed(EINVAL) : pwritev2(descriptor, parts, count, offset, 0);
}
ssize_t pwritev64(int, const iovec*, int, off_t) __attribute__((alias("pwritev")));

int fsync(int descriptor) { return faults::pass_sync(SYS_fsync, descriptor); }

int fdatasync(int descriptor) { return faults::pass_sync(SYS_fdatasync, descriptor); }

int rename(const char* from, const char* to) noexcept {
  return faults::pass_rename(AT_FDCWD, from, AT_FDCWD, to, 0);
}

int renameat(int from_at, const char* from, int to_at, const char* to) noexcept {
  return faults::pass_rename(from_at, from, to_at, to, 0);
}

int renameat2(int from_at, const char* from, int to_at, const char* to,
              unsigned int flags) noexcept {
  return faults::pass_rename(from_at, from, to_at, to, flags);
}

int unlink(const char* path) noexcept { return faults::pass_remove(AT_FDCWD, path, 0); }

int unlinkat(int at, const char* path, int flags) noexcept {
  return faults::pass_remove(at, path, flags);
}

int ftruncate(int descriptor, off_t size) noexcept {
  return faults::pass_resize(descriptor, size, [&] {
    return static_cast<int>(::syscall(SYS_ftruncate, descriptor, size));
  });
}
int ftruncate64(int, off_t) noexcept __attribute__((alias("ftruncate")));

int fallocate(int descriptor, int mode, off_t offset, off_t size) {
  return faults::pass_allocate(descriptor, mode, offset, size);
}
int fallocate64(int, int, off_t, off_t) __attribute__((alias("fallocate")));

int posix_fallocate(int descriptor, off_t offset, off_t size) {
  return faults::pass_allocate(descriptor, 0, offset, size) == 0 ? 0 : errno;
}
int posix_fallocate64(int, off_t, off_t) __attribute__((alias("posix_fallocate")));

int statvfs(const char* path, struct statvfs* figures) noexcept {
  static const auto kReal = faults::next<int (*)(const char*, struct statvfs*)>("statvfs");
  const int result = kReal(path, figures);
  if (result == 0 && faults::covers(AT_FDCWD, path)) faults::show_room(figures);
  return result;
}

int statvfs64(const char* path, struct statvfs64* figures) noexcept {
  static_assert(sizeof(struct statvfs64) == sizeof(struct statvfs));
  return statvfs(path, reinterpret_cast<struct statvfs*>(figures));
}

int fstatvfs(int descriptor, struct statvfs* figures) noexcept {
  static const auto kReal = faults::next<int (*)(int, struct statvfs*)>("fstatvfs");
  const int result = kReal(descriptor, figures);
  if (result == 0 && faults::covers(descriptor)) faults::show_room(figures);
  return result;
}

int fstatvfs64(int descriptor, struct statvfs64* figures) noexcept {
  return fstatvfs(descriptor, reinterpret_cast<struct statvfs*>(figures));
}

}  // extern "C"
#pragma GCC visibility pop
