// The checkpointer's thread: writes checkpoints, reads snapshots for peers, and stores snapshots
// that peers send. One job after the other; every answer goes to the reactor.
//
// Bounded: consensus asks for one chunk a peer at a time, stores one chunk at a time, and the
// driver has one checkpoint under way.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <variant>

#include "base/result.hpp"
#include "base/time.hpp"
#include "raft/effects.hpp"
#include "raft/event.hpp"
#include "storage/store.hpp"

namespace kvcluster::server {

struct CheckpointWritten {
  storage::CheckpointJob job;
  Status status;
  Duration took{};
};
struct SnapshotChunkRead {
  raft::SnapshotChunk chunk;
};
struct SnapshotNotRead {
  NodeId to;
  Error error;
};
struct SnapshotChunkStored {
  raft::SnapshotStored stored;
  std::optional<storage::InstalledSnapshot> installed;  // adopt it before answering
  std::optional<Error> error;                           // why it was refused
};
using CheckpointerReport =
    std::variant<CheckpointWritten, SnapshotChunkRead, SnapshotNotRead, SnapshotChunkStored>;

class Checkpointer {
 public:
  // Called on the checkpointer's thread.
  using Report = std::function<void(CheckpointerReport)>;

  // `store` must outlive the thread.
  Checkpointer(storage::Store& store, std::size_t chunk_bytes, Report report);
  // Ends the job that runs, drops the others, joins.
  ~Checkpointer();
  Checkpointer(const Checkpointer&) = delete;
  Checkpointer& operator=(const Checkpointer&) = delete;

  // Answered by CheckpointWritten.
  [[nodiscard]] Status write(storage::CheckpointJob job);
  // Frees what a checkpoint has written, which takes its time. Not answered.
  [[nodiscard]] Status dispose(std::shared_ptr<const storage::Memtable> written);
  // Answered by SnapshotChunkRead or SnapshotNotRead.
  [[nodiscard]] Status read(const raft::SnapshotRead& read);
  // Answered by SnapshotChunkStored.
  [[nodiscard]] Status store(raft::SnapshotStore chunk);
  // Lets go of the views held for snapshots that are being sent; their transfers start anew.
  [[nodiscard]] Status end_reads();
  // The same for one peer.
  [[nodiscard]] Status end_read(NodeId peer);

 private:
  struct EndReads {
    NodeId peer;  // kNoNode: all
  };
  using Job = std::variant<storage::CheckpointJob, std::shared_ptr<const storage::Memtable>,
                           raft::SnapshotRead, raft::SnapshotStore, EndReads>;

  [[nodiscard]] Status push(Job job);
  void run();
  void perform(storage::CheckpointJob job);
  void perform(std::shared_ptr<const storage::Memtable> written) { written.reset(); }
  void perform(const raft::SnapshotRead& read);
  void perform(const raft::SnapshotStore& chunk);
  void perform(const EndReads& end);
  [[nodiscard]] Result<raft::SnapshotChunk> read_chunk(const raft::SnapshotRead& read);
  [[nodiscard]] Result<SnapshotChunkStored> store_chunk(const raft::SnapshotStore& chunk);

  storage::Store& store_;
  std::size_t chunk_bytes_;
  Report report_;

  std::mutex mutex_;
  std::condition_variable ready_;
  std::deque<Job> queue_;  // guarded by mutex_
  bool stopping_ = false;  // likewise

  // The thread's own.
  std::map<NodeId, std::unique_ptr<storage::SnapshotReader>> readers_;
  std::unique_ptr<storage::SnapshotWriter> writer_;
  raft::EntryId writing_;  // what writer_ receives

  std::thread thread_;  // last: it uses all of the above
};

}  // namespace kvcluster::server
