#include "storage/store.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "base/check.hpp"
#include "storage/wal_recovery.hpp"

namespace kvcluster::storage {
namespace {

std::unexpected<Error> without_identity(const std::string& path, std::string_view what) {
  return fail(ErrorCode::kCorruption,
              fmt::format("{} has no identity file, but {}; restore the file, or choose a new "
                          "directory and replace this node as a new member",
                          path, what));
}

// The term of the log's entry at `index`, as far as it reaches.
std::optional<Term> term_at(const WalRecovered& log, Index index) {
  if (index == log.log_base.index) return log.log_base.term;
  if (index < log.log_base.index) return std::nullopt;
  const std::uint64_t offset = index.value() - log.log_base.index.value() - 1;
  if (offset >= log.entries.size()) return std::nullopt;
  return log.entries[static_cast<std::size_t>(offset)].term;
}

// Makes the log continue the checkpoint; see the header.
Status reconcile(const std::optional<CheckpointMeta>& checkpoint, WalRecovered& log) {
  const raft::EntryId stands_at = checkpoint ? checkpoint->applied : raft::EntryId{};
  if (term_at(log, stands_at.index) == stands_at.term) return {};
  if (stands_at.index < log.log_base.index) {
    return fail(ErrorCode::kCorruption,
                fmt::format("the checkpoint ends at entry {}, but the log begins after entry {}: "
                            "what lies between is lost; replace this node as a new member",
                            stands_at.index.value(), log.log_base.index.value()));
  }
  raft::HardState& state = log.hard_state;
  if (state.current_term < stands_at.term) {
    // The snapshot came to the disk before the term that it came with.
    state.current_term = stands_at.term;
    state.voted_for = kNoNode;
  }
  state.commit_index = std::max(state.commit_index, stands_at.index);
  KV_TRY(log.wal->reset(stands_at, state));
  log.log_base = stands_at;
  log.entries.clear();
  return {};
}

}  // namespace

Store::~Store() = default;

// The identity is written last: without it, nothing that was begun here counts.
Status Store::create(DataDirectory& directory, const StoreOptions& options) {
  Disk& disk = directory.disk();
  const auto pristine = is_pristine_log(disk);
  if (!pristine) return std::unexpected(pristine.error());
  if (!*pristine) return without_identity(directory.path(), "its log has records");
  KV_TRY(remove_log(disk));
  KV_TRY(CheckpointStore::create(disk, directory.path(), options.environment));
  const WalIdentity owner{options.node, options.fresh_incarnation};
  KV_TRY(Wal::create(disk, options.wal, owner));
  return directory.write_identity({options.node, options.fresh_incarnation, {}});
}

Result<OpenedStore> Store::open(const StoreOptions& options) {
  std::unique_ptr<Store> store(new Store());
  auto directory = DataDirectory::open(options.path, options.node);
  if (!directory) return std::unexpected(std::move(directory).error());
  store->directory_ = std::move(*directory);

  OpenedStore opened;
  opened.fresh = !store->directory_->identity().has_value();
  if (opened.fresh) KV_TRY(create(*store->directory_, options));

  Disk& disk = store->directory_->disk();
  auto checkpoints = CheckpointStore::open(disk, store->directory_->path(), options.environment);
  if (!checkpoints) return std::unexpected(std::move(checkpoints).error());
  store->checkpoints_ = std::move(*checkpoints);

  const Identity& identity = store->identity();
  auto log = Wal::open(disk, options.wal, {identity.node, identity.incarnation});
  if (!log) return std::unexpected(std::move(log).error());

  const std::optional<CheckpointMeta>& meta = store->checkpoints_->meta();
  KV_TRY(reconcile(meta, *log));
  auto table = LayeredTable::open(store->checkpoints_->environment());
  if (!table) return std::unexpected(std::move(table).error());
  store->table_ = std::move(*table);
  store->wal_ = std::move(log->wal);

  opened.torn_bytes = log->torn_bytes;
  opened.restored.hard_state = log->hard_state;
  // The hint may have come to the disk before the entries that it counts.
  opened.restored.hard_state.commit_index =
      std::min(log->hard_state.commit_index, store->wal_->last().index);
  opened.restored.log_base = log->log_base;
  opened.restored.entries = std::move(log->entries);
  if (meta) {
    opened.restored.applied = meta->applied.index;
    opened.restored.configuration = meta->configuration;
    opened.state_machine_meta = meta->state_machine;
  }
  opened.store = std::move(store);
  return opened;
}

Status Store::set_cluster(const ClusterId& cluster) {
  Identity identity = this->identity();
  if (identity.cluster == cluster) return {};
  if (identity.cluster != ClusterId{}) {
    return fail(ErrorCode::kWrongIdentity,
                fmt::format("the data directory {} belongs to another cluster; give this node an "
                            "empty one, or the peers of its own cluster",
                            directory_->path()));
  }
  identity.cluster = cluster;
  return directory_->write_identity(identity);
}

CheckpointJob Store::begin_checkpoint(CheckpointMeta meta) {
  return {table_->freeze(), std::move(meta), table_->environment_number()};
}

Status Store::write_checkpoint(const CheckpointJob& job) { return checkpoints_->write(job); }

Result<bool> Store::end_checkpoint(const Status& written) {
  if (written) {
    KV_TRY(table_->checkpoint_done());
    return true;
  }
  switch (written.error().code) {
    case ErrorCode::kLimitExceeded:
      KV_TRY(table_->grow_base());
      return false;
    case ErrorCode::kDiskFull:
      return false;
    default:
      return std::unexpected(written.error());
  }
}

Result<std::unique_ptr<SnapshotReader>> Store::open_snapshot() {
  return SnapshotReader::open(checkpoints_->environment(), identity().cluster);
}

Result<std::unique_ptr<SnapshotWriter>> Store::begin_install() {
  return SnapshotWriter::begin(*checkpoints_, identity().cluster);
}

Status Store::adopt(const InstalledSnapshot& installed) {
  return table_->replace_base(installed.environment);
}

}  // namespace kvcluster::storage
