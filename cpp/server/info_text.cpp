#include "server/info_text.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>

#include "server/command_dispatch.hpp"
#include "server/members_view.hpp"
#include "server/status_json.hpp"

namespace kvcluster::server {
namespace {

// The version of the protocol that is spoken; clients choose features by it.
constexpr const char* kRedisVersion = "7.0.0";

void server_section(const SessionContext& context, const NodeStatus& status, std::string& out) {
  const bool redirects = context.options.follower_mode == FollowerMode::kRedirect;
  const auto uptime = std::chrono::duration_cast<std::chrono::seconds>(status.uptime).count();
  out += fmt::format(
      "redis_version:{}\r\nredis_mode:{}\r\nkvcluster_version:{}\r\nprocess_id:{}\r\nrun_id:{}\r\n"
      "tcp_port:{}\r\nuptime_in_seconds:{}\r\nuptime_in_days:{}\r\n",
      kRedisVersion, redirects ? "cluster" : "standalone", KVCLUSTER_VERSION, ::getpid(),
      node_name(status.id),
      context.view.client_address().substr(context.view.client_address().rfind(':') + 1), uptime,
      uptime / 86400);
}

void clients_section(const SessionContext& context, const NodeStatus&, std::string& out) {
  out += fmt::format("connected_clients:{}\r\nmaxclients:{}\r\nblocked_clients:{}\r\n",
                     context.counters.connections_open,
                     context.options.client_limits.max_connections, context.stream_waits.size());
}

void persistence_section(const SessionContext&, const NodeStatus& status, std::string& out) {
  const StorageStatus& storage = status.storage;
  const std::int64_t sync_us =
      storage.syncs == 0 ? 0 : storage.sync_time.count() / static_cast<std::int64_t>(storage.syncs);
  out += fmt::format(
      "loading:{}\r\naof_enabled:1\r\nwal_bytes:{}\r\nwal_syncs:{}\r\nwal_sync_us_mean:{}\r\n"
      "memtable_bytes:{}\r\ncheckpoint_index:{}\r\ncheckpoints:{}\r\nfree_disk_bytes:{}\r\n"
      "disk_full:{}\r\n",
      status.phase == Phase::kServing ? 0 : 1, storage.wal_bytes, storage.syncs, sync_us,
      storage.memtable_bytes, storage.checkpoint_index.value(), storage.checkpoints,
      storage.free_disk_bytes, storage.disk_full ? 1 : 0);
}

void stats_section(const SessionContext& context, const NodeStatus&, std::string& out) {
  const FrontCounters& counters = context.counters;
  out += fmt::format(
      "total_connections_received:{}\r\ntotal_commands_processed:{}\r\ntotal_writes:{}\r\n"
      "total_reads:{}\r\ntotal_local_reads:{}\r\ntotal_error_replies:{}\r\n"
      "uncertain_replies:{}\r\nprotocol_errors:{}\r\nauth_failures:{}\r\n",
      counters.connections_accepted, counters.commands, counters.writes, counters.reads,
      counters.local_reads, counters.errors, counters.uncertain, counters.protocol_errors,
      counters.auth_failures);
}

void replication_section(const SessionContext& context, const NodeStatus& status,
                         std::string& out) {
  const auto members = visible_members(status);
  const bool leads = context.view.leads();
  out += fmt::format("role:{}\r\n", leads ? "master" : "slave");
  if (leads) {
    std::string replicas;
    std::size_t connected = 0;
    for (const VisibleMember& member : members) {
      if (member.leads || !member.connected) continue;
      replicas += fmt::format("slave{}:ip={},port={},state=online\r\n", connected++, member.host,
                              member.port);
    }
    out += fmt::format("connected_slaves:{}\r\n{}", connected, replicas);
  } else {
    const bool known = !members.empty() && members.front().leads;
    out += fmt::format("master_host:{}\r\nmaster_port:{}\r\nmaster_link_status:{}\r\n",
                       known ? members.front().host : "", known ? members.front().port : 0,
                       known ? "up" : "down");
  }
  out += fmt::format("master_repl_offset:{}\r\n", status.core.commit_index.value());
}

void cluster_section(const SessionContext& context, const NodeStatus&, std::string& out) {
  out += fmt::format("cluster_enabled:{}\r\n",
                     context.options.follower_mode == FollowerMode::kRedirect ? 1 : 0);
}

void kvcluster_section(const SessionContext& context, const NodeStatus& status, std::string& out) {
  const auto lease_left_ms = lease_left(context.view, status).count();
  out += fmt::format(
      "node_id:{}\r\ncluster_id:{}\r\nphase:{}\r\nrole:{}\r\nleader:{}\r\nterm:{}\r\n"
      "commit_index:{}\r\napplied_index:{}\r\nlast_index:{}\r\ndurable_index:{}\r\n"
      "history_hash:{}\r\nstate_hash:{}\r\nhash_index:{}\r\nroots_verified:{}\r\n"
      "roots_mismatches:{}\r\nsessions:{}\r\nlease_reads:{}\r\nlease_left_ms:{}\r\nwhy:{}\r\n",
      status.id.value(), cluster_id_text(status), to_string(status.phase),
      role_name(status.core.role), status.core.leader.value(), status.core.term.value(),
      status.core.commit_index.value(), status.core.applied.value(),
      status.core.last_log.index.value(), status.core.durable_index.value(),
      status.digests.history.hex(), status.digests.state.hex(), status.digests.index.value(),
      status.roots.verified.value(), status.roots.mismatches, status.sessions,
      context.options.lease_reads ? 1 : 0, lease_left_ms, context.view.why());
}

void keyspace_section(const SessionContext&, const NodeStatus& status, std::string& out) {
  if (status.digests.keys > 0) out += fmt::format("db0:keys={}\r\n", status.digests.keys);
}

struct Section {
  BytesView name;
  const char* title;
  void (*write)(const SessionContext&, const NodeStatus&, std::string&);
};

constexpr Section kSections[] = {
    {"server", "Server", server_section},
    {"clients", "Clients", clients_section},
    {"persistence", "Persistence", persistence_section},
    {"stats", "Stats", stats_section},
    {"replication", "Replication", replication_section},
    {"cluster", "Cluster", cluster_section},
    {"kvcluster", "Kvcluster", kvcluster_section},
    {"keyspace", "Keyspace", keyspace_section},
};

}  // namespace

std::string info_text(const SessionContext& context, std::span<const BytesView> sections) {
  const auto asked = [&](BytesView name) {
    return std::ranges::any_of(
        sections, [&](BytesView section) { return equals_ignoring_case(section, name); });
  };
  const bool all = sections.empty() || asked("all") || asked("default") || asked("everything");
  const NodeStatus status = context.view.status();
  std::string out;
  for (const Section& section : kSections) {
    if (!all && !asked(section.name)) continue;
    if (!out.empty()) out += "\r\n";
    out += fmt::format("# {}\r\n", section.title);
    section.write(context, status, out);
  }
  return out;
}

}  // namespace kvcluster::server
