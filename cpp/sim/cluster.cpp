#include "sim/cluster.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include "base/check_handler.hpp"
#include "sim/cluster_run.hpp"

namespace kvcluster::sim {
namespace {

constexpr Instant kOrigin{std::chrono::seconds(1)};

}  // namespace

Cluster::Cluster(const SimulationOptions& options)
    : options_(options),
      profile_(draw_profile(options.seed)),
      faults_(draw_faults(profile_, options.seed, options.time)),
      trace_(options.with_timeline),
      invariants_(profile_.nodes),
      network_(profile_, options.seed, scheduler_, coverage_),
      clients_(profile_, options.seed, scheduler_, trace_, coverage_, invariants_),
      world_{profile_, options.seed, scheduler_,  network_,
             trace_,   coverage_,    invariants_, clients_},
      active_(faults_.size(), false),
      unseating_(stream(options.seed, Stream::kFaults, 2)),
      resuming_(stream(options.seed, Stream::kFaults, 3)) {
  nodes_.push_back(nullptr);
  std::vector<Node*> all = {nullptr};
  for (std::uint8_t id = 1; id <= profile_.nodes; ++id) {
    nodes_.push_back(std::make_unique<Node>(id, world_));
    all.push_back(nodes_.back().get());
    network_.attach(id, *nodes_.back());
  }
  clients_.attach(std::move(all));
}

// The cluster is formed already; in some runs one member has yet to claim its place (--bootstrap).
void Cluster::form() {
  Random random = stream(options_.seed, Stream::kNodes, 100);
  replica::Genesis genesis;
  for (auto& byte : genesis.cluster_id) byte = static_cast<std::uint8_t>(random.between(1, 255));
  for (auto& byte : genesis.hash_key) byte = static_cast<std::uint8_t>(random.below(256));
  const bool late = profile_.nodes >= 3 && random.chance(1, 6);
  for (std::uint8_t id = 1; id <= profile_.nodes; ++id) {
    raft::Member member;
    member.id = NodeId(id);
    if (!late || id != profile_.nodes) member.incarnation = node(id).incarnation();
    member.address = fmt::format("node{}", id);
    genesis.configuration.members.push_back(std::move(member));
  }
  for (std::uint8_t id = 1; id <= profile_.nodes; ++id) {
    const bool empty = late && id == profile_.nodes;
    node(id).format(empty ? std::nullopt : std::optional(genesis));
    start_later(id, std::chrono::milliseconds(random.below(100)));
  }
}

void Cluster::dispatch(const Event& event) {
  ++result_.events;
  trace_.mix(static_cast<std::uint64_t>(event.at.time_since_epoch().count()) << 8U ^
             static_cast<std::uint64_t>(event.kind) ^ std::uint64_t{event.node} << 56U ^
             std::uint64_t{event.peer} << 60U);
  std::uint8_t reached = event.node;
  switch (event.kind) {
    case EventKind::kHello:
    case EventKind::kFrame:
    case EventKind::kSessionLost:
      reached = event.peer;
      [[fallthrough]];
    case EventKind::kDial:
    case EventKind::kHelloReply:
    case EventKind::kRefused:
    case EventKind::kLinkLost:
      if (node(reached).paused()) return backlog_[reached].push_back(event);
      return network_.on_event(event);
    case EventKind::kWake:
    case EventKind::kHousekeeping:
    case EventKind::kDiskDone:
    case EventKind::kCheckpointDone:
    case EventKind::kChunkRead:
    case EventKind::kChunkStored:
      if (node(reached).paused()) return backlog_[reached].push_back(event);
      return node(reached).on_event(event);
    case EventKind::kStart:
      return node(reached).start();
    case EventKind::kPowerOff:
      return;
    case EventKind::kRequest:
      if (node(reached).paused()) return backlog_[reached].push_back(event);
      return clients_.on_event(event);
    case EventKind::kClientWake:
    case EventKind::kReply:
    case EventKind::kClientTimeout:
    case EventKind::kClientLost:
      return clients_.on_event(event);
    case EventKind::kFault:
      return begin_fault(event.value);
    case EventKind::kFaultEnd:
      return end_fault(event.value);
    case EventKind::kUnseat:
      return unseat(event);
  }
}

void Cluster::safety_phase() {
  form();
  clients_.begin();
  for (std::size_t number = 0; number < faults_.size(); ++number) {
    if (!fault_happens(number)) continue;
    Event event;
    event.kind = EventKind::kFault;
    event.value = number;
    scheduler_.at(kOrigin + faults_[number].at, event);
  }
  run_until(kOrigin + options_.time, [] { return false; });
}

bool Cluster::fault_happens(std::uint64_t number) const {
  return !options_.dropped.contains(static_cast<std::uint32_t>(number));
}

SimulationResult Cluster::run() {
  result_.profile = describe(profile_);
  result_.faults_drawn = static_cast<std::uint32_t>(faults_.size());
  try {
    safety_phase();
    if (!invariants_.violation()) liveness_phase();
  } catch (const CheckFailure& failure) {
    // What threw is not used again: the run ends here.
    invariants_.report(Check::kCode, 0, failure.what());
  }
  judge_history(result_);
  result_.violation = invariants_.violation();
  if (result_.violation && trace_.with_timeline()) {
    trace_.note(
        result_.violation->at, result_.violation->node, "violation",
        fmt::format("{}: {}", to_string(result_.violation->check), result_.violation->text));
  }
  result_.trace_hash = trace_.hash();
  result_.simulated = scheduler_.now() - kOrigin;
  result_.frames = network_.frames_sent();
  for (std::uint8_t id = 1; id <= profile_.nodes; ++id) result_.syncs += node(id).log().syncs();
  result_.clients = clients_.counters();
  result_.terms = invariants_.newest_term().value();
  result_.committed = invariants_.committed().value();
  result_.coverage = coverage_;
  result_.timeline = trace_.take_timeline();
  return std::move(result_);
}

SimulationResult simulate(const SimulationOptions& options) {
  const ThrowingChecks throwing;
  return Cluster(options).run();
}

}  // namespace kvcluster::sim
