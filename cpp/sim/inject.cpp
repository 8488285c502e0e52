// What each kind of fault does.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <deque>
#include <iterator>
#include <map>
#include <utility>

#include "sim/cluster.hpp"

namespace kvcluster::sim {
namespace {

constexpr Instant kOrigin{std::chrono::seconds(1)};
constexpr std::int64_t kJumpZero = std::int64_t{1} << 31U;

}  // namespace

bool Cluster::may_impair(std::uint8_t id) const {
  const auto impaired = static_cast<std::size_t>(std::count_if(
      nodes_.begin() + 1, nodes_.end(), [](const auto& node) { return node->impaired(); }));
  if (nodes_[id]->impaired() || profile_.nodes < 3) return false;
  return impaired + 1 <= static_cast<std::size_t>(profile_.nodes - 1) / 2;
}

void Cluster::start_later(std::uint8_t id, Duration delay) {
  Event start;
  start.kind = EventKind::kStart;
  start.node = id;
  scheduler_.after(delay, start);
}

void Cluster::begin_fault(std::uint64_t number) {
  if (healing_) return;
  const Fault& fault = faults_[number];
  Node& victim = node(fault.node);
  const bool pair = fault.node != fault.peer;
  bool ends = false;
  switch (fault.kind) {
    case FaultKind::kIsolate:
    case FaultKind::kCutPair:
    case FaultKind::kOneWay:
    case FaultKind::kRing:
      if (!pair) return;
      block(fault, true);
      ends = true;
      break;
    case FaultKind::kLossy:
      network_.set_extra_loss(static_cast<std::uint32_t>(fault.amount));
      ends = true;
      break;
    case FaultKind::kSlowLink:
      if (!pair) return;
      network_.set_extra_latency(fault.node, fault.peer,
                                 Duration(static_cast<Duration::rep>(fault.amount)));
      ends = true;
      break;
    case FaultKind::kCorrupt:
      if (!pair) return;
      network_.corrupt_next(fault.node, fault.peer);
      break;
    case FaultKind::kReset:
      if (!pair) return;
      network_.break_connections(fault.node, fault.peer);
      break;
    case FaultKind::kKill:
    case FaultKind::kPowerCut:
    case FaultKind::kPowerCutInWrite:
    case FaultKind::kWriteError:
      if (!victim.running()) return;
      end_process(fault);
      break;
    case FaultKind::kWipe:
      if (!may_impair(fault.node)) return;
      resume(fault.node);
      victim.wipe();
      start_later(fault.node, fault.lasts);
      break;
    case FaultKind::kPause:
      if (!victim.running() || victim.paused()) return;
      victim.set_paused(true);
      ends = true;
      break;
    case FaultKind::kOutpace:
      outpace(number);
      ends = outpaced_.fault == number;
      if (!ends) return;
      break;
    case FaultKind::kSlowDisk:
      victim.log().set_extra_sync(Duration(static_cast<Duration::rep>(fault.amount)));
      ends = true;
      break;
    case FaultKind::kHungDisk:
      victim.log().set_hung(true);
      ends = true;
      break;
    case FaultKind::kFullDisk: {
      std::uint64_t used = 0;
      if (const auto names = victim.disk().list("wal")) {
        for (const std::string& name : *names) used += victim.disk().contents("wal/" + name).size();
      }
      victim.disk().set_capacity(used + fault.amount);
      ++full_disks_[fault.node];
      ends = true;
      break;
    }
    case FaultKind::kDamageImage:
      if (!may_impair(fault.node)) return;
      victim.damage_image(fault.amount);
      break;
    case FaultKind::kMemory:
      if (!may_impair(fault.node) || !victim.corrupt_digest()) return;
      break;
    case FaultKind::kDamageLog:
    case FaultKind::kMisdirected:
    case FaultKind::kRuinLog:
      if (!may_impair(fault.node)) return;
      resume(fault.node);
      if (!victim.damage_log(fault.kind, fault.amount)) return;
      victim.end(Node::End::kKilled);
      start_later(fault.node, fault.lasts);
      break;
    case FaultKind::kClockJump:
      victim.jump_clock(static_cast<std::int64_t>(fault.amount) - kJumpZero);
      break;
    case FaultKind::kTransfer:
      for (std::uint8_t id = 1; id <= profile_.nodes; ++id) {
        if (node(id).leads()) node(id).transfer_leadership(NodeId(fault.node));
      }
      break;
    case FaultKind::kBurst:
      clients_.set_burst(fault.amount);
      ends = true;
      break;
    case FaultKind::kCheckpoint:
      victim.want_checkpoint();
      break;
    case FaultKind::kUnseat:
      unseat_within_ = fault.amount;
      ends = true;
      break;
  }
  ++result_.faults[static_cast<std::size_t>(fault.kind)];
  if (trace_.with_timeline()) {
    trace_.note(scheduler_.now() - kOrigin, fault.node, "fault",
                fmt::format("#{} {}", number, describe(fault)));
  }
  if (!ends) return;
  active_[number] = true;
  Event event;
  event.kind = EventKind::kFaultEnd;
  event.value = number;
  scheduler_.after(fault.lasts, event);
}

void Cluster::end_fault(std::uint64_t number) {
  if (!active_[number] || healing_) return;
  active_[number] = false;
  const Fault& fault = faults_[number];
  Node& victim = node(fault.node);
  switch (fault.kind) {
    case FaultKind::kIsolate:
    case FaultKind::kCutPair:
    case FaultKind::kOneWay:
    case FaultKind::kRing:
      return block(fault, false);
    case FaultKind::kLossy:
      return network_.set_extra_loss(0);
    case FaultKind::kSlowLink:
      return network_.set_extra_latency(fault.node, fault.peer, {});
    case FaultKind::kPause:
      return resume(fault.node);
    case FaultKind::kOutpace:
      resume(outpaced_.node);
      outpaced_ = {};
      return;
    case FaultKind::kSlowDisk:
      return victim.log().set_extra_sync({});
    case FaultKind::kHungDisk:
      victim.log().set_hung(false);
      return victim.disk_changed();
    case FaultKind::kFullDisk:
      if (--full_disks_[fault.node] == 0) victim.disk().set_capacity(UINT64_MAX);
      return;
    case FaultKind::kBurst:
      return clients_.set_burst(1);
    case FaultKind::kUnseat:
      unseat_within_ = 0;
      return;
    default:
      return;
  }
}

void Cluster::block_pair(const Fault& fault, std::uint8_t from, std::uint8_t to, bool begin) {
  const Blocked how = fault.amount == 1 ? Blocked::kHeld : Blocked::kLost;
  if (!begin) return network_.unblock(from, to, how);
  if (fault.amount == 2) network_.break_connections(from, to);
  network_.block(from, to, how);
}

void Cluster::block(const Fault& fault, bool begin) {
  const std::uint8_t count = profile_.nodes;
  switch (fault.kind) {
    case FaultKind::kIsolate:
      for (std::uint8_t id = 1; id <= count; ++id) {
        if (id == fault.node) continue;
        block_pair(fault, fault.node, id, begin);
        block_pair(fault, id, fault.node, begin);
      }
      return;
    case FaultKind::kOneWay:
      return block_pair(fault, fault.node, fault.peer, begin);
    case FaultKind::kRing:
      // Who is neither the next nor the one before is out of reach; of three, the pair around one.
      for (std::uint8_t a = 1; a <= count; ++a) {
        for (std::uint8_t b = 1; b <= count; ++b) {
          const int apart = (a - b + count) % count;
          const bool neighbours = apart == 1 || apart == count - 1;
          const bool cut = count == 3 ? a != fault.node && b != fault.node : !neighbours;
          if (a != b && cut) block_pair(fault, a, b, begin);
        }
      }
      return;
    default:
      block_pair(fault, fault.node, fault.peer, begin);
      return block_pair(fault, fault.peer, fault.node, begin);
  }
}

void Cluster::end_process(const Fault& fault) {
  Node& victim = node(fault.node);
  resume(fault.node);
  switch (fault.kind) {
    case FaultKind::kKill:
      victim.end(Node::End::kKilled);
      break;
    case FaultKind::kPowerCut:
      victim.end(Node::End::kPowerCut);
      break;
    case FaultKind::kPowerCutInWrite:
      victim.end(Node::End::kPowerCut, fault.amount);
      break;
    default:
      // The node ends by itself when it comes to this operation.
      victim.disk().fail_at(victim.disk().operations() + fault.amount, ErrorCode::kIo);
      break;
  }
  start_later(fault.node, fault.lasts);
}

void Cluster::outpace(std::uint64_t number) {
  if (outpaced_.node != 0) return;
  for (std::uint8_t id = 1; id <= profile_.nodes; ++id) {
    if (!node(id).leads() || node(id).paused()) continue;
    node(id).set_paused(true);
    // Another leader's first entry, and a write or two.
    outpaced_ = {number, id, Index(invariants_.committed().value() + 3), invariants_.elections()};
    return;
  }
}

void Cluster::watch_outpaced() {
  if (outpaced_.node == 0 || invariants_.elections() == outpaced_.elections) return;
  if (invariants_.committed() >= outpaced_.until) end_fault(outpaced_.fault);
}

// Figure 8 of the Raft paper needs leaders that end just after they have begun, again and again:
// some before anybody has heard what they append, some as soon as they have committed something.
void Cluster::watch_elections() {
  if (healing_) return;
  if (unseat_at_ < invariants_.committed()) {
    unseat_at_ = kNever;
    network_.silence(unseating_leader_.node);
    unseat(unseating_leader_);
  }
  if (invariants_.elections() == elections_seen_) return;
  elections_seen_ = invariants_.elections();
  unseat_at_ = kNever;
  if (unseat_within_ == 0) return;
  Event event;
  event.kind = EventKind::kUnseat;
  event.node = invariants_.last_elected();
  event.life = node(event.node).life();
  if (unseating_.chance(1, 2)) {
    unseat_at_ = invariants_.committed();
    unseating_leader_ = event;
    return;
  }
  if (unseating_.chance(1, 2)) network_.silence(event.node);
  scheduler_.after(Duration(static_cast<Duration::rep>(unseating_.below(unseat_within_))), event);
}

void Cluster::unseat(const Event& event) {
  Node& leader = node(event.node);
  if (healing_ || !leader.running() || leader.life() != event.life) return;
  resume(event.node);
  leader.end(Node::End::kPowerCut);
  start_later(event.node, std::chrono::milliseconds(unseating_.below(1500)));
}

// What came meanwhile is read at once: what one connection brought in its order, the connections
// among each other in any.
void Cluster::resume(std::uint8_t id) {
  if (!node(id).paused()) return;
  node(id).set_paused(false);
  std::map<std::uint64_t, std::deque<Event>> sources;
  for (const Event& event : std::exchange(backlog_[id], {})) {
    const bool from_client = event.kind == EventKind::kRequest;
    const std::uint64_t source = from_client ? 0 : 1U + event.node + event.peer;
    sources[source].push_back(event);
  }
  while (!sources.empty()) {
    const auto source =
        std::next(sources.begin(), static_cast<std::ptrdiff_t>(resuming_.below(sources.size())));
    const Event event = source->second.front();
    source->second.pop_front();
    if (source->second.empty()) sources.erase(source);
    dispatch(event);
  }
  node(id).turn();
}

}  // namespace kvcluster::sim
