// The disk of the operating system. Files are 0600, directories 0700.
#pragma once

#include <memory>
#include <string>

#include "storage/disk.hpp"

namespace kvcluster::storage {

// The error of a failed system call: "<what>: <reason>". ENOSPC and EDQUOT are kDiskFull, ENOENT is
// kNotFound, all else kIo.
[[nodiscard]] Error system_error(const std::string& what, int number);

// A disk rooted at the existing directory `path`. Errors: kNotFound, kIo.
[[nodiscard]] Result<std::unique_ptr<Disk>> open_posix_disk(const std::string& path);

}  // namespace kvcluster::storage
