// How a node starts from whatever its disk holds, ends, and gives up a state that is wrong; as
// server/driver_start.cpp, server/driver_repair.cpp and storage/store.cpp have it.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include "base/check.hpp"
#include "sim/node.hpp"

namespace kvcluster::sim {
namespace {

constexpr int kMaxRepairs = 3;
constexpr Duration kHousekeeping = std::chrono::milliseconds(250);

std::optional<Term> term_at(const raft::Restored& log, Index index) {
  if (index == log.log_base.index) return log.log_base.term;
  if (index < log.log_base.index) return std::nullopt;
  const std::uint64_t offset = index.value() - log.log_base.index.value() - 1;
  if (offset >= log.entries.size()) return std::nullopt;
  return log.entries[static_cast<std::size_t>(offset)].term;
}

raft::PersistBatch genesis_batch(const replica::Genesis& genesis) {
  raft::Entry entry;
  entry.term = Term(1);
  entry.index = Index(1);
  entry.kind = raft::EntryKind::kGenesis;
  Bytes payload;
  replica::encode(genesis, payload);
  entry.payload = Slice::of(std::move(payload));
  raft::PersistBatch batch;
  batch.hard_state = raft::HardState{Term(1), kNoNode, Index(1)};
  batch.entries.push_back(std::move(entry));
  return batch;
}

}  // namespace

void Node::format(const std::optional<replica::Genesis>& genesis) {
  const storage::WalIdentity identity{NodeId(id_), incarnation_};
  KV_CHECK(storage::Wal::create(disk_, world_.profile.wal, identity), "an empty disk takes a log");
  formatted_ = true;
  if (!genesis) return;
  auto opened = storage::Wal::open(disk_, world_.profile.wal, identity);
  KV_CHECK(opened && opened->wal->append(genesis_batch(*genesis)) && opened->wal->sync(),
           "an empty disk takes the genesis");
  cluster_id_ = genesis->cluster_id;
  raft::Restored first;
  first.hard_state = {Term(1), kNoNode, Index(1)};
  first.entries = genesis_batch(*genesis).entries;
  world_.invariants.started(id_, first, true);
}

void Node::start() {
  if (running_ || given_up_) return;
  ++life_;
  ++starts_;
  running_ = true;
  machine_up_ = true;
  paused_ = false;
  failed_ = false;
  repairs_ = 0;
  repair_due_ = false;
  if (world_.trace.with_timeline()) note("node", "starts");
  if (const Status opened = open_storage(); !opened) {
    world_.invariants.report(
        Check::kRecovers, id_,
        fmt::format("node {} does not start: {}", id_, opened.error().message()));
    return;
  }
  world_.network.started(id_);
  world_.scheduler.after(kHousekeeping, event(EventKind::kHousekeeping));
  turn();
}

void Node::forget_process() {
  engine_.reset();
  bootstrap_.reset();
  genesis_.reset();
  peers_ = {};
  for (auto& waiting : outbox_) waiting.clear();
  batch_.clear();
  static_cast<void>(batch_.take_buffer());
  wake_at_ = Instant::max();
  refusing_writes_ = false;
  ++checkpoint_number_;
  if (std::exchange(checkpoint_, nullptr)) world_.coverage.hit(Path::kCheckpointLost);
  incoming_.reset();
  readers_.clear();
  received_.clear();
}

void Node::end(End how, std::optional<std::uint64_t> in_write) {
  if (how == End::kPowerCut) machine_up_ = false;
  const bool was_running = std::exchange(running_, false);
  if (was_running) {
    log_.ended(how == End::kPowerCut ? in_write : std::nullopt);
    world_.network.ended(id_, how == End::kKilled);
    world_.clients.connections_lost(id_);
    forget_process();
    ++life_;
    if (world_.trace.with_timeline()) {
      note("node", how == End::kPowerCut ? "loses its power" : "is killed");
    }
  }
  if (how == End::kPowerCut) {
    disk_.crash(random_.next());
  } else if (!failed_) {
    disk_.crash_losing_nothing();
  } else {
    // After a failed write or sync the cache cannot be trusted: the machine is restarted too.
    disk_.crash(random_.next());
  }
  paused_ = false;
}

void Node::wipe() {
  end(End::kPowerCut);
  disk_.wipe();
  image_.reset();
  mark_.reset();
  cluster_id_ = {};
  for (auto& byte : incarnation_) byte = static_cast<std::uint8_t>(random_.between(1, 255));
  wiped_ = true;
  format(std::nullopt);
}

void Node::damage_image(std::uint64_t where) {
  if (!image_) return;
  if (auto other = damaged(*image_, where)) {
    image_ = std::move(other);
    tainted_ = true;
  }
}

bool Node::damage_log(std::uint64_t) { return false; }

// Makes the log continue the checkpoint, as storage::Store::open does.
Status Node::open_storage() {
  auto found = storage::Wal::open(disk_, world_.profile.wal, {NodeId(id_), incarnation_});
  if (!found) return std::unexpected(found.error());
  if (found->torn_bytes > 0) world_.coverage.hit(Path::kTornTail);
  raft::Restored restored;
  restored.hard_state = found->hard_state;
  restored.log_base = found->log_base;
  restored.entries = std::move(found->entries);
  if (image_) {
    const raft::EntryId stands_at = image_->last;
    if (term_at(restored, stands_at.index) != stands_at.term) {
      if (stands_at.index < restored.log_base.index) {
        return kvcluster::fail(
            ErrorCode::kCorruption,
            fmt::format("the checkpoint ends at {}, the log begins after {}",
                        stands_at.index.value(), restored.log_base.index.value()));
      }
      raft::HardState& state = restored.hard_state;
      if (state.current_term < stands_at.term) {
        state.current_term = stands_at.term;
        state.voted_for = kNoNode;
      }
      state.commit_index = std::max(state.commit_index, stands_at.index);
      KV_TRY(found->wal->reset(stands_at, state));
      restored.log_base = stands_at;
      restored.entries.clear();
      world_.coverage.hit(Path::kLogResetAtStart);
    }
    restored.applied = stands_at.index;
    restored.configuration = image_->configuration;
  } else if (restored.log_base.index > Index{}) {
    return kvcluster::fail(ErrorCode::kCorruption,
                           fmt::format("there is no checkpoint, but the log begins after {}",
                                       restored.log_base.index.value()));
  }
  const Index last = restored.log_base.index.plus(restored.entries.size());
  restored.hard_state.commit_index = std::min(restored.hard_state.commit_index, last);
  log_.opened(std::move(found->wal));
  world_.invariants.started(id_, restored, mark_.has_value() || wiped_);

  const bool member = restored.applied > Index{} || !restored.entries.empty() || mark_;
  if (member) return start_engine(std::move(restored));
  begin_bootstrap();
  return {};
}

Status Node::start_engine(raft::Restored restored) {
  engine_ = std::make_unique<Engine>();
  engine_->state = std::make_unique<kv::StateMachine>(engine_->table);
  replica::Genesis genesis;
  if (!mark_) {
    if (image_) {
      engine_->table = image_->table;
      KV_TRY(engine_->state->restore(image_->meta));
    }
    const BytesView payload =
        image_ ? engine_->state->genesis_payload() : restored.entries.front().payload.view();
    auto decoded = replica::decode_genesis(payload);
    if (!decoded) return std::unexpected(decoded.error());
    genesis = std::move(*decoded);
    if (!image_) restored.configuration = genesis.configuration;
    if (image_ && engine_->state->recompute_state_digest() != engine_->state->digests().state) {
      // The checkpoint is not what was written.
      world_.coverage.hit(Path::kImageDamaged);
      const raft::EntryId last =
          restored.entries.empty() ? restored.log_base : restored.entries.back().id();
      mark_ = RepairMark{last, restored.configuration, genesis};
      engine_ = std::make_unique<Engine>();
      engine_->state = std::make_unique<kv::StateMachine>(engine_->table);
    }
  }
  if (mark_) {
    give_up_state(restored);
    genesis = mark_->genesis;
  }
  cluster_id_ = genesis.cluster_id;
  genesis_ = std::move(genesis);
  make_replica(std::move(restored));
  return {};
}

void Node::give_up_state(raft::Restored& restored) {
  world_.coverage.hit(Path::kRepairBegun);
  if (world_.trace.with_timeline()) {
    note("node", fmt::format("gives up its state; it had acknowledged up to {}",
                             mark_->floor.index.value()));
  }
  KV_CHECK(log_.wal().reset({}, restored.hard_state), "the log takes a reset");
  image_.reset();
  restored.log_base = {};
  restored.entries.clear();
  restored.applied = {};
  restored.configuration = mark_->configuration;
  restored.repair_floor = mark_->floor;
  log_lost_ = true;
  world_.invariants.started(id_, restored, true);
}

void Node::make_replica(raft::Restored restored) {
  checkpoint_index_ = restored.applied;
  std::uint64_t bytes = 0;
  for (const raft::Entry& entry : restored.entries) bytes += entry.payload.size();
  checkpoint_log_begin_ = log_.logged_bytes() - bytes;
  checkpoint_wanted_ = false;
  checkpoints_made_ = 0;
  refusing_writes_ = false;
  next_deadline_ = local_now();
  wake_at_ = Instant::max();
  bootstrap_.reset();
  engine_->replica = std::make_unique<replica::Replica>(
      options_, std::move(restored), *engine_->state, random_.next(), local_now());
}

Status Node::form(const replica::Genesis& genesis) {
  raft::PersistBatch batch = genesis_batch(genesis);
  KV_TRY(log_.wal().append(batch));
  KV_TRY(log_.wal().sync());
  world_.coverage.hit(Path::kGenesisTaken);
  if (wiped_) {
    world_.invariants.report(Check::kRefusesWiped, id_,
                             fmt::format("node {} was emptied and takes part again", id_));
  }
  raft::Restored restored;
  restored.hard_state = *batch.hard_state;
  restored.entries = std::move(batch.entries);
  world_.invariants.started(id_, restored, true);
  KV_TRY(start_engine(std::move(restored)));
  world_.network.renew(id_);
  return {};
}

// Everything that stands on the disk is made anew, as at a start.
Status Node::begin_repair() {
  repair_due_ = false;
  if (++repairs_ > kMaxRepairs) {
    given_up_ = true;
    return kvcluster::fail(ErrorCode::kCorruption, "the state differed again after a repair");
  }
  const raft::Core& core = engine_->replica->core();
  mark_ = RepairMark{core.status().last_log, core.configuration(), *genesis_};
  world_.clients.connections_lost(id_);
  forget_process();
  ++life_;
  log_.ended(std::nullopt);
  KV_TRY(open_storage());
  world_.network.ended(id_, true);
  world_.network.started(id_);
  world_.scheduler.after(kHousekeeping, event(EventKind::kHousekeeping));
  return {};
}

void Node::end_repair_if_done() {
  if (!mark_ || !engine_) return;
  const raft::CoreStatus core = engine_->replica->core().status();
  if (core.leader == kNoNode || core.last_log < mark_->floor ||
      core.durable_index < mark_->floor.index || core.applied < mark_->floor.index) {
    return;
  }
  if (checkpoints_made_ == 0) {
    checkpoint_wanted_ = true;
    return;
  }
  mark_.reset();
  log_lost_ = false;
  tainted_ = false;
  world_.coverage.hit(Path::kRepairEnded);
  if (world_.trace.with_timeline()) note("node", "is repaired");
}

}  // namespace kvcluster::sim
