// Receives a snapshot's byte stream into a new environment, beside the one in use, and puts it in
// its place when it is complete and its digest is right.
//
// Thread-safety: one thread (the checkpointer's), always the same.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "base/bytes.hpp"
#include "base/digest.hpp"
#include "base/result.hpp"
#include "storage/checkpoint.hpp"
#include "storage/identity.hpp"
#include "storage/snapshot_format.hpp"

namespace kvcluster::storage {

// A snapshot that is durable and in its place. Carry it to the table's owner:
// LayeredTable::replace_base(environment), StateMachine::restore(meta.state_machine).
struct InstalledSnapshot {
  CheckpointMeta meta;
  std::shared_ptr<Environment> environment;
};

class SnapshotWriter {
 public:
  // `cluster` all zero: any is accepted. `store` must outlive the writer; one writer at a time.
  // Errors: kDiskFull, kIo.
  [[nodiscard]] static Result<std::unique_ptr<SnapshotWriter>> begin(CheckpointStore& store,
                                                                     const ClusterId& cluster);
  // What was not finished is removed.
  ~SnapshotWriter();

  // All bytes below are taken.
  [[nodiscard]] std::uint64_t next_offset() const { return received_; }

  // Errors: kInvalidArgument when `offset` is not next_offset() (nothing changed); kCorruption,
  // kWrongIdentity, kVersionMismatch (send it again from the beginning, to a new writer);
  // kDiskFull, kIo.
  [[nodiscard]] Status write(std::uint64_t offset, BytesView data);

  // After the last chunk: checks that the stream is whole and stands at `last`, as its sender said,
  // makes it durable and the current one. A kill at any step leaves the old checkpoint or the new
  // one. Errors: kCorruption, kDiskFull: the old one stands; kIo: end the node.
  [[nodiscard]] Result<InstalledSnapshot> finish(const raft::EntryId& last);

 private:
  struct Pending {
    kv::Space space;
    std::size_t offset;
    std::size_t key_size;
    std::size_t value_size;
  };

  SnapshotWriter(CheckpointStore& store, const ClusterId& cluster,
                 std::shared_ptr<Environment> environment);
  [[nodiscard]] Status take_all();
  [[nodiscard]] Status take_trailer(BytesView in);
  [[nodiscard]] Status add(const SnapshotRecord& record);
  [[nodiscard]] Status store_batch(const CheckpointMeta* meta);
  [[nodiscard]] Status store_batch_once(const CheckpointMeta* meta);

  CheckpointStore& store_;
  ClusterId cluster_;
  std::shared_ptr<Environment> environment_;
  std::uint64_t received_ = 0;
  Bytes unparsed_;
  Blake2b256 hash_;
  std::optional<SnapshotHeader> header_;
  std::optional<kv::Space> last_space_;
  Bytes last_key_;
  SpaceCounts counts_{};
  Bytes batch_;  // keys and values that are not yet in the environment
  std::vector<Pending> batch_records_;
  bool complete_ = false;
  bool failed_ = false;
};

}  // namespace kvcluster::storage
