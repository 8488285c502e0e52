// The password that clients must give, out of a file that only its owner (and group) may read.
#pragma once

#include <string>

#include "base/result.hpp"

namespace kvcluster::server {

// The first line of the file. Errors: kInvalidArgument, one line that says what to do: the file is
// missing, empty, longer than kMaxPasswordBytes, or others may read or write it.
[[nodiscard]] Result<std::string> read_password_file(const std::string& path);

inline constexpr std::size_t kMaxPasswordBytes = 512;

}  // namespace kvcluster::server
