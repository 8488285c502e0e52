#include "storage/posix_disk.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>

namespace kvcluster::storage {

Error system_error(const std::string& what, int number) {
  const std::string reason = std::generic_category().message(number);
  switch (number) {
    case ENOSPC:
    case EDQUOT:
      return {ErrorCode::kDiskFull,
              fmt::format("{}: {}; make room on its file system", what, reason)};
    case ENOENT:
      return {ErrorCode::kNotFound, fmt::format("{}: {}", what, reason)};
    default:
      return {ErrorCode::kIo, fmt::format("{}: {}", what, reason)};
  }
}

namespace {

constexpr mode_t kFileMode = 0600;
constexpr mode_t kDirectoryMode = 0700;

// Closes on every path out.
class Descriptor {
 public:
  explicit Descriptor(int number) : number_(number) {}
  ~Descriptor() {
    if (number_ >= 0) ::close(number_);
  }
  Descriptor(Descriptor&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  [[nodiscard]] int get() const { return number_; }
  [[nodiscard]] int release() { return std::exchange(number_, -1); }

 private:
  int number_;
};

class PosixFile final : public File {
 public:
  PosixFile(Descriptor descriptor, std::string path)
      : descriptor_(std::move(descriptor)), path_(std::move(path)) {}

  Result<std::size_t> read_at(std::uint64_t offset, std::span<char> out) override {
    std::size_t done = 0;
    while (done < out.size()) {
      const ssize_t count = ::pread(descriptor_.get(), out.data() + done, out.size() - done,
                                    static_cast<off_t>(offset + done));
      if (count < 0 && errno == EINTR) continue;
      if (count < 0) return std::unexpected(system_error("cannot read " + path_, errno));
      if (count == 0) break;
      done += static_cast<std::size_t>(count);
    }
    return done;
  }

  Status write_at(std::uint64_t offset, BytesView bytes) override {
    while (!bytes.empty()) {
      const ssize_t count =
          ::pwrite(descriptor_.get(), bytes.data(), bytes.size(), static_cast<off_t>(offset));
      if (count < 0 && errno == EINTR) continue;
      if (count < 0) return std::unexpected(system_error("cannot write " + path_, errno));
      bytes.remove_prefix(static_cast<std::size_t>(count));
      offset += static_cast<std::uint64_t>(count);
    }
    return {};
  }

  Status sync_data() override {
    // Not tried again, whatever the error: the kernel may have marked the lost pages clean.
    if (::fdatasync(descriptor_.get()) != 0) {
      return std::unexpected(system_error("cannot sync " + path_, errno));
    }
    return {};
  }

  Result<std::uint64_t> size() const override {
    struct stat info{};
    if (::fstat(descriptor_.get(), &info) != 0) {
      return std::unexpected(system_error("cannot read the size of " + path_, errno));
    }
    return static_cast<std::uint64_t>(info.st_size);
  }

  Status fill_zero(std::uint64_t from, std::uint64_t to) override {
    static const Bytes kZeroes(256U << 10U, '\0');
    while (from < to) {
      const auto count = std::min<std::uint64_t>(to - from, kZeroes.size());
      KV_TRY(write_at(from, BytesView(kZeroes).substr(0, static_cast<std::size_t>(count))));
      from += count;
    }
    return {};
  }

 private:
  Descriptor descriptor_;
  std::string path_;
};

class PosixDisk final : public Disk {
 public:
  PosixDisk(Descriptor root, std::string path) : root_(std::move(root)), path_(std::move(path)) {}

  Result<std::unique_ptr<File>> open(const std::string& name, OpenMode mode) override {
    const int flags = O_RDWR | O_CLOEXEC | (mode == OpenMode::kCreateNew ? O_CREAT | O_TRUNC : 0);
    Descriptor descriptor(::openat(root_.get(), name.c_str(), flags, kFileMode));
    if (descriptor.get() < 0) return failed("cannot open", name);
    return std::make_unique<PosixFile>(std::move(descriptor), full(name));
  }

  Status rename(const std::string& from, const std::string& to) override {
    if (::renameat(root_.get(), from.c_str(), root_.get(), to.c_str()) != 0) {
      return failed("cannot rename", from);
    }
    return {};
  }

  Status remove(const std::string& name) override {
    if (::unlinkat(root_.get(), name.c_str(), 0) == 0 || errno == ENOENT) return {};
    if (errno == EISDIR && (::unlinkat(root_.get(), name.c_str(), AT_REMOVEDIR) == 0)) return {};
    return failed("cannot remove", name);
  }

  Result<std::vector<std::string>> list(const std::string& directory) override {
    auto descriptor = open_directory(directory);
    if (!descriptor) return std::unexpected(std::move(descriptor).error());
    const std::unique_ptr<DIR, int (*)(DIR*)> stream(::fdopendir(descriptor->get()), ::closedir);
    if (!stream) return failed("cannot list", directory);
    static_cast<void>(descriptor->release());  // the stream owns it now
    std::vector<std::string> names;
    for (;;) {
      errno = 0;
      const dirent* entry = ::readdir(stream.get());
      if (entry == nullptr) break;
      const std::string name = entry->d_name;
      if (name != "." && name != "..") names.push_back(name);
    }
    if (errno != 0) return failed("cannot list", directory);
    std::sort(names.begin(), names.end());
    return names;
  }

  Status sync_directory(const std::string& directory) override {
    const auto descriptor = open_directory(directory);
    if (!descriptor) return std::unexpected(descriptor.error());
    if (::fsync(descriptor->get()) != 0) return failed("cannot sync the directory", directory);
    return {};
  }

  Status make_directory(const std::string& name) override {
    if (::mkdirat(root_.get(), name.c_str(), kDirectoryMode) == 0 || errno == EEXIST) return {};
    return failed("cannot make the directory", name);
  }

  Result<bool> exists(const std::string& name) override {
    struct stat info{};
    if (::fstatat(root_.get(), name.c_str(), &info, AT_SYMLINK_NOFOLLOW) == 0) return true;
    if (errno == ENOENT || errno == ENOTDIR) return false;
    return failed("cannot look at", name);
  }

 private:
  [[nodiscard]] std::string full(const std::string& name) const {
    return name.empty() ? path_ : path_ + "/" + name;
  }
  [[nodiscard]] std::unexpected<Error> failed(const char* what, const std::string& name) const {
    const int number = errno;
    return std::unexpected(system_error(fmt::format("{} {}", what, full(name)), number));
  }
  Result<Descriptor> open_directory(const std::string& name) {
    Descriptor descriptor(::openat(root_.get(), name.empty() ? "." : name.c_str(),
                                   O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (descriptor.get() < 0) return failed("cannot open the directory", name);
    return descriptor;
  }

  Descriptor root_;
  std::string path_;
};

}  // namespace

Result<std::unique_ptr<Disk>> open_posix_disk(const std::string& path) {
  Descriptor root(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (root.get() < 0) {
    const int number = errno;
    return std::unexpected(system_error("cannot open the directory " + path, number));
  }
  return std::make_unique<PosixDisk>(std::move(root), path);
}

}  // namespace kvcluster::storage
