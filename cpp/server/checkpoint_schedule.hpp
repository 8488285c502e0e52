// When a checkpoint is due, and what follows from what the checkpointer answers.
//
// Thread-safety: none; reactor only.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <vector>

#include "base/result.hpp"
#include "base/time.hpp"
#include "kv/state_machine.hpp"
#include "replica/replica.hpp"
#include "server/checkpointer.hpp"
#include "server/node_log.hpp"
#include "server/node_options.hpp"
#include "server/persistence.hpp"
#include "storage/store.hpp"

namespace kvcluster::server {

struct CheckpointCounters {
  Index checkpoint_index;
  std::uint64_t checkpoints = 0;
  Duration checkpoint_time{};  // all of them
  std::uint64_t snapshots_sent = 0;
  std::uint64_t snapshots_installed = 0;
};

class CheckpointSchedule {
 public:
  struct Parts {
    const NodeOptions& options;
    NodeLog& log;
    storage::Store& store;
    Checkpointer& checkpointer;
    Persistence& persistence;
    kv::StateMachine& state;
    replica::Replica& replica;
  };

  // All parts outlive this object. `restored`: what the state machine starts from; `log_bytes`: of
  // the entries after it.
  CheckpointSchedule(const Parts& parts, Index restored, std::uint64_t log_bytes);

  // Once a turn. Errors of this and all below: kCorruption: the checkpoint is damaged; any other
  // ends the node.
  [[nodiscard]] Status begin_if_due(Instant now);
  // A checkpoint is wanted whatever the thresholds say.
  void want() { wanted_ = true; }
  [[nodiscard]] Status reported(Instant now, CheckpointerReport report);

  // What consensus asks for in a turn.
  [[nodiscard]] Status read_snapshots(const std::vector<raft::SnapshotRead>& reads);
  [[nodiscard]] Status store_snapshot(raft::SnapshotStore chunk);
  // The peer needs no snapshot any more, or is gone; kNoNode: nobody does. Its view is let go of:
  // what it pins cannot be reused by later checkpoints.
  [[nodiscard]] Status end_transfer(NodeId peer);

  [[nodiscard]] const CheckpointCounters& counters() const { return counters_; }

 private:
  [[nodiscard]] Status answer(Instant now, CheckpointWritten written);
  [[nodiscard]] Status answer(Instant now, SnapshotChunkRead read);
  [[nodiscard]] Status answer(Instant now, SnapshotNotRead failed);
  [[nodiscard]] Status answer(Instant now, SnapshotChunkStored stored);
  [[nodiscard]] bool due() const;
  [[nodiscard]] Result<storage::CheckpointMeta> meta() const;

  Parts parts_;
  CheckpointCounters counters_;
  std::uint64_t log_bytes_begin_;  // of the log, when the last checkpoint was begun
  bool under_way_ = false;
  std::set<NodeId> reading_;                     // peers for whom a view may be held
  bool wanted_ = false;                          // a peer needs a snapshot and there is none
  std::optional<storage::CheckpointJob> retry_;  // found no room
  Instant retry_at_;
};

}  // namespace kvcluster::server
