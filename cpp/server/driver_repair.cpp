// A node whose log or state is damaged, or whose state differs from the majority's, gives both up
// and takes them anew from its peers: the log from its beginning, or a snapshot. It keeps its term
// and vote, and what it has acknowledged binds it until it holds that again.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include "server/clock.hpp"
#include "server/driver.hpp"

namespace kvcluster::server {

void Driver::notice_divergence() {
  if (phase_ == Phase::kRepairing) return;
  const kv::Digests digests = engine_->state->digests();
  log_->critical(
      "this node's state differs from the majority's: it serves nothing until it is replaced from "
      "its peers",
      {{"event", "diverged"},
       {"index", digests.index},
       {"history", digests.history.hex()},
       {"state", digests.state.hex()}});
  want_repair(
      fmt::format("the state differed from the majority's at entry {}", digests.index.value()));
}

void Driver::want_repair(std::string cause) {
  phase_ = Phase::kRepairing;
  if (!repair_due_) repair_due_ = std::move(cause);
  transfer_leadership(kNoNode);
}

Status Driver::begin_repair() {
  storage::RepairMark mark;
  mark.floor = engine_->replica.core().status().last_log;
  mark.configuration = engine_->replica.core().configuration();
  mark.genesis = Bytes(engine_->state->genesis_payload());
  if (mark_) {
    // What is being replaced is wrong too; what an earlier mark said still binds.
    mark.floor = std::max(mark.floor, mark_->floor);
    mark.configuration = mark_->configuration;
    mark.genesis = mark_->genesis;
  }
  return give_up(std::move(mark), *std::exchange(repair_due_, std::nullopt));
}

Status Driver::give_up(storage::RepairMark mark, std::string cause) {
  cause.resize(std::min(cause.size(), storage::kMaxCauseBytes));
  mark.cause = std::move(cause);
  if (++repairs_ > kMaxRepairs) {
    return fail(ErrorCode::kCorruption,
                fmt::format("the state was wrong again after it was replaced ({}): this machine "
                            "computes or stores wrongly",
                            mark.cause));
  }
  KV_TRY(store_->begin_repair(mark));
  return make_anew();
}

// At a start: the records are walked once, so that no page that is whole but old is served.
std::string Driver::judge_state(const kv::StateMachine& state) const {
  const Instant begin = monotonic_now();
  const bool same = state.recompute_state_digest() == state.digests().state;
  const auto took = std::chrono::duration_cast<std::chrono::milliseconds>(monotonic_now() - begin);
  log_->info(fmt::format("the state was compared with its digest in {} ms", took.count()),
             {{"event", "verified"}, {"keys", state.key_count()}});
  if (!store_->table().damage().empty()) return store_->table().damage();
  if (same) return {};
  return fmt::format("the records of the checkpoint at entry {} do not give its digest",
                     state.applied().value());
}

// Nothing that was computed from a damaged record leaves the node: it is asked before the turn's
// output is used. True when the turn must not go on.
Result<bool> Driver::stopped_by_damage() {
  const std::string& damage = store_->table().damage();
  if (damage.empty()) return false;
  if (!repair_due_) {
    log_->critical("damaged: " + damage, {{"event", "damaged"}});
    phase_ = Phase::kRepairing;
    repair_due_ = damage;
  }
  if (persistence_->idle()) KV_TRY(begin_repair());
  return true;
}

Status Driver::make_anew() {
  make_anew_due_ = false;
  // Clients that wait here would wait for ever: what they asked is forgotten with the replica.
  if (front_) front_->close_all();
  membership_->left();
  release_storage();
  auto opened = open_storage();
  if (!opened) return std::unexpected(std::move(opened).error());
  return start_engine(std::move(opened->restored), opened->state_machine_meta);
}

Status Driver::announce_repair() {
  log_->warn(
      "log and state are being replaced from the peers: " + mark_->cause,
      {{"event", "repair"}, {"floor_term", mark_->floor.term}, {"floor", mark_->floor.index}});
  if (!mark_->genesis.empty()) return {};
  if (store_->identity().cluster == replica::kNoCluster) {
    return fail(ErrorCode::kCorruption,
                fmt::format("{}; which cluster this node belongs to is lost with it: replace it as "
                            "a new member",
                            mark_->cause));
  }
  return {};
}

// The mark goes when the new state is in a durable checkpoint and the log holds again all that was
// acknowledged: from then on a restart finds nothing of the old.
Status Driver::end_repair_if_done() {
  if (!mark_) return {};
  if (!told_hopeless_ && repair_is_hopeless()) {
    told_hopeless_ = true;
    log_->critical(repair_story(), {{"event", "repair_hopeless"}});
  }
  if (repair_due_ || make_anew_due_) return {};
  if (engine_->replica.roots().diverged) {
    want_repair("the state differed from the majority's while it was replaced");
    return {};
  }
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
  KV_TRY(store_->end_repair());
  // Who its peers are, a node that had lost it finds in its new state.
  make_anew_due_ = mark_->genesis.empty();
  mark_.reset();
  membership_->log_repaired();
  if (!make_anew_due_) phase_ = Phase::kServing;
  log_->info("repaired: the state is the majority's again",
             {{"event", "repaired"}, {"index", core.applied}});
  return {};
}

bool Driver::repair_is_hopeless() const {
  if (!mark_ || !engine_) return false;
  const PeerNetwork& network = membership_->network();
  return std::ranges::all_of(
      engine_->replica.core().configuration().members, [&](const raft::Member& member) {
        if (member.id == options_.id) return true;
        const replica::Hello* hello = network.hello(member.id);
        return hello != nullptr && network.connected(member.id) && hello->log_lost;
      });
}

std::string Driver::repair_story() const {
  if (repair_is_hopeless()) {
    return fmt::format(
        "cannot be repaired: {}; and every other member has lost its log or state too: restore the "
        "data directories from a copy",
        mark_->cause);
  }
  return fmt::format(
      "this node serves nothing until it is repaired from its peers: {}; it waits for a leader "
      "that "
      "holds entry {} of term {}",
      mark_->cause, mark_->floor.index.value(), mark_->floor.term.value());
}

}  // namespace kvcluster::server
