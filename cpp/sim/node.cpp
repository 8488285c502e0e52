// The turn of a node, as server/driver.cpp has it.
#include "sim/node.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <utility>
#include <variant>

#include "sim/raft_trace.hpp"

namespace kvcluster::sim {
namespace {

constexpr int kMaxPasses = 3;
constexpr WallMillis kWallZero = 1'700'000'000'000;
constexpr Instant kOrigin{std::chrono::seconds(1)};
constexpr std::int64_t kMillion = 1'000'000;

}  // namespace

Node::Node(std::uint8_t id, World& world)
    : id_(id),
      world_(world),
      random_(stream(world.seed, Stream::kNodes, id)),
      options_(world.profile.replica),
      log_(id, world.profile, world.seed, disk_, world.coverage, world.invariants) {
  options_.raft.self = NodeId(id);
  options_.raft.priority = world.profile.priorities[id];
  for (auto& byte : incarnation_) byte = static_cast<std::uint8_t>(random_.between(1, 255));
}

Node::~Node() = default;

Instant Node::to_local(Instant global) const {
  const std::int64_t ppm = world_.profile.drift_ppm[id_];
  return global + Duration((global - kOrigin).count() * ppm / kMillion);
}

// The first global instant at which the local clock shows `local` or more.
Instant Node::to_global(Instant local) const {
  const std::int64_t ppm = world_.profile.drift_ppm[id_];
  if (ppm == 0) return local;
  Instant global = kOrigin + Duration((local - kOrigin).count() * kMillion / (kMillion + ppm));
  while (to_local(global) < local) global += Duration(1);
  return global;
}

WallMillis Node::wall() const {
  const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(local_now() - kOrigin);
  return kWallZero + static_cast<WallMillis>(ms.count() + wall_offset_ms_);
}

Event Node::event(EventKind kind) const {
  Event made;
  made.kind = kind;
  made.node = id_;
  made.life = life_;
  return made;
}

void Node::note(std::string_view kind, std::string text) {
  world_.trace.note(world_.scheduler.now() - kOrigin, id_, kind, std::move(text));
}

void Node::turn() {
  if (!running_ || paused_) return;
  bool busy = false;
  for (int i = 0; i < kMaxPasses; ++i) {
    busy = pass();
    if (!running_) return;
    if (!busy) break;
  }
  begin_writing();
  if (busy) next_deadline_ = local_now();
  schedule_wake();
}

void Node::schedule_wake() {
  if (next_deadline_ == Instant::max()) return;
  // A node that is busy comes back soon, but never at the same instant: time must go on.
  const Instant at =
      std::max(to_global(next_deadline_), world_.scheduler.now() + std::chrono::microseconds(5));
  if (at >= wake_at_) return;
  wake_at_ = at;
  world_.scheduler.at(at, event(EventKind::kWake));
}

void Node::begin_writing() {
  if (const auto takes = log_.begin_round()) {
    world_.scheduler.after(*takes, event(EventKind::kDiskDone));
  }
}

// True when another pass has something to do at once.
bool Node::pass() {
  if (!engine_) {
    next_deadline_ = Instant::max();
    if (!bootstrap_ || !bootstrap_->genesis()) {
      flush();
      return false;
    }
    const replica::Genesis genesis = *bootstrap_->genesis();
    if (const Status formed = form(genesis); !formed) fail(formed.error());
    return running_;
  }
  if ((repair_due_ || make_anew_due_) && log_.idle()) {
    if (const Status begun = repair_due_ ? begin_repair() : make_anew(); !begun)
      fail(begun.error());
    return running_;
  }
  replica::Replica& replica = *engine_->replica;
  const Instant now = local_now();
  if (!batch_.empty()) replica.submit(now, batch_);
  replica::Output out = replica.end_turn(now, wall());
  const bool told = perform(out);
  if (!running_) return false;
  flush();
  bool lost = false;
  for (std::uint8_t peer = 1; peer <= world_.profile.nodes; ++peer) {
    if (!std::exchange(peers_[peer].lost, false)) continue;
    lost = true;
    end_transfer(NodeId(peer));
  }
  const auto durable = log_.finish();
  if (!durable) {
    fail(durable.error());
    return false;
  }
  if (*durable != 0) replica.persisted(now, *durable);
  return told || lost || *durable != 0;
}

bool Node::perform(replica::Output& out) {
  replica::Replica& replica = *engine_->replica;
  const raft::Core& core = replica.core();
  if (const Status begun = log_.start(std::move(out.persist)); !begun) {
    fail(begun.error());
    return false;
  }
  world_.invariants.observe(id_, core, *engine_->state);
  if (out.next_deadline <= local_now() && core.commit_index() > engine_->state->applied()) {
    world_.coverage.hit(Path::kPagedApply);
  }
  world_.trace.mix(core.term().value() << 40U ^ core.commit_index().value() << 20U ^
                   core.last_index().value() ^ std::uint64_t{id_} << 60U);
  bool told = false;
  for (replica::Outgoing& outgoing : out.messages) {
    const auto* forward = std::get_if<replica::Forward>(&outgoing.message);
    const std::uint64_t forward_id = forward != nullptr ? forward->id : 0;
    const bool full =
        forward != nullptr && random_.below(1000) < world_.profile.full_queue_permille;
    const bool sent = !full && send(outgoing.to, std::move(outgoing.message));
    if (forward == nullptr) continue;
    world_.coverage.hit(sent ? Path::kForwarded : Path::kForwardNotSent);
    if (!sent) {
      replica.forward_not_sent(local_now(), outgoing.to, forward_id);
      told = true;
    }
  }
  const std::size_t quorum = core.configuration().quorum();
  for (replica::Completion& completion : out.completions) {
    if (completion.outcome == replica::Completion::Outcome::kReplied &&
        completion.index > Index{}) {
      world_.invariants.acknowledged(id_, completion.index, quorum);
    }
    world_.clients.completed(id_, std::move(completion));
  }
  next_deadline_ = out.next_deadline;
  read_snapshots(out.snapshot_reads);
  if (out.snapshot_store) {
    Event stored = event(EventKind::kChunkStored);
    const Duration takes = world_.profile.sync_min * (out.snapshot_store->done ? 4 : 1);
    stored.value = stores_.put(std::move(*out.snapshot_store));
    world_.scheduler.after(takes, stored);
  }
  if (out.log_compacted) static_cast<void>(log_.compact(*out.log_compacted));
  begin_checkpoint_if_due();
  follow(out.trace);
  if (out.role_changed) {
    if (core.role() != raft::Role::kLeader) end_transfer(kNoNode);
    review();
  }
  if (out.diverged && !repair_due_ && !mark_) {
    world_.coverage.hit(Path::kDiverged);
    if (world_.trace.with_timeline()) note("node", "its state differs from the majority's");
    repair_due_ = true;
    replica.transfer_leadership(local_now(), kNoNode);
  }
  return told;
}

void Node::follow(const std::vector<raft::Trace>& trace) {
  for (const raft::Trace& step : trace) {
    count_path(step, world_.coverage);
    if (step.kind == raft::Trace::Kind::kBecameLeader) {
      world_.invariants.became_leader(id_, step.term, engine_->replica->core());
    }
    if (step.kind == raft::Trace::Kind::kFollowerCaughtUp) end_transfer(step.peer);
    if (step.kind == raft::Trace::Kind::kTransferStarted) world_.invariants.handing_over();
    if (world_.trace.with_timeline()) note("raft", describe(step));
  }
}

bool Node::send(NodeId to, replica::PeerMessage message) {
  const auto peer = static_cast<std::uint8_t>(to.value());
  if (peer >= kMaxNodes || !peers_[peer].introduced || !world_.network.link_up(id_, peer)) {
    return false;
  }
  if (const auto* words = std::get_if<raft::Message>(&message)) {
    world_.invariants.sends(id_, *words);
  }
  outbox_[peer].push_back(std::move(message));
  return true;
}

void Node::flush() {
  for (std::uint8_t peer = 1; peer <= world_.profile.nodes; ++peer) {
    if (outbox_[peer].empty()) continue;
    world_.network.send(id_, peer, std::exchange(outbox_[peer], {}));
  }
}

void Node::housekeeping() {
  if (!engine_) return;
  review();
  judge_disk_space();
  end_repair_if_done();
  if (!running_) return;  // its disk refused
  if (const Status marked = log_.write_mark_if_idle(); !marked) fail(marked.error());
}

void Node::judge_disk_space() {
  if (!engine_ || log_.disk_full() == refusing_writes_) return;
  refusing_writes_ = log_.disk_full();
  if (refusing_writes_) {
    engine_->replica->refuse_writes("OOM disk full");
  } else {
    world_.coverage.hit(Path::kDiskRoom);
    engine_->replica->refuse_writes(std::nullopt);
  }
}

// A failed write or sync is never tried again: the process ends.
void Node::fail(const Error& error) {
  if (!running_) return;
  world_.coverage.hit(Path::kNodeFailed);
  if (world_.trace.with_timeline()) note("node", "ends: " + error.message());
  failed_ = true;
  end(End::kKilled);
  if (given_up_) return;
  // Something restarts what ends.
  world_.scheduler.after(std::chrono::milliseconds(random_.between(20, 1500)),
                         event(EventKind::kStart));
}

}  // namespace kvcluster::sim
