#include "server/status_json.hpp"

#include <nlohmann/json.hpp>
#include <string>

namespace kvcluster::server {
namespace {

using Json = nlohmann::ordered_json;

std::int64_t milliseconds(Duration duration) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(duration).count();
}

const char* mode_name(FollowerMode mode) {
  switch (mode) {
    case FollowerMode::kProxy:
      return "proxy";
    case FollowerMode::kRedirect:
      return "redirect";
    case FollowerMode::kReject:
      break;
  }
  return "reject";
}

const raft::PeerStatus* peer_status(const NodeStatus& status, NodeId id) {
  for (const raft::PeerStatus& peer : status.core.peers) {
    if (peer.id == id) return &peer;
  }
  return nullptr;
}

Json members_json(const NodeStatus& status) {
  Json members = Json::array();
  for (const MemberStatus& member : status.members) {
    Json one{{"id", member.id.value()},
             {"role", member.role == raft::MemberRole::kVoter ? "voter" : "learner"},
             {"peer_address", member.peer_address},
             {"client_address", member.client_address},
             {"priority", member.priority},
             {"connected", member.connected},
             {"leader", member.id == status.core.leader}};
    // Only a leader knows how far the others are.
    if (const raft::PeerStatus* peer = peer_status(status, member.id)) {
      one["match_index"] = peer->match_index.value();
      one["next_index"] = peer->next_index.value();
      one["recently_active"] = peer->recently_active;
      one["installing_snapshot"] = peer->installing_snapshot;
      one["inflight_bytes"] = peer->inflight_bytes;
    }
    members.push_back(std::move(one));
  }
  return members;
}

Json raft_json(const raft::CoreStatus& core) {
  return {{"term", core.term.value()},
          {"voted_for", core.voted_for.value()},
          {"transfer_to", core.transfer_to.value()},
          {"commit_index", core.commit_index.value()},
          {"applied_index", core.applied.value()},
          {"first_index", core.first_index.value()},
          {"last_index", core.last_log.index.value()},
          {"last_term", core.last_log.term.value()},
          {"durable_index", core.durable_index.value()}};
}

Json storage_json(const StorageStatus& storage) {
  return {{"wal_bytes", storage.wal_bytes},
          {"memtable_bytes", storage.memtable_bytes},
          {"checkpoint_index", storage.checkpoint_index.value()},
          {"checkpoints", storage.checkpoints},
          {"snapshots_sent", storage.snapshots_sent},
          {"snapshots_installed", storage.snapshots_installed},
          {"syncs", storage.syncs},
          {"sync_time_us", storage.sync_time.count()},
          {"inline_batches", storage.inline_batches},
          {"queued_batches", storage.queued_batches},
          {"free_disk_bytes", storage.free_disk_bytes},
          {"disk_full", storage.disk_full}};
}

Json clients_json(const FrontCounters& counters) {
  return {{"connections_accepted", counters.connections_accepted},
          {"connections_open", counters.connections_open},
          {"commands", counters.commands},
          {"writes", counters.writes},
          {"reads", counters.reads},
          {"local_reads", counters.local_reads},
          {"errors", counters.errors},
          {"uncertain", counters.uncertain},
          {"protocol_errors", counters.protocol_errors},
          {"auth_failures", counters.auth_failures},
          {"slow_clients_closed", counters.slow_clients_closed}};
}

}  // namespace

const char* role_name(raft::Role role) {
  switch (role) {
    case raft::Role::kFollower:
      return "follower";
    case raft::Role::kPreCandidate:
      return "pre-candidate";
    case raft::Role::kCandidate:
      return "candidate";
    case raft::Role::kLeader:
      break;
  }
  return "leader";
}

std::string cluster_id_text(const NodeStatus& status) {
  return status.cluster_id == replica::kNoCluster ? "" : replica::to_hex(status.cluster_id);
}

std::chrono::milliseconds lease_left(const NodeView& view, const NodeStatus& status) {
  const Instant now = view.now();
  if (status.core.lease_until <= now) return {};
  return std::chrono::ceil<std::chrono::milliseconds>(status.core.lease_until - now);
}

Json status_json(const NodeView& view, const FrontCounters& counters) {
  const NodeStatus status = view.status();
  const NodeOptions& options = view.options();
  return {
      {"id", status.id.value()},
      {"version", KVCLUSTER_VERSION},
      {"cluster_id", cluster_id_text(status)},
      {"incarnation", replica::to_hex(status.incarnation)},
      {"phase", to_string(status.phase)},
      {"role", role_name(status.core.role)},
      {"leader", status.core.leader.value()},
      {"leader_address", view.leader_client_address()},
      {"ready", view.leads()},
      {"client_address", view.client_address()},
      {"follower_mode", mode_name(options.follower_mode)},
      {"priority", options.priority},
      {"election_timeout_min_ms", milliseconds(options.election_timeout_min)},
      {"election_timeout_max_ms", milliseconds(options.election_timeout_max)},
      {"heartbeat_ms", milliseconds(options.heartbeat_interval)},
      {"lease_reads", options.lease_reads},
      {"lease_left_ms", lease_left(view, status).count()},
      {"uptime_ms", milliseconds(status.uptime)},
      {"why", view.why()},
      {"raft", raft_json(status.core)},
      {"state",
       {{"index", status.digests.index.value()},
        {"history", status.digests.history.hex()},
        {"state", status.digests.state.hex()},
        {"keys", status.digests.keys},
        {"sessions", status.sessions},
        {"cluster_time_ms", status.cluster_time}}},
      {"roots",
       {{"verified_index", status.roots.verified.value()},
        {"comparisons", status.roots.comparisons},
        {"mismatches", status.roots.mismatches},
        {"diverged", status.roots.diverged}}},
      {"pending_requests", status.pending_requests},
      {"members", members_json(status)},
      {"storage", storage_json(status.storage)},
      {"clients", clients_json(counters)},
  };
}

}  // namespace kvcluster::server
