#include "storage/store.hpp"

#include <fmt/format.h>

#include <utility>

#include "base/check.hpp"
#include "kv/meta.hpp"
#include "storage/set_aside.hpp"
#include "storage/wal_recovery.hpp"

namespace kvcluster::storage {
namespace {

std::unexpected<Error> without_identity(const std::string& path, std::string_view what) {
  return fail(ErrorCode::kCorruption,
              fmt::format("{} has no identity file, but {}; restore the file, or choose a new "
                          "directory and replace this node as a new member",
                          path, what));
}

// What the checkpoint says, once it was found to be whole.
Result<StateFound> describe(const CheckpointMeta& meta) {
  StateFound state;
  state.applied = meta.applied;
  state.configuration = meta.configuration;
  auto decoded = kv::decode_meta(meta.state_machine);
  if (!decoded) return std::unexpected(std::move(decoded).error());
  if (decoded->meta.genesis) state.genesis = std::move(*decoded->meta.genesis);
  return state;
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

  auto state = store->open_checkpoint(options);
  if (!state) return std::unexpected(std::move(state).error());
  state->told = options.told_members;
  state->members_of = options.members_of;
  const Identity& identity = store->identity();
  auto log = start_log(store->directory_->disk(), options.wal,
                       {identity.node, identity.incarnation}, *state);
  if (!log) return std::unexpected(std::move(log).error());
  if (log->mark || !log->damage.empty()) KV_TRY(store->give_up_checkpoint(options));
  if (!log->mark) KV_TRY(discard_set_aside(store->directory_->disk()));

  auto table = LayeredTable::open(store->checkpoints_->environment());
  if (!table) return std::unexpected(std::move(table).error());
  store->table_ = std::move(*table);
  store->wal_ = std::move(log->wal);
  if (const auto& meta = store->checkpoints_->meta()) {
    opened.state_machine_meta = meta->state_machine;
  }
  opened.restored = std::move(log->restored);
  opened.mark = std::move(log->mark);
  opened.damage = std::move(log->damage);
  opened.torn_bytes = log->torn_bytes;
  opened.store = std::move(store);
  return opened;
}

// Damage is no error here: what is to be done about it depends on the log too.
Result<StateFound> Store::open_checkpoint(const StoreOptions& options) {
  StateFound state;
  auto opened = CheckpointStore::open(directory_->disk(), directory_->path(), options.environment);
  if (!opened) {
    if (opened.error().code != ErrorCode::kCorruption) return std::unexpected(opened.error());
    state.damage = opened.error().context;
    return state;
  }
  checkpoints_ = std::move(*opened);
  if (!checkpoints_->meta()) return state;
  auto described = describe(*checkpoints_->meta());
  if (described || described.error().code != ErrorCode::kCorruption) return described;
  state.damage = described.error().context;
  return state;
}

Status Store::give_up_checkpoint(const StoreOptions& options) {
  checkpoints_.reset();  // an environment is opened once in a process
  auto anew =
      CheckpointStore::begin_anew(directory_->disk(), directory_->path(), options.environment);
  if (!anew) return std::unexpected(std::move(anew).error());
  checkpoints_ = std::move(*anew);
  return {};
}

Status Store::end_repair() {
  KV_TRY(remove_repair_mark(directory_->disk()));
  return discard_set_aside(directory_->disk());
}

Status Store::begin_repair(const RepairMark& mark) {
  return write_repair_mark(directory_->disk(), mark);
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
