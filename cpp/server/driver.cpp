#include "server/driver.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <asio/post.hpp>
#include <chrono>
#include <set>
#include <utility>
#include <variant>

#include "server/clock.hpp"
#include "server/election_log.hpp"

namespace kvcluster::server {

namespace {

// Of one turn; what is left is taken by the next one, so that nobody waits for ever.
constexpr int kMaxHandlers = 512;
constexpr int kMaxPasses = 3;
constexpr auto kHousekeeping = std::chrono::milliseconds(250);
constexpr auto kHandOverTime = std::chrono::milliseconds(1000);
constexpr auto kAnswerTime = std::chrono::milliseconds(1000);

std::chrono::steady_clock::time_point to_steady(Instant instant) {
  return std::chrono::steady_clock::time_point(
      std::chrono::duration_cast<std::chrono::steady_clock::duration>(instant.time_since_epoch()));
}

}  // namespace

Driver::Driver(NodeOptions options, std::shared_ptr<NodeLog> log)
    : options_(std::move(options)),
      log_(std::move(log)),
      started_(monotonic_now()),
      changes_(options_.watch_buffer_bytes),
      disk_space_(options_.min_free_disk_bytes) {
  next_deadline_ = next_housekeeping_ = started_;
}

Driver::~Driver() { release(); }

void Driver::release() {
  // Nothing calls back any more; then the threads are joined, before what they use goes.
  http_.reset();
  client_listener_.reset();
  peer_listener_.reset();
  front_.reset();
  if (membership_) membership_->left();
  membership_.reset();
  release_storage();
}

void Driver::post(std::function<void()> task) { asio::post(io_, std::move(task)); }

void Driver::run_leftovers() {
  io_.restart();
  io_.poll();
}

void Driver::run() {
  while (!ended_) {
    wait_and_drain();
    turn();
  }
  client_listener_.reset();
  peer_listener_.reset();
  http_.reset();
  if (membership_) {
    membership_->left();
    membership_->close();
  }
  if (front_) front_->close_all();
  turn_.flush();
  log_->info(failure_ ? "ended by a failure" : "stopped", {{"event", "stopped"}});
}

void Driver::wait_and_drain() {
  if (!busy_) {
    const Instant until = std::min(next_deadline_, next_housekeeping_);
    if (io_.run_one_until(to_steady(until)) == 0) return;
  }
  for (int handled = 0; handled < kMaxHandlers && io_.poll_one() > 0; ++handled) {
  }
}

void Driver::turn() {
  busy_ = false;
  for (int i = 0; i < kMaxPasses && !ended_; ++i) {
    const auto again = pass();
    if (!again) return fail_node(again.error());
    busy_ = *again;
    if (!busy_) break;
  }
  if (monotonic_now() >= next_housekeeping_) {
    const Status done = housekeeping();
    if (!done) return fail_node(done.error());
  }
  if (stop_step_ != StopStep::kNone) advance_stop();
}

// What needs no sync leaves first: a follower can write while this node's disk works (dissertation,
// 10.2.1).
Result<bool> Driver::pass() {
  if (!engine_) {
    if (const replica::Genesis* genesis = membership_->genesis()) {
      KV_TRY(form(*genesis));
      return true;
    }
    turn_.flush();
    next_deadline_ = next_housekeeping_;
    return false;
  }
  if ((repair_due_ || make_anew_due_) && persistence_->idle()) {
    KV_TRY(repair_due_ ? begin_repair() : make_anew());
    return true;
  }
  const auto unread = stopped_by_damage();
  if (!unread || *unread) return unread;
  replica::Replica& replica = engine_->replica;
  if (!front_->batch().empty()) replica.submit(monotonic_now(), front_->batch());
  replica::Output out = replica.end_turn(monotonic_now(), wall_now());
  const auto read = stopped_by_damage();
  if (!read || *read) return read;
  const auto told = perform(out);
  if (!told) return told;
  turn_.flush();
  // A link may have broken while it was written to: the replica's next deadline is nearer now.
  const auto lost = let_go_of_lost_peers();
  if (!lost) return lost;
  const auto durable = persistence_->finish();
  if (!durable) return std::unexpected(durable.error());
  if (*durable != 0) replica.persisted(monotonic_now(), *durable);
  return *told || *lost || *durable != 0;
}

Result<bool> Driver::let_go_of_lost_peers() {
  const std::set<NodeId> lost = membership_->take_lost();
  for (const NodeId peer : lost) KV_TRY(engine_->checkpoints.end_transfer(peer));
  return !lost.empty();
}

Result<bool> Driver::perform(replica::Output& out) {
  KV_TRY(persistence_->start(std::move(out.persist)));
  bool told = false;
  for (const replica::Outgoing& outgoing : out.messages) {
    if (membership_->send(outgoing.to, outgoing.message)) continue;
    // All else is sent again by whoever needs it.
    if (const auto* forward = std::get_if<replica::Forward>(&outgoing.message)) {
      engine_->replica.forward_not_sent(monotonic_now(), outgoing.to, forward->id);
      told = true;
    }
  }
  for (replica::Completion& completion : out.completions) front_->complete(std::move(completion));
  answer_waiting();
  next_deadline_ = out.next_deadline;

  CheckpointSchedule& checkpoints = engine_->checkpoints;
  KV_TRY(checkpoints.read_snapshots(out.snapshot_reads));
  if (out.snapshot_store) KV_TRY(checkpoints.store_snapshot(std::move(*out.snapshot_store)));
  if (out.log_compacted) KV_TRY(persistence_->compact(*out.log_compacted));
  KV_TRY(checkpoints.begin_if_due(monotonic_now()));

  if (!out.trace.empty()) {
    log_trace(*log_, out.trace, engine_->replica.core().configuration(),
              monotonic_now() - started_);
  }
  for (const raft::Trace& step : out.trace) {
    if (step.kind == raft::Trace::Kind::kFollowerCaughtUp) {
      KV_TRY(checkpoints.end_transfer(step.peer));
    }
  }
  if (out.role_changed) {
    if (engine_->replica.core().role() != raft::Role::kLeader) {
      KV_TRY(checkpoints.end_transfer(kNoNode));
    }
    membership_->review(monotonic_now());
  }
  if (out.diverged) notice_divergence();
  return told;
}

void Driver::answer_waiting() {
  TouchedStreams& touched = engine_->feed.streams;
  if (touched.take_all()) {
    (void)touched.take();
    front_->all_streams_changed();
  } else {
    front_->streams_changed(touched.take());
  }
  touched.want(front_->awaits_streams());
  if (std::exchange(changes_told_, changes_.last()) != changes_.last()) front_->changes_applied();
}

Status Driver::housekeeping() {
  const Instant now = monotonic_now();
  next_housekeeping_ = now + kHousekeeping;
  membership_->review(now);
  judge_disk_space();
  KV_TRY(end_repair_if_done());
  return persistence_->write_mark_if_idle();
}

void Driver::judge_disk_space() {
  if (const auto free = free_disk_bytes(options_.data_dir)) disk_space_.measured(*free);
  disk_space_.append_refused(persistence_->disk_full());
  if (!engine_ || disk_space_.full() == refusing_writes_) return;
  refusing_writes_ = disk_space_.full();
  if (refusing_writes_) {
    const std::string sentence =
        fmt::format("disk full on node {}: {} bytes are free, {} are needed; reads go on",
                    options_.id.value(), disk_space_.free_bytes(), options_.min_free_disk_bytes);
    log_->error(sentence, {{"event", "disk_full"}, {"free_bytes", disk_space_.free_bytes()}});
    engine_->replica.refuse_writes("OOM " + sentence);
  } else {
    log_->info("there is room on the disk again: writes are taken",
               {{"event", "disk_room"}, {"free_bytes", disk_space_.free_bytes()}});
    engine_->replica.refuse_writes(std::nullopt);
  }
}

void Driver::on_wal_report(const WalReport& report) {
  if (ended_) return;
  if (report.error) return fail_node(*report.error);
  const std::uint64_t durable = persistence_->reported(report);
  if (durable != 0 && engine_) engine_->replica.persisted(monotonic_now(), durable);
  if (persistence_->disk_full() != refusing_writes_) judge_disk_space();
}

void Driver::take_checkpointer_report() {
  std::unique_lock lock(reports_mutex_);
  if (reports_.empty()) return;
  CheckpointerReport report = std::move(reports_.front());
  reports_.pop_front();
  lock.unlock();
  if (ended_ || !engine_) return;
  const Status done = engine_->checkpoints.reported(monotonic_now(), std::move(report));
  if (!done && done.error().code == ErrorCode::kCorruption) {
    log_->critical("damaged: " + done.error().context, {{"event", "damaged"}});
    want_repair(done.error().context);
  } else if (!done) {
    fail_node(done.error());
  }
}

// A failed write or sync is never tried again: the page may count as clean although it never
// reached the disk (docs/architecture.md, "Storage").
void Driver::fail_node(Error error) {
  if (ended_) return;
  log_->critical("the node ends: " + error.message(), {{"event", "failed"}});
  failure_ = std::move(error);
  phase_ = Phase::kFailed;
  ended_ = true;
}

void Driver::begin_stop() {
  if (stop_step_ != StopStep::kNone || ended_) return;
  stop_step_ = StopStep::kHandingOver;
  stop_deadline_ = monotonic_now() + kHandOverTime;
  log_->info("stopping", {{"event", "stopping"}});
  transfer_leadership(kNoNode);
}

void Driver::stop_now() { ended_ = true; }

void Driver::advance_stop() {
  const Instant now = monotonic_now();
  if (stop_step_ == StopStep::kHandingOver) {
    const bool alone = engine_ && engine_->replica.core().configuration().voter_count() < 2;
    const bool leading = engine_ && engine_->replica.core().role() == raft::Role::kLeader;
    if (leading && !alone && now < stop_deadline_) {
      next_deadline_ = std::min(next_deadline_, stop_deadline_);
      return;
    }
    stop_step_ = StopStep::kAnswering;
    stop_deadline_ = now + kAnswerTime;
    phase_ = Phase::kStopping;
    client_listener_.reset();
    front_->stop_reading();
  }
  const bool waiting = engine_ && front_->pending_replies() > 0;
  if (waiting && now < stop_deadline_) {
    next_deadline_ = std::min(next_deadline_, stop_deadline_);
    return;
  }
  ended_ = true;
}

}  // namespace kvcluster::server
