#include "server/disk_space.hpp"

#include <sys/statvfs.h>

#include <cerrno>
#include <cstring>

namespace kvcluster::server {

Result<std::uint64_t> free_disk_bytes(const std::string& path) {
  struct statvfs figures{};
  while (::statvfs(path.c_str(), &figures) != 0) {
    if (errno == EINTR) continue;
    return fail(ErrorCode::kIo,
                "cannot ask for the free space of " + path + ": " + std::strerror(errno));
  }
  return static_cast<std::uint64_t>(figures.f_bavail) * figures.f_frsize;
}

bool DiskSpace::measured(std::uint64_t free_bytes) {
  const bool before = full();
  free_bytes_ = free_bytes;
  if (free_bytes < low_water_bytes_) {
    below_mark_ = true;
  } else if (free_bytes >= low_water_bytes_ + low_water_bytes_ / 4) {
    below_mark_ = false;
  }
  return full() != before;
}

bool DiskSpace::append_refused(bool refused) {
  const bool before = full();
  append_refused_ = refused;
  return full() != before;
}

}  // namespace kvcluster::server
