// What damages a node, and how it gives up a state that is wrong; as server/driver_repair.cpp has
// it.
#include <algorithm>
#include <chrono>
#include <string>

#include "base/check.hpp"
#include "kv/meta.hpp"
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

// The sector that was to be written at `from` stands at `to`.
void Node::misdirect(const std::string& name, std::uint64_t size, std::uint64_t from,
                     std::uint64_t to) {
  constexpr std::uint64_t kSector = 512;
  from -= from % kSector;
  to -= to % kSector;
  const auto length = static_cast<std::size_t>(std::min(kSector, size - std::max(from, to)));
  const Bytes sector = disk_.contents(name).substr(static_cast<std::size_t>(from), length);
  disk_.overwrite(name, from, Bytes(length, '\0'));
  disk_.overwrite(name, to, sector);
}

bool Node::corrupt_digest() {
  if (!serves() || mark_ || checkpoint_) return false;
  Bytes meta;
  engine_->state->encode_meta(meta);
  auto parts = kv::decode_meta(meta);
  KV_CHECK(parts, "what was encoded can be decoded");
  parts->hash.add(kv::Space::kData, "no record", "of the table");
  meta.clear();
  kv::encode(parts->meta, parts->counts, parts->hash, meta);
  KV_CHECK(engine_->state->restore(meta), "what was encoded can be decoded");
  set_digest_wrong(true);
  return true;
}

void Node::set_digest_wrong(bool wrong) {
  digest_wrong_ = wrong;
  world_.invariants.set_digest_wrong(id_, wrong);
}

// Damage below what a mark in the log says to be durable; beyond, it would be a torn write.
bool Node::damage_log(FaultKind how, std::uint64_t where) {
  if (!running_ || !log_.idle() || log_.hung() || !log_.wal().write_mark()) return false;
  if (!log_.wal().all_marked()) return false;
  const storage::WalPosition end = log_.wal().durable_position();
  disk_.crash_losing_nothing();
  auto names = disk_.list("wal");
  KV_CHECK(names, "a disk can be listed");
  std::erase_if(*names, [](const std::string& name) { return !name.starts_with("segment-"); });
  log_damaged_ = true;
  const auto size_of = [&](const std::string& name) {
    return name == names->back() ? end.offset : disk_.contents("wal/" + name).size();
  };
  if (how == FaultKind::kRuinLog) {
    for (const std::string& name : *names) {
      const std::string path = "wal/" + name;
      const std::uint64_t size = disk_.contents(path).size();  // the newest mark among it
      for (std::uint64_t at = 0; at < size; at += 16) disk_.flip_bit(path, at, 0);
    }
    return true;
  }
  const std::string& name = (*names)[static_cast<std::size_t>(where % names->size())];
  const std::uint64_t place = (where / 1000) % size_of(name);
  if (how == FaultKind::kMisdirected) {
    misdirect("wal/" + name, size_of(name), place, where / 1'000'000'000 % size_of(name));
  } else {
    disk_.flip_bit("wal/" + name, place, static_cast<unsigned>(where % 8));
  }
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
