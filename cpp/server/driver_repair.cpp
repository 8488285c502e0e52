// A node whose state differs from the majority's gives it up and takes it anew from its peers: the
// log from its beginning, or a snapshot. It keeps its term and vote, and what it has acknowledged
// binds it until it holds that again.
#include <utility>

#include "server/clock.hpp"
#include "server/driver.hpp"
#include "storage/posix_disk.hpp"

namespace kvcluster::server {

void Driver::notice_divergence() {
  if (phase_ == Phase::kRepairing) return;
  phase_ = Phase::kRepairing;
  const kv::Digests digests = engine_->state->digests();
  log_->critical(
      "this node's state differs from the majority's: it serves nothing until it is replaced from "
      "its peers",
      {{"event", "diverged"},
       {"index", digests.index},
       {"history", digests.history.hex()},
       {"state", digests.state.hex()}});
  repair_due_ = true;
  transfer_leadership(kNoNode);
}

// Everything that stands on the data directory is made anew, as at a start.
Status Driver::begin_repair() {
  repair_due_ = false;
  if (++repairs_ > kMaxRepairs) {
    return fail(ErrorCode::kCorruption,
                "the state differed from the majority's again after it was replaced: this machine "
                "computes or stores wrongly");
  }
  RepairMark mark;
  mark.floor = engine_->replica.core().status().last_log;
  mark.configuration = engine_->replica.core().configuration();
  auto genesis = replica::decode_genesis(engine_->state->genesis_payload());
  if (!genesis) return std::unexpected(std::move(genesis).error());
  mark.genesis = std::move(*genesis);
  auto disk = storage::open_posix_disk(options_.data_dir);
  if (!disk) return std::unexpected(std::move(disk).error());
  KV_TRY(write_repair_mark(**disk, mark));

  // Clients that wait here would wait for ever: what they asked is forgotten with the replica.
  front_->close_all();
  membership_->left();
  release_storage();
  auto opened = open_storage();
  if (!opened) return std::unexpected(std::move(opened).error());
  return start_engine(std::move(opened->restored), opened->state_machine_meta);
}

// Term and vote stay; the log and the state begin before the first entry.
Status Driver::give_up_state(const RepairMark& mark, raft::Restored& restored) {
  log_->warn("the state is being replaced from the peers",
             {{"event", "repair"}, {"floor_term", mark.floor.term}, {"floor", mark.floor.index}});
  KV_TRY(store_->wal().reset({}, restored.hard_state));
  store_->table().clear();
  restored.log_base = {};
  restored.entries.clear();
  restored.applied = {};
  restored.configuration = mark.configuration;
  restored.repair_floor = mark.floor;
  return {};
}

// The mark goes when the new state is in a durable checkpoint and the log holds again all that was
// acknowledged: from then on a restart finds nothing of the old.
Status Driver::end_repair_if_done() {
  if (!mark_) return {};
  const raft::CoreStatus core = engine_->replica.core().status();
  const CheckpointCounters& made = engine_->checkpoints.counters();
  if (core.leader == kNoNode || core.last_log < mark_->floor ||
      core.durable_index < mark_->floor.index || core.applied < mark_->floor.index) {
    return {};
  }
  if (made.checkpoints + made.snapshots_installed == 0) {
    engine_->checkpoints.want();
    return {};
  }
  auto disk = storage::open_posix_disk(options_.data_dir);
  if (!disk) return std::unexpected(std::move(disk).error());
  KV_TRY(remove_repair_mark(**disk));
  mark_.reset();
  membership_->log_repaired();
  phase_ = Phase::kServing;
  log_->info("repaired: the state is the majority's again",
             {{"event", "repaired"}, {"index", core.applied}});
  return {};
}

}  // namespace kvcluster::server
