// The durable state: one LMDB environment, changed by one transaction a checkpoint.
//
// LMDB is copy-on-write and flushes data before its meta page, so after a crash the environment is
// exactly one committed checkpoint: the records, and the log position they stand at, together.
// A snapshot from a peer is received into a new environment beside the old one; the file CURRENT
// names the one that counts. What CURRENT does not name is removed at the next start.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "raft/configuration.hpp"
#include "raft/log_entry.hpp"
#include "storage/disk.hpp"
#include "storage/environment.hpp"
#include "storage/memtable.hpp"

namespace kvcluster::storage {

// Where the records of a checkpoint stand in the log; written in the same transaction.
struct CheckpointMeta {
  raft::EntryId applied;
  raft::Configuration configuration;  // at `applied`
  Bytes state_machine;                // kv::StateMachine::encode_meta

  friend bool operator==(const CheckpointMeta&, const CheckpointMeta&) = default;
};

void encode(const CheckpointMeta& meta, Bytes& out);
// Errors: kCorruption, kVersionMismatch.
[[nodiscard]] Result<CheckpointMeta> decode_checkpoint_meta(BytesView in);

// All that a checkpoint writes. Made by the table's owner, written by the checkpointer.
struct CheckpointJob {
  std::shared_ptr<const Memtable> frozen;
  CheckpointMeta meta;
  std::uint64_t environment = 0;  // the number of the one that the table stood on
};

// Thread-safety: one thread at a time (the checkpointer's). The environment it hands out is shared
// with the table's owner, who reads it through a transaction of its own.
class CheckpointStore {
 public:
  // Makes an empty environment and CURRENT, durably. What a start that was cut short left behind
  // is removed. Errors: kCorruption when there is a checkpoint; kIo, kDiskFull.
  [[nodiscard]] static Status create(Disk& disk, const std::string& path,
                                     const EnvironmentOptions& options);

  // Opens what CURRENT names and removes what it does not. `disk` is the data directory at `path`,
  // and must outlive the store.
  // Errors: kCorruption, kVersionMismatch, kIo, kDiskFull, kBusy.
  [[nodiscard]] static Result<std::unique_ptr<CheckpointStore>> open(
      Disk& disk, const std::string& path, const EnvironmentOptions& options);

  // An empty environment in place of whatever is there, durably: what is there cannot be used,
  // and stands aside (set_aside.hpp).
  // Errors: kIo, kDiskFull.
  [[nodiscard]] static Result<std::unique_ptr<CheckpointStore>> begin_anew(
      Disk& disk, const std::string& path, const EnvironmentOptions& options);

  // Puts the job's changes and meta into the environment, in one transaction; durable on return.
  // A job from before a snapshot install is superseded: nothing is written.
  // Errors: kLimitExceeded: the map is full and must be grown by the table's owner
  // (LayeredTable::grow_base), then write the same job again. kDiskFull: the old checkpoint
  // stands, try again later. kIo: end the node.
  [[nodiscard]] Status write(const CheckpointJob& job);

  [[nodiscard]] const std::shared_ptr<Environment>& environment() const { return environment_; }
  // Empty before the first checkpoint.
  [[nodiscard]] const std::optional<CheckpointMeta>& meta() const { return meta_; }

  // For SnapshotWriter. A new, empty environment beside the current one; what an earlier attempt
  // left behind is removed.
  [[nodiscard]] Result<std::shared_ptr<Environment>> make_successor();
  // Makes a successor, which is complete and durable, the current one, durably. The old one's
  // files go; who still reads it may go on.
  // Errors: kDiskFull: the old one stands; kIo: it is not known which of them counts, end the node.
  [[nodiscard]] Status switch_to(std::shared_ptr<Environment> successor);
  // Removes a successor that was not completed.
  void discard_successor(std::uint64_t number);

 private:
  CheckpointStore(Disk& disk, std::string path, const EnvironmentOptions& options);
  [[nodiscard]] Result<std::shared_ptr<Environment>> make_environment(std::uint64_t number);
  [[nodiscard]] Status name_current(std::uint64_t number);
  [[nodiscard]] Status remove_environment(std::uint64_t number);
  // Directories of checkpoints that are there, named or not.
  [[nodiscard]] Result<std::vector<std::uint64_t>> numbers() const;
  [[nodiscard]] Status remove_leftovers(std::uint64_t keep);
  [[nodiscard]] std::string path_of(std::uint64_t number) const;

  Disk& disk_;
  std::string path_;
  EnvironmentOptions options_;
  std::shared_ptr<Environment> environment_;
  std::optional<CheckpointMeta> meta_;
};

}  // namespace kvcluster::storage
