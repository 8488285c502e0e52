#include "server/password_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "base/bytes.hpp"

namespace kvcluster::server {
namespace {

auto refuse(const std::string& path, BytesView why) {
  return fail(ErrorCode::kInvalidArgument, fmt::format("--requirepass-file {}: {}", path, why));
}

}  // namespace

Result<std::string> read_password_file(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) return refuse(path, std::strerror(errno));
  struct stat about{};
  std::array<char, kMaxPasswordBytes + 2> buffer{};
  ssize_t size = -1;
  // The mode of the file that was opened, not of one that may stand in its place by now.
  const bool known = ::fstat(fd, &about) == 0;
  const bool regular = known && S_ISREG(about.st_mode);
  const bool open_to_others = known && (about.st_mode & (S_IROTH | S_IWOTH)) != 0;
  if (regular && !open_to_others) size = ::read(fd, buffer.data(), buffer.size());
  const int read_error = errno;
  ::close(fd);
  if (!regular) return refuse(path, "it must be a regular file");
  if (open_to_others) {
    return refuse(
        path, fmt::format("everybody on this machine can read or write it; chmod 600 {}", path));
  }
  if (size < 0) return refuse(path, std::strerror(read_error));
  std::string password(buffer.data(), static_cast<std::size_t>(size));
  password.resize(std::min(password.size(), password.find_first_of("\r\n")));
  if (password.empty()) return refuse(path, "its first line is empty; write the password there");
  if (password.size() > kMaxPasswordBytes) {
    return refuse(path, fmt::format("the password is longer than {} bytes", kMaxPasswordBytes));
  }
  return password;
}

}  // namespace kvcluster::server
