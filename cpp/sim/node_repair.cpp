// What damages a node, and how it gives up a state that is wrong; as server/driver_repair.cpp has
// it.
#include <algorithm>
#include <chrono>
#include <string>

#include "base/check.hpp"
#include "sim/node.hpp"

namespace kvcluster::sim {
namespace {

constexpr int kMaxRepairs = 3;
constexpr Duration kHousekeeping = std::chrono::milliseconds(250);

}  // namespace

void Node::wipe() {
  // Who had not claimed its place yet may still do so with another disk.
  wiped_ = wiped_ || formed();
  end(End::kPowerCut);
  disk_.wipe();
  image_.reset();
  mark_.reset();
  cluster_id_ = {};
  log_damaged_ = false;
  for (auto& byte : incarnation_) byte = static_cast<std::uint8_t>(random_.between(1, 255));
  world_.invariants.emptied(id_);
  format(std::nullopt);
}

void Node::damage_image(std::uint64_t where) {
  if (!image_) return;
  if (auto other = damaged(*image_, where)) image_ = std::move(other);
}

// Damage below what a mark in the log says to be durable; beyond, it would be a torn write.
bool Node::damage_log(std::uint64_t where) {
  if (!running_ || !log_.idle() || log_.hung() || !log_.wal().write_mark()) return false;
  const storage::WalPosition end = log_.wal().durable_position();
  disk_.crash_losing_nothing();
  auto names = disk_.list("wal");
  KV_CHECK(names, "a disk can be listed");
  std::erase_if(*names, [](const std::string& name) { return !name.starts_with("segment-"); });
  const std::string name = "wal/" + (*names)[static_cast<std::size_t>(where % names->size())];
  const bool newest = name.ends_with(names->back());
  const std::uint64_t size = newest ? end.offset : disk_.contents(name).size();
  disk_.flip_bit(name, (where / 1000) % size, static_cast<unsigned>(where % 8));
  log_damaged_ = true;
  return true;
}

// Everything that stands on the disk is made anew, as at a start.
Status Node::begin_repair() {
  repair_due_ = false;
  if (++repairs_ > kMaxRepairs) {
    given_up_ = true;
    return kvcluster::fail(ErrorCode::kCorruption, "the state differed again after a repair");
  }
  const raft::Core& core = engine_->replica->core();
  storage::RepairMark mark{core.status().last_log, core.configuration(),
                           Bytes(engine_->state->genesis_payload()), "the state differed"};
  if (mark_) {
    mark.floor = std::max(mark.floor, mark_->floor);
    mark.configuration = mark_->configuration;
    mark.genesis = mark_->genesis;
  }
  KV_TRY(storage::write_repair_mark(disk_, mark));
  return make_anew();
}

Status Node::make_anew() {
  make_anew_due_ = false;
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
  if (!mark_ || !engine_ || repair_due_ || make_anew_due_) return;
  if (engine_->replica->roots().diverged) {
    repair_due_ = true;
    return;
  }
  const raft::CoreStatus core = engine_->replica->core().status();
  if (core.leader == kNoNode || core.last_log < mark_->floor ||
      core.durable_index < mark_->floor.index || core.applied < mark_->floor.index) {
    return;
  }
  if (checkpoints_made_ == 0) {
    checkpoint_wanted_ = true;
    return;
  }
  if (const Status removed = storage::remove_repair_mark(disk_); !removed) {
    return fail(removed.error());
  }
  // Who its peers are, a node that had lost it finds in its new state.
  make_anew_due_ = mark_->genesis.empty();
  mark_.reset();
  log_lost_ = false;
  log_damaged_ = false;
  world_.coverage.hit(Path::kRepairEnded);
  if (world_.trace.with_timeline()) note("node", "is repaired");
}

}  // namespace kvcluster::sim
