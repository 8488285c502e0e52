// The second phase of a run, and the verdict on what clients were told.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include "check/linearizability.hpp"
#include "sim/cluster.hpp"
#include "sim/cluster_run.hpp"

namespace kvcluster::sim {
namespace {

constexpr Instant kOrigin{std::chrono::seconds(1)};
constexpr std::uint64_t kMaxHandOvers = 2;  // for priority's sake, while terms should be flat
// Of a hand-over to a node that cannot hold the lead: its election, a vote that it splits with a
// node that hears it no more, and the one that ends it.
constexpr std::uint64_t kTermsOfAHandOver = 3;

}  // namespace

void Cluster::choose_quorum() {
  Random random = stream(options_.seed, Stream::kFaults, 1);
  std::vector<std::uint8_t> whole;
  for (std::uint8_t id = 1; id <= profile_.nodes; ++id) {
    if (!node(id).impaired() && (node(id).serves() || node(id).formed())) whole.push_back(id);
  }
  const std::size_t needed = profile_.nodes / 2U + 1;
  for (std::size_t i = whole.size(); i > 1; --i) std::swap(whole[i - 1], whole[random.below(i)]);
  if (whole.size() > needed) whole.resize(random.between(needed, whole.size()));
  std::ranges::sort(whole);
  quorum_ = std::move(whole);
}

void Cluster::heal_quorum() {
  for (const std::uint8_t a : quorum_) {
    for (const std::uint8_t b : quorum_) {
      if (a < b) network_.make_perfect(a, b);
    }
  }
  for (const std::uint8_t id : quorum_) {
    Node& healed = node(id);
    resume(id);
    healed.log().set_extra_sync({});
    healed.disk().set_capacity(UINT64_MAX);
    healed.disk().forget_failures();
    healed.log().set_hung(false);
    healed.disk_changed();
    if (!healed.running()) start_later(id, Duration(0));
  }
}

// The others may fail, whatever they were: a leader among them must give way. Who was to start
// again still does.
void Cluster::fail_outsiders() {
  Random random = stream(options_.seed, Stream::kFaults, 4);
  for (std::uint8_t id = 1; id <= profile_.nodes; ++id) {
    if (std::ranges::find(quorum_, id) != quorum_.end() || random.chance(1, 2)) continue;
    switch (random.below(3)) {
      case 0:
        node(id).log().set_hung(true);
        break;
      case 1:
        if (node(id).running()) node(id).set_paused(true);
        break;
      default:
        resume(id);
        node(id).end(Node::End::kPowerCut);
        break;
    }
  }
}

bool Cluster::healed_quorum_is_equal() {
  const Node& first = node(quorum_.front());
  if (!first.serves()) return false;
  for (const std::uint8_t id : quorum_) {
    const Node& other = node(id);
    if (!other.serves() || other.replica().core().last_index() != other.state().applied() ||
        other.state().applied() != first.state().applied()) {
      return false;
    }
  }
  return true;
}

std::string Cluster::where_the_quorum_is() {
  std::string text;
  for (const std::uint8_t id : quorum_) {
    const Node& member = node(id);
    if (!member.serves()) {
      text += fmt::format(" node {} does not serve,", id);
      continue;
    }
    const raft::Core& core = member.replica().core();
    text += fmt::format(" node {} applied {} committed {} last {} term {},", id,
                        member.state().applied().value(), core.commit_index().value(),
                        core.last_index().value(), core.term().value());
  }
  text += clients_.idle() ? " no client waits" : " a client waits";
  return text;
}

bool Cluster::outsider_was_elected() const {
  return std::ranges::find(quorum_, invariants_.last_elected()) == quorum_.end();
}

// Bounds, in election timeouts (the longest): 20 until a write is answered, 40 more until the
// quorum is equal, then 10 in which no term may change. Snapshots in small chunks add a round trip
// each.
void Cluster::liveness_phase() {
  choose_quorum();
  if (quorum_.size() < profile_.nodes / 2U + 1) return;  // nothing is promised
  healing_ = true;
  heal_quorum();
  fail_outsiders();
  clients_.set_burst(1);
  clients_.prefer(quorum_);
  if (trace_.with_timeline()) {
    std::string members;
    for (const std::uint8_t id : quorum_) members += fmt::format(" {}", id);
    trace_.note(scheduler_.now() - kOrigin, 0, "fault", "healed are the nodes" + members);
  }
  const Duration timeout =
      profile_.replica.raft.election_timeout_max + 4 * profile_.latency_max + 4 * profile_.sync_max;
  const Instant begin = scheduler_.now();
  const Duration elect = 20 * timeout + std::chrono::seconds(2);
  const auto written = [&] { return clients_.last_write_answered() > begin + timeout / 4; };
  if (!run_until(begin + elect, written)) {
    invariants_.report(
        Check::kLiveness, 0,
        fmt::format("a healed quorum answered no write within {} ms", elect.count() / 1000));
    return;
  }
  clients_.stop();
  const Duration converge = 40 * timeout + std::chrono::seconds(8);
  const auto equal = [&] { return clients_.idle() && healed_quorum_is_equal(); };
  bool converged = run_until(scheduler_.now() + converge, equal);
  if (!converged && !invariants_.violation() && outsider_was_elected()) {
    // Who hears no leader, while others do, stays behind: the price of pre-vote (9.6). It must end
    // with that leader.
    for (std::uint8_t id = 1; id <= profile_.nodes; ++id) {
      if (std::ranges::find(quorum_, id) != quorum_.end()) continue;
      resume(id);
      node(id).end(Node::End::kKilled);
    }
    converged = run_until(scheduler_.now() + converge, equal);
  }
  if (!converged) {
    invariants_.report(Check::kConvergence, 0,
                       fmt::format("a healed quorum was not equal after {} ms:{}",
                                   converge.count() / 1000, where_the_quorum_is()));
    return;
  }
  // A preferred leader may still take over.
  const std::uint64_t handed_over = invariants_.hand_overs();
  run_until(scheduler_.now() + 2 * profile_.replica.raft.priority_transfer_delay + 2 * timeout,
            [] { return false; });
  Term term;
  for (const std::uint8_t id : quorum_) term = std::max(term, node(id).term());
  run_until(scheduler_.now() + 10 * timeout, [] { return false; });
  // A preferred node outside the quorum may be handed the lead, and may be unable to hold it. It is
  // tried ever more rarely.
  const std::uint64_t tries =
      std::min<std::uint64_t>(invariants_.hand_overs() - handed_over, kMaxHandOvers);
  const Term newest(term.value() + kTermsOfAHandOver * tries);
  for (const std::uint8_t id : quorum_) {
    if (node(id).term() < term || node(id).term() > newest) {
      invariants_.report(Check::kFlatTerms, id,
                         fmt::format("the term went from {} to {} with a quorum healed",
                                     term.value(), node(id).term().value()));
    }
    if (!node(id).serves()) continue;
    clients_.check_one_effect(id, node(id).state());
    if (node(id).digest_wrong()) continue;
    if (node(id).state().recompute_state_digest() != node(id).state().digests().state) {
      invariants_.report(Check::kStateHash, id,
                         fmt::format("node {}: the incremental hash is not the recomputed", id));
    }
  }
}

void Cluster::judge_history(SimulationResult& result) {
  check::History history = clients_.take_history();
  if (!invariants_.violation()) {
    const check::Verdict verdict = check::check_linearizable(
        history,
        {.max_explored = 500'000, .max_memory_bytes = 1U << 26U, .max_shrink_explored = 500'000});
    if (verdict.finding == check::Finding::kViolation) {
      invariants_.report(Check::kLinearizable, 0, verdict.explanation);
    }
    result.undecided = verdict.finding == check::Finding::kUndecided;
  }
  if (options_.with_history) result.history = std::move(history);
}

}  // namespace kvcluster::sim
