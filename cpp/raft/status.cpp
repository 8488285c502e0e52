// What others may see of a core.
#include <algorithm>

#include "raft/core_impl.hpp"

namespace kvcluster::raft {

CoreStatus Core::Impl::status() const {
  CoreStatus status{.self = config.self,
                    .role = role,
                    .term = term,
                    .voted_for = voted_for,
                    .leader = leader,
                    .transfer_to = transfer_to,
                    .commit_index = commit_index,
                    .applied = applied,
                    .first_index = log.base().index.next(),
                    .last_log = log.last(),
                    .durable_index = tracker.durable_index(),
                    .ready = ready(),
                    .lease_until = lease_until(),
                    .peers = {}};
  for (const Progress& peer : progress) {
    status.peers.push_back({.id = peer.id,
                            .match_index = peer.match_index,
                            .next_index = peer.next_index,
                            .recently_active = recently_active(peer),
                            .installing_snapshot = peer.state == Progress::State::kSnapshot,
                            .inflight_bytes = peer.inflight_bytes});
  }
  return status;
}

Instant Core::Impl::next_deadline() const {
  if (emitted < committed_target()) return now;  // there is more to apply
  // A leader's other deadlines are looked at with every heartbeat, which is often enough.
  if (role == Role::kLeader) return std::min(heartbeat_deadline, commit_notice_deadline);
  return election_deadline;
}

}  // namespace kvcluster::raft
