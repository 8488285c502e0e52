// Reads without a log entry (dissertation, 6.4): a round of messages that left after the reads
// arrived, answered by a quorum, proves that this node still leads. One round serves all that wait.
#include <algorithm>
#include <array>
#include <functional>

#include "base/mutant.hpp"
#include "raft/core_impl.hpp"

namespace kvcluster::raft {
namespace {

constexpr std::size_t kMaxPendingReads = 65536;

}  // namespace

void Core::Impl::on(ReadRequest event) {
  if (role != Role::kLeader || reads.size() >= kMaxPendingReads) {
    out.reads.push_back({event.id, false});
    return;
  }
  reads.push_back({.id = event.id, .round = 0, .index = Index(0)});
}

void Core::Impl::open_read_round() {
  const bool may_read = ready() || mutated(Mutant::kReadBeforeNoop);
  if (!may_read || reads.empty() || reads.back().round != 0) return;
  // Under a lease the messages that were answered lately are proof enough (6.4.1).
  const bool leased = lease_holds();
  if (!leased) {
    ++read_round;
    round_opened = true;
    note_round();
  }
  for (PendingRead& read : reads) {
    read.confirmed = read.confirmed || leased;
    if (read.round != 0) continue;
    read.round = read_round;
    read.index = commit_index;
  }
}

void Core::Impl::round_answered(Progress& peer, std::uint64_t round) {
  if (mutated(Mutant::kReadRoundReused)) round = read_round;
  if (round <= read_round) peer.acked_round = std::max(peer.acked_round, round);
}

void Core::Impl::resolve_reads() {
  if (reads.empty() || role != Role::kLeader) return;
  std::array<std::uint64_t, kMaxMembers> answered{};
  std::size_t voters = 0;
  if (is_voter(config.self)) answered[voters++] = read_round;
  for (const Progress& peer : progress) {
    if (is_voter(peer.id)) answered[voters++] = peer.acked_round;
  }
  if (voters == 0) return;
  const auto at = answered.begin() + static_cast<std::ptrdiff_t>(configuration().quorum() - 1);
  std::nth_element(answered.begin(), at, answered.begin() + static_cast<std::ptrdiff_t>(voters),
                   std::greater<>());
  // Rounds and indices go up along the list, so those that are done stand in front.
  auto done = reads.begin();
  const auto is_done = [this, round = *at](const PendingRead& read) {
    const bool proven = read.confirmed || (read.round != 0 && read.round <= round);
    return proven && read.index <= emitted;
  };
  while (done != reads.end() && is_done(*done)) {
    out.reads.push_back({done->id, true});
    ++done;
  }
  reads.erase(reads.begin(), done);
}

void Core::Impl::fail_reads() {
  for (const PendingRead& read : reads) out.reads.push_back({read.id, false});
  reads.clear();
}

}  // namespace kvcluster::raft
