// What the node shows of itself.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "server/clock.hpp"
#include "server/driver.hpp"

namespace kvcluster::server {

Instant Driver::now() const { return monotonic_now(); }
WallMillis Driver::wall() const { return wall_now(); }

bool Driver::leads() const {
  return engine_ && phase_ == Phase::kServing && engine_->replica.leads();
}

NodeId Driver::leader() const { return engine_ ? engine_->replica.core().leader() : kNoNode; }

std::string Driver::leader_client_address() const {
  const NodeId id = leader();
  if (id == options_.id) return client_address_;
  const replica::Hello* hello = id == kNoNode ? nullptr : membership_->network().hello(id);
  return hello != nullptr ? hello->client_address : std::string();
}

const kv::StateMachine* Driver::state() const { return engine_ ? engine_->state.get() : nullptr; }

std::string Driver::why() const {
  if (failure_) return "the node has failed: " + failure_->message();
  std::string sentence = engine_ ? engine_->replica.why(monotonic_now()) : membership_->why();
  if (mark_) sentence = repair_story() + "; " + sentence;
  for (const PeerNetwork::PeerView& peer : membership_->network().peers()) {
    if (peer.connected || peer.trouble.empty()) continue;
    sentence += fmt::format("; node {}: {}", peer.id.value(), peer.trouble);
  }
  return sentence;
}

void Driver::transfer_leadership(NodeId to) {
  if (!engine_) return;
  engine_->replica.transfer_leadership(monotonic_now(), to);
  busy_ = true;
}

void Driver::connection_closed(std::uint64_t connection) {
  if (engine_) engine_->replica.connection_closed(connection);
}

std::vector<MemberStatus> Driver::member_statuses() const {
  std::vector<MemberStatus> members;
  const auto describe = [this](NodeId id, raft::MemberRole role, std::string peer_address) {
    MemberStatus member{id, role, std::move(peer_address), {}, 0, false};
    if (id == options_.id) {
      member.client_address = client_address_;
      member.priority = options_.priority;
      member.connected = true;
      return member;
    }
    member.connected = membership_->network().connected(id);
    if (const replica::Hello* hello = membership_->network().hello(id)) {
      member.client_address = hello->client_address;
      member.priority = hello->priority;
    }
    return member;
  };
  if (engine_) {
    for (const raft::Member& member : engine_->replica.core().configuration().members) {
      members.push_back(describe(member.id, member.role, member.address));
    }
    return members;
  }
  members.push_back(describe(options_.id, raft::MemberRole::kVoter,
                             net::Endpoint{options_.advertised_host(), peer_port_}.text()));
  for (const PeerAddress& peer : options_.peers) {
    members.push_back(
        describe(peer.id, raft::MemberRole::kVoter, net::Endpoint{peer.host, peer.port}.text()));
  }
  std::ranges::sort(members, {}, &MemberStatus::id);
  return members;
}

StorageStatus Driver::storage_status() const {
  StorageStatus storage;
  const PersistenceCounters& persisted = persistence_->counters();
  storage.logged_bytes = persisted.logged_bytes;
  storage.memtable_bytes = store_->table().memory_bytes();
  storage.syncs = persisted.syncs;
  storage.sync_time = persisted.sync_time;
  storage.inline_batches = persisted.inline_batches;
  storage.queued_batches = persisted.queued_batches;
  storage.free_disk_bytes = disk_space_.free_bytes();
  storage.disk_full = disk_space_.full();
  // The WAL thread may be adding one; then the last figure stands.
  if (persistence_->idle()) {
    wal_bytes_ = store_->wal().segment_count() * options_.wal_segment_bytes;
  }
  storage.wal_bytes = wal_bytes_;
  if (!engine_) return storage;
  const CheckpointCounters& checkpoints = engine_->checkpoints.counters();
  storage.checkpoint_index = checkpoints.checkpoint_index;
  storage.checkpoints = checkpoints.checkpoints;
  storage.snapshots_sent = checkpoints.snapshots_sent;
  storage.snapshots_installed = checkpoints.snapshots_installed;
  return storage;
}

NodeStatus Driver::status() const {
  NodeStatus status;
  status.id = options_.id;
  status.cluster_id = membership_->cluster_id();
  status.phase = phase_;
  status.uptime = monotonic_now() - started_;
  status.members = member_statuses();
  // A node that failed while it was made anew has no store, and may still be asked.
  if (store_) {
    status.incarnation = store_->identity().incarnation;
    status.storage = storage_status();
  }
  if (!engine_) return status;
  status.core = engine_->replica.core().status();
  status.digests = engine_->state->digests();
  status.roots = engine_->replica.roots();
  status.cluster_time = engine_->state->cluster_time();
  status.sessions = engine_->state->session_count();
  status.pending_requests = engine_->replica.pending_requests();
  return status;
}

}  // namespace kvcluster::server
