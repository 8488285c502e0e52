// Reads under a lease (dissertation, 6.4.1), an option: a leader that a quorum answered lately
// serves reads without a round of messages.
//
// A voter that answers a leader promises with it to elect nobody else, itself included, for its
// shortest election timeout. The promise counts from when the voter heard the leader, which is not
// before the message left. So as long as a quorum's promises last, counted from the sending, no
// newer leader exists. A leader that is stuck (election.cpp) is promised nothing more. Every path
// on which a voter may take part in an election asks promised():
//
//   - a closed connection to the leader proves nothing about the leader: the promise stays;
//   - a voter that starts may have promised before it ended: it acts as if it had just done so;
//   - only an election that the leader itself asked for passes (3.10), and a leader that asked for
//     one has no lease for the rest of its term, for the request may arrive at any time.
//
// What is trusted is that the clocks of leader and voters run at nearly the same rate
// (Config::lease_drift_percent); what they show does not matter.
#include <algorithm>
#include <array>
#include <functional>

#include "base/check.hpp"
#include "raft/core_impl.hpp"

namespace kvcluster::raft {
namespace {

// Rounds whose time is remembered, evenly over twice the longest lease.
constexpr std::size_t kMaxRounds = 64;

}  // namespace

Instant Core::Impl::promised_until() const {
  return config.lease_reads ? last_heard + config.election_timeout_min : Instant::min();
}

Duration Core::Impl::promise() const {
  return config.lease_reads && !leader_is_stuck() ? config.election_timeout_min : Duration::zero();
}

void Core::Impl::open_lease_round() {
  if (!config.lease_reads || (!heartbeat_due && !lease_rounds.empty())) return;
  ++read_round;
  note_round();
}

void Core::Impl::note_round() {
  if (!config.lease_reads) return;
  // A round that is not noted counts from the one noted before it: too early, never too late.
  const Duration apart = 2 * config.election_timeout_min / kMaxRounds;
  if (!lease_rounds.empty() && now - lease_rounds.back().opened < apart) return;
  if (lease_rounds.size() >= kMaxRounds) lease_rounds.pop_front();
  lease_rounds.push_back({read_round, now});
}

void Core::Impl::promise_received(Progress& peer, const AppendReply& reply) {
  if (!config.lease_reads || reply.promise <= Duration::zero() || reply.read_round > read_round) {
    return;
  }
  const auto after =
      std::ranges::upper_bound(lease_rounds, reply.read_round, {}, &LeaseRound::number);
  if (after == lease_rounds.begin()) return;  // long ago, or of no round of this term
  const Duration promised = std::min(reply.promise, config.election_timeout_min);
  const Duration counted = promised * (100 - config.lease_drift_percent) / 100;
  peer.promised_until = std::max(peer.promised_until, std::prev(after)->opened + counted);
}

Instant Core::Impl::lease_until() const {
  if (!config.lease_reads || role != Role::kLeader || lease_given_up) return Instant::min();
  std::array<Instant, kMaxMembers> until{};
  std::size_t voters = 0;
  if (is_voter(config.self)) until[voters++] = Instant::max();  // a leader elects nobody
  for (const Progress& peer : progress) {
    if (is_voter(peer.id)) until[voters++] = peer.promised_until;
  }
  const std::size_t quorum = configuration().quorum();
  // A leader that has nobody to ask needs no lease.
  if (quorum < 2 || voters < quorum) return Instant::min();
  const auto at = until.begin() + static_cast<std::ptrdiff_t>(quorum - 1);
  std::nth_element(until.begin(), at, until.begin() + static_cast<std::ptrdiff_t>(voters),
                   std::greater<>());
  return *at;
}

bool Core::Impl::lease_holds() const { return now < lease_until(); }

void Core::Impl::end_lease() {
  lease_given_up = false;
  lease_rounds.clear();
}

}  // namespace kvcluster::raft
