// Whether there is room for more writes. A write that is refused in time costs a client an error; a
// disk that fills up under the log costs the node its quorum.
#pragma once

#include <cstdint>
#include <string>

#include "base/result.hpp"

namespace kvcluster::server {

// Free bytes for this user on the file system that holds `path`. Errors: kIo.
[[nodiscard]] Result<std::uint64_t> free_disk_bytes(const std::string& path);

// Refuses below the low water mark or when an append found no room, and allows again only a quarter
// above the mark, so that it does not flap. Pure.
class DiskSpace {
 public:
  explicit DiskSpace(std::uint64_t low_water_bytes) : low_water_bytes_(low_water_bytes) {}

  // True when the answer of full() changed.
  bool measured(std::uint64_t free_bytes);
  // The log found no room (true), or has written again (false). True when full() changed.
  bool append_refused(bool refused);

  [[nodiscard]] bool full() const { return append_refused_ || below_mark_; }
  [[nodiscard]] std::uint64_t free_bytes() const { return free_bytes_; }

 private:
  std::uint64_t low_water_bytes_;
  std::uint64_t free_bytes_ = 0;
  bool below_mark_ = false;
  bool append_refused_ = false;
};

}  // namespace kvcluster::server
