#include "storage/data_directory.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "base/check.hpp"
#include "storage/posix_disk.hpp"

namespace kvcluster::storage {
namespace {

constexpr const char* kLock = "LOCK";
constexpr const char* kIdentity = "identity";
constexpr mode_t kDirectoryMode = 0700;
constexpr mode_t kFileMode = 0600;
constexpr std::size_t kMaxIdentityBytes = 4096;

Status failed(const std::string& what) {
  const int number = errno;
  return std::unexpected(system_error(what, number));
}

Status sync_path(const std::string& path) {
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor < 0) return failed("cannot open the directory " + path);
  const int synced = ::fsync(descriptor);
  const int number = errno;
  ::close(descriptor);
  errno = number;
  return synced == 0 ? Status{} : failed("cannot sync the directory " + path);
}

// Makes `path` and the directories above it that are missing, each durably.
// One level, durably; its parent exists.
Status make_level(const std::string& path, std::size_t slash) {
  if (::mkdir(path.c_str(), kDirectoryMode) != 0) {
    if (errno == EEXIST) return {};
    return failed("cannot make the data directory " + path);
  }
  if (slash == std::string::npos) return sync_path(".");
  return sync_path(slash == 0 ? "/" : path.substr(0, slash));
}

Status make_path(const std::string& path) {
  const auto slash = path.find_last_of('/');
  const bool has_parent = slash != std::string::npos && slash != 0;
  if (has_parent && ::access(path.substr(0, slash).c_str(), F_OK) != 0) {
    KV_TRY(make_path(path.substr(0, slash)));
  }
  return make_level(path, slash);
}

std::string without_trailing_slashes(std::string path) {
  while (path.size() > 1 && path.back() == '/') path.pop_back();
  return path;
}

// The descriptor that holds the lock.
Result<int> lock_directory(const std::string& path) {
  const std::string name = path + "/" + kLock;
  const int lock = ::open(name.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, kFileMode);
  if (lock < 0) return std::unexpected(failed("cannot open " + name).error());
  if (::flock(lock, LOCK_EX | LOCK_NB) != 0) {
    const int number = errno;
    char pid[32] = {};
    const ssize_t count = ::pread(lock, pid, sizeof(pid) - 1, 0);
    ::close(lock);
    if (number != EWOULDBLOCK) return std::unexpected(system_error("cannot lock " + name, number));
    const std::string_view digits(pid, count > 0 ? static_cast<std::size_t>(count) : 0);
    return fail(ErrorCode::kBusy,
                fmt::format("the data directory {} is in use by process {}; stop that node or "
                            "choose another --data-dir",
                            path, digits.substr(0, digits.find('\n'))));
  }
  // The pid is for people; the lock itself is what counts. A full disk has no room for it, and must
  // not keep a node from serving what it has.
  const std::string pid = fmt::format("{}\n", ::getpid());
  if (::ftruncate(lock, 0) != 0 ||
      (::pwrite(lock, pid.data(), pid.size(), 0) < 0 && errno != ENOSPC && errno != EDQUOT)) {
    const Status status = failed("cannot write " + name);
    ::close(lock);
    return std::unexpected(status.error());
  }
  return lock;
}

// A directory without an identity may hold what a first start left behind, and nothing else: no
// typo in a path may turn somebody's files into a data directory.
Status check_is_ours(Disk& disk, const std::string& path) {
  const auto names = disk.list("");
  if (!names) return std::unexpected(names.error());
  for (const std::string& name : *names) {
    const bool ours = name == kLock || name == "wal" || name == "CURRENT" ||
                      name.starts_with("checkpoint-") || name.ends_with(".new");
    if (!ours) {
      return fail(ErrorCode::kInvalidArgument,
                  fmt::format("{} holds other files ({}) and no node's data; choose an empty or "
                              "new directory",
                              path, name));
    }
  }
  return {};
}

}  // namespace

DataDirectory::DataDirectory(std::string path, int lock, std::unique_ptr<Disk> disk)
    : path_(std::move(path)), lock_(lock), disk_(std::move(disk)) {}

DataDirectory::~DataDirectory() { ::close(lock_); }

Result<std::unique_ptr<DataDirectory>> DataDirectory::open(const std::string& given, NodeId node) {
  const std::string path = without_trailing_slashes(given);
  KV_TRY(make_path(path));
  auto disk = open_posix_disk(path);
  if (!disk) return std::unexpected(std::move(disk).error());
  const auto known = (*disk)->exists(kIdentity);
  if (!known) return std::unexpected(known.error());
  if (!*known) KV_TRY(check_is_ours(**disk, path));
  const auto lock = lock_directory(path);
  if (!lock) return std::unexpected(lock.error());
  std::unique_ptr<DataDirectory> directory(new DataDirectory(path, *lock, std::move(*disk)));
  if (::chmod(path.c_str(), kDirectoryMode) != 0) {
    return std::unexpected(failed("cannot restrict access to " + path).error());
  }
  KV_TRY(directory->read_identity(node));
  return directory;
}

Status DataDirectory::read_identity(NodeId node) {
  const auto known = disk_->exists(kIdentity);
  if (!known) return std::unexpected(known.error());
  if (!*known) return {};
  const auto raw = read_file(*disk_, kIdentity, kMaxIdentityBytes);
  if (!raw) return std::unexpected(raw.error());
  auto identity = decode_identity(*raw);
  if (!identity) {
    return fail(identity.error().code, fmt::format("{}: {}", path_, identity.error().context));
  }
  if (identity->node != node) {
    return fail(ErrorCode::kWrongIdentity,
                fmt::format("the data directory {} belongs to node {}, not to node {}; give each "
                            "node its own --data-dir",
                            path_, identity->node.value(), node.value()));
  }
  identity_ = *identity;
  return {};
}

Status DataDirectory::write_identity(const Identity& identity) {
  KV_CHECK(!identity_ ||
               (identity_->node == identity.node && identity_->incarnation == identity.incarnation),
           "a directory keeps its node and incarnation for life");
  Bytes raw;
  encode(identity, raw);
  KV_TRY(replace_file(*disk_, kIdentity, raw));
  identity_ = identity;
  return {};
}

}  // namespace kvcluster::storage
