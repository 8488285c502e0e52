// A node's directory: held by one process, of one node, for its whole life.
//
//   LOCK          flock'ed by the running process; holds its pid
//   identity      whose it is; written last when the directory is made
//   CURRENT       names the checkpoint that counts
//   checkpoint-N/ an LMDB environment
//   wal/          segments of the write-ahead log
//
// Directories are 0700, files 0600.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "base/result.hpp"
#include "storage/disk.hpp"
#include "storage/identity.hpp"

namespace kvcluster::storage {

class DataDirectory {
 public:
  // Makes the directory (and its parents) when missing, locks it, reads its identity.
  // Errors: kBusy: another process holds it (the line names its pid); kWrongIdentity: another
  // node's; kVersionMismatch; kCorruption; kIo.
  [[nodiscard]] static Result<std::unique_ptr<DataDirectory>> open(const std::string& path,
                                                                   NodeId node);
  ~DataDirectory();
  DataDirectory(const DataDirectory&) = delete;
  DataDirectory& operator=(const DataDirectory&) = delete;

  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] Disk& disk() const { return *disk_; }
  // Empty: the directory was never completed; no node has run on it.
  [[nodiscard]] const std::optional<Identity>& identity() const { return identity_; }
  // Durable on return. Requires: node and incarnation, once written, stay.
  [[nodiscard]] Status write_identity(const Identity& identity);

 private:
  DataDirectory(std::string path, int lock, std::unique_ptr<Disk> disk);

  [[nodiscard]] Status read_identity(NodeId node);

  std::string path_;
  int lock_;
  std::unique_ptr<Disk> disk_;
  std::optional<Identity> identity_;
};

}  // namespace kvcluster::storage
