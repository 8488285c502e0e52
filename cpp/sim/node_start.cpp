// How a node starts from whatever its disk holds, and ends; as server/driver_start.cpp and
// storage/store.cpp have it.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include "base/check.hpp"
#include "base/mutant.hpp"
#include "sim/node.hpp"

namespace kvcluster::sim {
namespace {

constexpr Duration kHousekeeping = std::chrono::milliseconds(250);

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
  if (!genesis) return;
  auto opened = storage::Wal::open(disk_, world_.profile.wal, identity);
  KV_CHECK(opened && opened->wal->append(genesis_batch(*genesis)) && opened->wal->sync(),
           "an empty disk takes the genesis");
  cluster_id_ = genesis->cluster_id;
  raft::Restored first;
  first.hard_state = {Term(1), kNoNode, Index(1)};
  first.entries = genesis_batch(*genesis).entries;
  world_.invariants.started(id_, first);
}

void Node::start() {
  if (running_ || given_up_) return;
  ++life_;
  running_ = true;
  machine_up_ = true;
  paused_ = false;
  failed_ = false;
  repairs_ = 0;
  repair_due_ = false;
  if (world_.trace.with_timeline()) note("node", "starts");
  if (const Status opened = open_storage(); !opened) return start_failed(opened.error());
  world_.network.started(id_);
  world_.scheduler.after(kHousekeeping, event(EventKind::kHousekeeping));
  turn();
}

// A disk that refuses is tried again; damage is refused for good.
void Node::start_failed(const Error& error) {
  if (error.code != ErrorCode::kCorruption && error.code != ErrorCode::kVersionMismatch) {
    return fail(error);
  }
  if (!log_damaged_) {
    world_.invariants.report(Check::kRecovers, id_,
                             fmt::format("node {} does not start: {}", id_, error.message()));
    return;
  }
  world_.coverage.hit(Path::kDamageRefused);
  given_up_ = true;
  fail(error);
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
  make_anew_due_ = false;
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
    if (mutated(Mutant::kAppliedOutsideCheckpoint) && checkpoint_ && image_) {
      auto half_written = std::make_shared<Image>(*image_);
      half_written->table = checkpoint_->table;
      image_ = std::move(half_written);
    }
    world_.network.ended(id_, how == End::kKilled);
    world_.clients.connections_lost(id_);
    forget_process();
    ++life_;
    if (world_.trace.with_timeline()) {
      note("node", how == End::kPowerCut ? "loses its power" : "is killed");
    }
  }
  // After a failed write or sync the cache shows what may never have reached the disk.
  if (how == End::kPowerCut || (failed_ && world_.profile.reboots_after_failure)) {
    disk_.crash(random_.next());
  } else {
    disk_.crash_losing_nothing();
  }
  paused_ = false;
}

// What stands beside the log; a checkpoint that is not what was written is damage.
Result<storage::StateFound> Node::look_at_image() {
  storage::StateFound found;
  for (std::uint8_t id = 1; id <= world_.profile.nodes; ++id) {
    raft::Member member;
    member.id = NodeId(id);
    found.told.members.push_back(std::move(member));
  }
  if (!image_) return found;
  engine_->table = image_->table;
  KV_TRY(engine_->state->restore(image_->meta));
  found.applied = image_->last;
  found.configuration = image_->configuration;
  found.genesis = Bytes(engine_->state->genesis_payload());
  if (engine_->state->recompute_state_digest() != engine_->state->digests().state) {
    world_.coverage.hit(Path::kImageDamaged);
    found.damage = "the checkpoint is damaged";
  }
  return found;
}

Status Node::open_storage() {
  engine_ = std::make_unique<Engine>();
  engine_->state = std::make_unique<kv::StateMachine>(engine_->table);
  auto state = look_at_image();
  if (!state) return std::unexpected(state.error());
  auto start = storage::start_log(disk_, world_.profile.wal, {NodeId(id_), incarnation_}, *state);
  if (!start) return std::unexpected(start.error());
  if (start->torn_bytes > 0) world_.coverage.hit(Path::kTornTail);
  const bool could_be_damaged =
      log_damaged_ || (image_ && (image_->damaged || image_->digest_wrong));
  if (!start->damage.empty() && !could_be_damaged) {
    world_.invariants.report(Check::kRecovers, id_,
                             "damage was found where there was none: " + start->damage);
  }
  raft::Restored& restored = start->restored;
  if (!start->mark && state->applied.index > Index{} && restored.entries.empty() &&
      restored.log_base == state->applied) {
    world_.coverage.hit(Path::kLogResetAtStart);
  }
  mark_ = std::move(start->mark);
  log_.opened(std::move(start->wal));
  if (world_.invariants.synced(id_) < log_.wal().last()) {
    world_.coverage.hit(Path::kUnsyncedSurvived);
  }
  if (mark_) {
    if (log_damaged_) world_.coverage.hit(Path::kLogSalvaged);
    world_.coverage.hit(Path::kRepairBegun);
    if (world_.trace.with_timeline()) {
      note("node", fmt::format("gives up log and state; it had acknowledged up to {}: {}",
                               mark_->floor.index.value(), mark_->cause));
    }
    image_.reset();
    engine_ = std::make_unique<Engine>();
    engine_->state = std::make_unique<kv::StateMachine>(engine_->table);
  }
  set_digest_wrong(false);  // what a checkpoint holds of it was found just now
  const bool member = restored.applied > Index{} || !restored.entries.empty() || mark_;
  if (!member) {
    engine_.reset();
    begin_bootstrap();
    return {};
  }
  return start_engine(std::move(restored));
}

Status Node::start_engine(raft::Restored restored) {
  const BytesView payload = mark_    ? BytesView(mark_->genesis)
                            : image_ ? engine_->state->genesis_payload()
                                     : restored.entries.front().payload.view();
  genesis_.reset();
  if (!payload.empty()) {
    auto decoded = replica::decode_genesis(payload);
    if (!decoded) return std::unexpected(decoded.error());
    genesis_ = std::move(*decoded);
    if (restored.configuration.members.empty()) restored.configuration = genesis_->configuration;
    cluster_id_ = genesis_->cluster_id;
  }
  log_lost_ = mark_.has_value();
  world_.invariants.started(id_, restored);
  make_replica(std::move(restored));
  return {};
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
  engine_ = std::make_unique<Engine>();
  engine_->state = std::make_unique<kv::StateMachine>(engine_->table);
  KV_TRY(start_engine(std::move(restored)));
  for (Peer& peer : peers_) {
    peer.link_welcome = false;
    peer.connected = false;
  }
  world_.network.renew(id_);
  return {};
}

}  // namespace kvcluster::sim
