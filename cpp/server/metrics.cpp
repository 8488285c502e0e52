#include "server/metrics.hpp"

#include <fmt/format.h>

#include "base/bytes.hpp"

namespace kvcluster::server {
namespace {

// Writes families of samples; every family once, with its help and type before its samples.
class MetricsWriter {
 public:
  void counter(BytesView name, BytesView help, double value) {
    family(name, help, "counter");
    sample(name, value);
  }
  void gauge(BytesView name, BytesView help, double value) {
    family(name, help, "gauge");
    sample(name, value);
  }
  void family(BytesView name, BytesView help, BytesView type) {
    out_ += fmt::format("# HELP kvcluster_{0} {1}\n# TYPE kvcluster_{0} {2}\n", name, help, type);
  }
  void sample(BytesView name, double value, BytesView labels = {}) {
    // The shortest text that reads back as the same number.
    out_ += fmt::format("kvcluster_{}{} {}\n", name, labels, value);
  }
  [[nodiscard]] std::string take() { return std::move(out_); }

 private:
  std::string out_;
};

double number(std::uint64_t value) { return static_cast<double>(value); }
double seconds(Duration duration) { return std::chrono::duration<double>(duration).count(); }

void write_consensus(MetricsWriter& out, const NodeView& view, const NodeStatus& status) {
  const raft::CoreStatus& core = status.core;
  out.gauge("up", "1 while the node serves.", status.phase == Phase::kServing ? 1 : 0);
  out.gauge("is_leader", "1 while the node leads and may serve.", view.leads() ? 1 : 0);
  out.gauge("leader_id", "The id of the leader; 0 while none is known.",
            number(core.leader.value()));
  out.gauge("term", "The current term.", number(core.term.value()));
  out.gauge("commit_index", "The newest committed index.", number(core.commit_index.value()));
  out.gauge("applied_index", "The newest applied index.", number(core.applied.value()));
  out.gauge("last_log_index", "The newest index in the log.", number(core.last_log.index.value()));
  out.gauge("durable_index", "The newest index on this node's own disk.",
            number(core.durable_index.value()));
  out.gauge("pending_requests", "Requests that wait for an index or a leader.",
            number(status.pending_requests));
  out.family("member_connected", "1 while the member is connected both ways.", "gauge");
  for (const MemberStatus& member : status.members) {
    out.sample("member_connected", member.connected ? 1 : 0,
               fmt::format("{{member=\"{}\"}}", member.id.value()));
  }
  if (core.peers.empty()) return;
  out.family("member_match_index", "How far a member's log agrees, as the leader knows it.",
             "gauge");
  for (const raft::PeerStatus& peer : core.peers) {
    out.sample("member_match_index", number(peer.match_index.value()),
               fmt::format("{{member=\"{}\"}}", peer.id.value()));
  }
}

void write_state(MetricsWriter& out, const NodeStatus& status) {
  out.gauge("keys", "Keys in the state.", number(status.digests.keys));
  out.gauge("sessions", "Client sessions in the state.", number(status.sessions));
  out.gauge("roots_verified_index", "The newest index at which a majority had equal hashes.",
            number(status.roots.verified.value()));
  out.counter("roots_comparisons_total", "Comparisons of state hashes between members.",
              number(status.roots.comparisons));
  out.counter("roots_mismatches_total", "Comparisons that differed.",
              number(status.roots.mismatches));
  out.gauge("diverged", "1 when this node's state is not the majority's.",
            status.roots.diverged ? 1 : 0);
}

void write_storage(MetricsWriter& out, const StorageStatus& storage) {
  out.gauge("wal_bytes", "Bytes of the log on disk.", number(storage.wal_bytes));
  out.gauge("memtable_bytes", "Bytes that are not in a checkpoint yet.",
            number(storage.memtable_bytes));
  out.gauge("checkpoint_index", "The index of the newest checkpoint.",
            number(storage.checkpoint_index.value()));
  out.counter("checkpoints_total", "Checkpoints made.", number(storage.checkpoints));
  out.counter("snapshots_sent_total", "Snapshots sent to members.", number(storage.snapshots_sent));
  out.counter("snapshots_installed_total", "Snapshots received and installed.",
              number(storage.snapshots_installed));
  out.counter("wal_syncs_total", "Syncs of the log.", number(storage.syncs));
  out.counter("wal_sync_seconds_total", "Time spent in them.", seconds(storage.sync_time));
  out.gauge("free_disk_bytes", "Room that is left for the data directory.",
            number(storage.free_disk_bytes));
  out.gauge("disk_full", "1 while writes are refused for want of room.", storage.disk_full ? 1 : 0);
}

void write_clients(MetricsWriter& out, const FrontCounters& counters) {
  out.gauge("connections", "Open client connections.", number(counters.connections_open));
  out.counter("connections_total", "Client connections accepted.",
              number(counters.connections_accepted));
  out.counter("commands_total", "Commands received.", number(counters.commands));
  out.family("requests_total", "Data commands, by how they are served.", "counter");
  out.sample("requests_total", number(counters.writes), "{kind=\"write\"}");
  out.sample("requests_total", number(counters.reads), "{kind=\"read\"}");
  out.sample("requests_total", number(counters.local_reads), "{kind=\"local_read\"}");
  out.counter("error_replies_total", "Error replies.", number(counters.errors));
  out.counter("uncertain_replies_total", "Writes whose outcome was lost.",
              number(counters.uncertain));
  out.counter("protocol_errors_total", "Connections closed for malformed input.",
              number(counters.protocol_errors));
  out.counter("auth_failures_total", "Wrong passwords.", number(counters.auth_failures));
  out.counter("slow_clients_closed_total", "Clients closed for not reading or not speaking.",
              number(counters.slow_clients_closed));
}

}  // namespace

std::string metrics_text(const NodeView& view, const FrontCounters& counters) {
  const NodeStatus status = view.status();
  MetricsWriter out;
  out.family("build_info", "The version that runs.", "gauge");
  out.sample("build_info", 1, fmt::format("{{version=\"{}\"}}", KVCLUSTER_VERSION));
  out.gauge("uptime_seconds", "Since the node started.", seconds(status.uptime));
  write_consensus(out, view, status);
  write_state(out, status);
  write_storage(out, status.storage);
  write_clients(out, counters);
  return out.take();
}

}  // namespace kvcluster::server
