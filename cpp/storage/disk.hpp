// The disk as the storage layer sees it: one directory with named files, where nothing is durable
// before it is synced, neither the bytes of a file nor its name. PosixDisk is the real one;
// MemoryDisk loses, tears and refuses on command.
//
// Names are relative to the root, with '/' between a directory and its files; never absolute, never
// with "..".
// Thread-safety: a Disk may be used by several threads at once when they name different files; a
// File has one user at a time.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/bytes.hpp"
#include "base/result.hpp"

namespace kvcluster::storage {

// An open file. All errors name the file.
// Errors: kIo; of what grows a file also kDiskFull. After a failed write or sync the contents are
// unknown: the pages may count as clean although they never reached the disk, so a retry that
// succeeds proves nothing.
class File {
 public:
  virtual ~File() = default;
  File(const File&) = delete;
  File& operator=(const File&) = delete;

  // Reads up to out.size() bytes; fewer only at the end of the file.
  [[nodiscard]] virtual Result<std::size_t> read_at(std::uint64_t offset, std::span<char> out) = 0;
  // Writes all bytes, growing the file where it ends before.
  [[nodiscard]] virtual Status write_at(std::uint64_t offset, BytesView bytes) = 0;
  // Makes all written bytes durable, and of the metadata what is needed to read them (the size).
  [[nodiscard]] virtual Status sync_data() = 0;
  [[nodiscard]] virtual Result<std::uint64_t> size() const = 0;
  // Fills [from, to) with written zeroes, not with a hole: a later write there needs no new block,
  // so its sync changes no metadata.
  [[nodiscard]] virtual Status fill_zero(std::uint64_t from, std::uint64_t to) = 0;

 protected:
  File() = default;
};

enum class OpenMode : std::uint8_t {
  kExisting,   // kNotFound when missing
  kCreateNew,  // an existing file of that name is emptied
};

class Disk {
 public:
  virtual ~Disk() = default;
  Disk(const Disk&) = delete;
  Disk& operator=(const Disk&) = delete;

  [[nodiscard]] virtual Result<std::unique_ptr<File>> open(const std::string& name,
                                                           OpenMode mode) = 0;
  // Replaces `to` when it exists.
  [[nodiscard]] virtual Status rename(const std::string& from, const std::string& to) = 0;
  // Removing what is not there is no error.
  [[nodiscard]] virtual Status remove(const std::string& name) = 0;
  // The names in a directory ("" for the root), sorted, without the directory's own name.
  [[nodiscard]] virtual Result<std::vector<std::string>> list(const std::string& directory) = 0;
  // Makes creations, renames and removals in a directory durable.
  [[nodiscard]] virtual Status sync_directory(const std::string& directory) = 0;
  // An existing directory is no error.
  [[nodiscard]] virtual Status make_directory(const std::string& name) = 0;
  [[nodiscard]] virtual Result<bool> exists(const std::string& name) = 0;

 protected:
  Disk() = default;
};

// Puts a small file in place in one step: write-new, sync, rename, directory sync. After a crash
// the file holds the old bytes or the new ones. Requires: `name` is in the root.
// Errors: kDiskFull: the old bytes stand; kIo: it is not known which.
[[nodiscard]] Status replace_file(Disk& disk, const std::string& name, BytesView bytes);

// All bytes of a file. Errors: kNotFound; kLimitExceeded when it is larger than `max_bytes`.
[[nodiscard]] Result<Bytes> read_file(Disk& disk, const std::string& name, std::size_t max_bytes);

}  // namespace kvcluster::storage
