// All that a node keeps on disk, behind one door: data directory, log, checkpoint, table.
//
// At start the log and the checkpoint are read, checked and reconciled (log_start.hpp). What is
// damaged is put aside: the node then begins with an empty state and takes it from its peers.
//
// Which thread calls what (each object has one user at a time):
//   WAL writer (or the reactor)  wal()
//   reactor                      table(), begin_checkpoint(), end_checkpoint(), adopt()
//   checkpointer                 write_checkpoint(), open_snapshot(), begin_install()
//   the starting thread          open(), set_cluster()
//   reactor                      begin_repair(), end_repair(), while the others rest
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "raft/core.hpp"
#include "storage/checkpoint.hpp"
#include "storage/data_directory.hpp"
#include "storage/layered_table.hpp"
#include "storage/log_start.hpp"
#include "storage/snapshot_reader.hpp"
#include "storage/snapshot_writer.hpp"
#include "storage/wal.hpp"

namespace kvcluster::storage {

struct StoreOptions {
  std::string path;
  NodeId node;
  // Sixteen random bytes, for a directory that is made now; otherwise unused.
  raft::Incarnation fresh_incarnation{};
  // From the command line; needed only when damage took what the node knew of its cluster.
  raft::Configuration told_members;
  // See StateFound.
  std::function<raft::Configuration(BytesView genesis)> members_of;
  WalOptions wal;
  EnvironmentOptions environment;
};

struct OpenedStore;

class Store {
 public:
  // Errors: those of DataDirectory, Wal and CheckpointStore; kCorruption only when the node cannot
  // be repaired from its peers either.
  [[nodiscard]] static Result<OpenedStore> open(const StoreOptions& options);
  ~Store();

  [[nodiscard]] const Identity& identity() const { return *directory_->identity(); }
  // Once the cluster is known. Durable on return. Errors: kWrongIdentity when it is another one.
  [[nodiscard]] Status set_cluster(const ClusterId& cluster);

  // The state is wrong: notes durably what binds this node. The store is then closed and opened
  // again, which gives log and state up.
  [[nodiscard]] Status begin_repair(const RepairMark& mark);
  // Log and state are whole again, durably.
  [[nodiscard]] Status end_repair();

  [[nodiscard]] Wal& wal() { return *wal_; }
  [[nodiscard]] LayeredTable& table() { return *table_; }

  // A checkpoint, step by step: begin on the reactor, write on the checkpointer, end on the
  // reactor. Requires: none is under way; `meta` describes the table as it is now.
  [[nodiscard]] CheckpointJob begin_checkpoint(CheckpointMeta meta);
  [[nodiscard]] Status write_checkpoint(const CheckpointJob& job);
  // `written`: what write_checkpoint gave. True: done, the log may be compacted up to the job's
  // index. False: write the same job again (the map was grown, or the disk was full).
  // Errors: kBusy: snapshots are being read, end them and call again; any other: end the node.
  [[nodiscard]] Result<bool> end_checkpoint(const Status& written);

  // The newest durable checkpoint, for a peer. Errors: kNotFound before the first one.
  [[nodiscard]] Result<std::unique_ptr<SnapshotReader>> open_snapshot();
  [[nodiscard]] Result<std::unique_ptr<SnapshotWriter>> begin_install();
  // Puts an installed snapshot under the table. A checkpoint under way is forgotten.
  [[nodiscard]] Status adopt(const InstalledSnapshot& installed);

 private:
  Store() = default;
  [[nodiscard]] static Status create(DataDirectory& directory, const StoreOptions& options);

  [[nodiscard]] Result<StateFound> open_checkpoint(const StoreOptions& options);
  // A new, empty checkpoint in place of the one that is there.
  [[nodiscard]] Status give_up_checkpoint(const StoreOptions& options);

  // In this order: what is used by another is destroyed after it.
  std::unique_ptr<DataDirectory> directory_;
  std::unique_ptr<Wal> wal_;
  std::unique_ptr<CheckpointStore> checkpoints_;
  std::unique_ptr<LayeredTable> table_;
};

struct OpenedStore {
  std::unique_ptr<Store> store;
  // True when this start made the directory.
  bool fresh = false;
  raft::Restored restored;
  // There: state and log are empty and come from the peers; to be removed when they are whole.
  std::optional<RepairMark> mark;
  std::string damage;            // found by this start: file, offset and what it means; empty: none
  Bytes state_machine_meta;      // empty: no checkpoint yet, the table is empty
  std::uint64_t torn_bytes = 0;  // an unacknowledged tail of the log that was cut
};

}  // namespace kvcluster::storage
