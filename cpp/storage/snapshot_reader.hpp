// Reads a durable checkpoint as a byte stream for a peer (dissertation, 5.1).
//
// Thread-safety: one thread at a time (the checkpointer's). It holds a view of the environment: end
// it when the transfer ends, since the pages it sees cannot be reused meanwhile.
#pragma once

#include <cstdint>
#include <memory>

#include "base/bytes.hpp"
#include "base/digest.hpp"
#include "base/result.hpp"
#include "storage/checkpoint.hpp"
#include "storage/identity.hpp"
#include "storage/snapshot_format.hpp"

namespace kvcluster::storage {

class SnapshotReader {
 public:
  struct Chunk {
    Slice data;
    bool done = false;  // nothing follows
  };

  // Errors: kNotFound when there is no checkpoint yet; kIo; kLimitExceeded (too many readers).
  [[nodiscard]] static Result<std::unique_ptr<SnapshotReader>> open(
      const std::shared_ptr<Environment>& environment, const ClusterId& cluster);
  ~SnapshotReader();

  // What it is a snapshot of.
  [[nodiscard]] const CheckpointMeta& meta() const { return meta_; }

  // The bytes from `offset` on, `max_bytes` unless the end is nearer. Chunks are read in order;
  // the last one may be read again (at its offset, with any size).
  // Errors: kInvalidArgument for any other offset: start again with a new reader.
  [[nodiscard]] Result<Chunk> read(std::uint64_t offset, std::size_t max_bytes);

 private:
  SnapshotReader(ReadTransaction view, CheckpointMeta meta);
  void fill(std::size_t wanted);
  void emit(const Bytes& piece);

  ReadTransaction view_;
  CheckpointMeta meta_;
  std::unique_ptr<ReadCursor> cursor_;
  std::size_t space_ = 0;
  SpaceCounts counts_{};
  Blake2b256 hash_;
  bool ended_ = false;
  Bytes buffer_;                     // made, from buffer_offset_ on
  std::uint64_t buffer_offset_ = 0;  // of the chunk that was read last
  std::size_t given_ = 0;            // its size
};

}  // namespace kvcluster::storage
