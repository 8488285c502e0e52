// A disk in memory that fails as real ones do, on command: what was not synced is lost or torn at a
// crash, names that were not synced are forgotten, operations fail, bits flip. Deterministic: the
// same calls and the same seed give the same bytes.
//
// What a crash may leave of unsynced bytes: each sector of 512 bytes holds, on its own, what was
// last synced, what was last written, or the beginning of the one and the rest of the other. Of the
// unsynced changes of a directory's names a beginning survives, as in a journal.
//
// Thread-safety: none.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "storage/disk.hpp"

namespace kvcluster::storage {

class MemoryDisk final : public Disk {
 public:
  MemoryDisk();
  ~MemoryDisk() override;

  Result<std::unique_ptr<File>> open(const std::string& name, OpenMode mode) override;
  Status rename(const std::string& from, const std::string& to) override;
  Status remove(const std::string& name) override;
  Result<std::vector<std::string>> list(const std::string& directory) override;
  Status sync_directory(const std::string& directory) override;
  Status make_directory(const std::string& name) override;
  Result<bool> exists(const std::string& name) override;

  // Power fails and comes back: files that were open before give kIo from now on. Ends what
  // fail_at and fail_from injected.
  void crash(std::uint64_t seed);
  // Power fails and comes back, and by luck nothing was lost; as after a killed process.
  void crash_losing_nothing();
  // Replaced by a new, empty disk.
  void wipe();

  // Operations that change the disk (write, fill, sync, rename, remove, make, create), counted
  // from the disk's making on.
  [[nodiscard]] std::uint64_t operations() const;
  // The operation with this number fails with `code`, once. A failed write leaves a part of itself
  // behind; a failed sync loses what it should have made durable, although it reads back.
  void fail_at(std::uint64_t operation, ErrorCode code);
  // None of these is still to come.
  void forget_failures();
  // This operation and all after it fail with kIo and do nothing, as when the power is cut.
  void fail_from(std::uint64_t operation);

  // Files together may hold so many bytes; growing beyond gives kDiskFull.
  void set_capacity(std::uint64_t bytes);

  // Damages what is stored, durably. Requires: the file has this byte.
  void flip_bit(const std::string& name, std::uint64_t offset, unsigned bit);
  void overwrite(const std::string& name, std::uint64_t offset, BytesView bytes);

  // What a read would give. Requires: the file exists.
  [[nodiscard]] const Bytes& contents(const std::string& name) const;

  // An independent copy, unsynced state included, without injected failures.
  [[nodiscard]] std::unique_ptr<MemoryDisk> clone() const;

 private:
  struct Inode;
  struct Controls;
  class OpenFile;
  using Names = std::map<std::string, std::shared_ptr<Inode>>;
  struct NameChange {  // not yet durable
    std::string directory;
    std::string name;
    std::shared_ptr<Inode> inode;  // null: the name goes
    bool with_next = false;        // one step together with the change that follows
  };

  void set_name(const std::string& name, std::shared_ptr<Inode> inode, bool with_next = false);
  void restart();

  std::shared_ptr<Controls> controls_;  // shared with the open files
  Names live_;
  Names durable_;
  std::vector<NameChange> changes_;
};

}  // namespace kvcluster::storage
