#include "server/commands_topology.hpp"

#include <fmt/format.h>

#include <string>

#include "server/hash_slot.hpp"
#include "server/members_view.hpp"

namespace kvcluster::server {
namespace {

using kv::Reply;

std::int64_t number(std::uint64_t value) { return static_cast<std::int64_t>(value); }

// --- CLUSTER ---

// One range; a member that cannot be reached is left out, as Redis leaves out failed replicas.
Reply cluster_slots(const LocalCall& call) {
  std::vector<Reply> range = {Reply::integer(0), Reply::integer(kHashSlots - 1)};
  for (const VisibleMember& member : visible_members(call.context.view.status())) {
    if (!member.connected && !member.leads) continue;
    range.push_back(Reply::array({Reply::bulk(member.host), Reply::integer(member.port),
                                  Reply::bulk(node_name(member.id)), Reply::array({})}));
  }
  if (range.size() == 2) return Reply::array({});
  return Reply::array({Reply::array(std::move(range))});
}

Reply cluster_shards(const LocalCall& call) {
  const NodeStatus status = call.context.view.status();
  std::vector<Reply> nodes;
  bool first = true;
  for (const VisibleMember& member : visible_members(status)) {
    nodes.push_back(Reply::map({
        {Reply::bulk("id"), Reply::bulk(node_name(member.id))},
        {Reply::bulk("port"), Reply::integer(member.port)},
        {Reply::bulk("ip"), Reply::bulk(member.host)},
        {Reply::bulk("endpoint"), Reply::bulk(member.host)},
        {Reply::bulk("role"), Reply::bulk(first ? "master" : "replica")},
        {Reply::bulk("replication-offset"), Reply::integer(number(status.core.applied.value()))},
        {Reply::bulk("health"), Reply::bulk(member.connected ? "online" : "fail")},
    }));
    first = false;
  }
  if (nodes.empty()) return Reply::array({});
  return Reply::array({Reply::map({
      {Reply::bulk("slots"), Reply::array({Reply::integer(0), Reply::integer(kHashSlots - 1)})},
      {Reply::bulk("nodes"), Reply::array(std::move(nodes))},
  })});
}

// One line a member: id, address, flags, its master, ping, pong, epoch, link, slots.
Reply cluster_nodes(const LocalCall& call) {
  const NodeStatus status = call.context.view.status();
  const auto members = visible_members(status);
  std::string text;
  for (const VisibleMember& member : members) {
    const bool master = &member == &members.front();
    text += fmt::format("{} {}:{}@{} {}{}{} {} 0 0 {} {}{}\n", node_name(member.id), member.host,
                        member.port, member.port, member.self ? "myself," : "",
                        master ? "master" : "slave", member.connected ? "" : ",fail",
                        master ? "-" : node_name(members.front().id), status.core.term.value(),
                        member.connected ? "connected" : "disconnected",
                        master ? fmt::format(" 0-{}", kHashSlots - 1) : "");
  }
  return Reply::bulk(text);
}

Reply cluster_info(const LocalCall& call) {
  const NodeStatus status = call.context.view.status();
  const bool ok = status.phase == Phase::kServing && status.core.leader != kNoNode;
  return Reply::bulk(
      fmt::format("cluster_enabled:1\r\ncluster_state:{}\r\ncluster_slots_assigned:{}\r\n"
                  "cluster_slots_ok:{}\r\ncluster_slots_pfail:0\r\ncluster_slots_fail:0\r\n"
                  "cluster_known_nodes:{}\r\ncluster_size:1\r\ncluster_current_epoch:{}\r\n"
                  "cluster_my_epoch:{}\r\n",
                  ok ? "ok" : "fail", kHashSlots, ok ? kHashSlots : 0, status.members.size(),
                  status.core.term.value(), status.core.term.value()));
}

// --- SENTINEL ---

constexpr const char* kMasterName = "kvcluster";

std::vector<std::pair<Reply, Reply>> sentinel_fields(const VisibleMember& member, BytesView name,
                                                     BytesView flags) {
  const std::string port = std::to_string(member.port);
  return {
      {Reply::bulk("name"), Reply::bulk(name)},
      {Reply::bulk("ip"), Reply::bulk(member.host)},
      {Reply::bulk("port"), Reply::bulk(port)},
      {Reply::bulk("runid"), Reply::bulk(node_name(member.id))},
      {Reply::bulk("flags"), Reply::bulk(flags)},
  };
}

Reply sentinel_master(const NodeStatus& status, const VisibleMember& leader, BytesView name) {
  auto fields = sentinel_fields(leader, name, "master");
  const std::size_t others = status.members.empty() ? 0 : status.members.size() - 1;
  fields.emplace_back(Reply::bulk("num-slaves"), Reply::bulk(std::to_string(others)));
  fields.emplace_back(Reply::bulk("num-other-sentinels"), Reply::bulk(std::to_string(others)));
  fields.emplace_back(Reply::bulk("quorum"),
                      Reply::bulk(std::to_string(status.members.size() / 2 + 1)));
  return Reply::map(std::move(fields));
}

std::optional<VisibleMember> known_leader(const NodeStatus& status) {
  const auto members = visible_members(status);
  if (members.empty() || !members.front().leads) return std::nullopt;
  return members.front();
}

Reply sentinel_masters(const LocalCall& call) {
  const NodeStatus status = call.context.view.status();
  const auto leader = known_leader(status);
  if (!leader) return Reply::array({});
  return Reply::array({sentinel_master(status, *leader, kMasterName)});
}

Reply sentinel_one_master(const LocalCall& call) {
  const NodeStatus status = call.context.view.status();
  const auto leader = known_leader(status);
  if (!leader) return Reply::error("ERR No such master with that name");
  return sentinel_master(status, *leader, call.args[2]);
}

Reply sentinel_address(const LocalCall& call) {
  const auto leader = known_leader(call.context.view.status());
  if (!leader) return Reply::nil();
  return Reply::array({Reply::bulk(leader->host), Reply::bulk(std::to_string(leader->port))});
}

Reply sentinel_replicas(const LocalCall& call) {
  const NodeStatus status = call.context.view.status();
  const auto leader = known_leader(status);
  std::vector<Reply> replicas;
  for (const VisibleMember& member : visible_members(status)) {
    if (member.leads) continue;
    auto fields = sentinel_fields(member, fmt::format("{}:{}", member.host, member.port),
                                  member.connected ? "slave" : "slave,s_down,disconnected");
    fields.emplace_back(Reply::bulk("master-link-status"), Reply::bulk(leader ? "ok" : "err"));
    if (leader) {
      fields.emplace_back(Reply::bulk("master-host"), Reply::bulk(leader->host));
      fields.emplace_back(Reply::bulk("master-port"), Reply::bulk(std::to_string(leader->port)));
    }
    replicas.push_back(Reply::map(std::move(fields)));
  }
  return Reply::array(std::move(replicas));
}

// Every member answers as a sentinel; this one is not among its others.
Reply sentinel_sentinels(const LocalCall& call) {
  std::vector<Reply> others;
  for (const VisibleMember& member : visible_members(call.context.view.status())) {
    if (member.self) continue;
    others.push_back(Reply::map(sentinel_fields(
        member, node_name(member.id), member.connected ? "sentinel" : "sentinel,disconnected")));
  }
  return Reply::array(std::move(others));
}

// --- both ---

struct Subcommand {
  BytesView name;
  std::size_t args;  // with the command and the subcommand
  Reply (*run)(const LocalCall&);
};

Reply run_subcommand(const LocalCall& call, std::span<const Subcommand> subcommands,
                     BytesView upper, BytesView lower) {
  for (const Subcommand& subcommand : subcommands) {
    if (!equals_ignoring_case(call.args[1], subcommand.name)) continue;
    if (call.args.size() != subcommand.args) {
      return wrong_arity(fmt::format("{}|{}", lower, subcommand.name));
    }
    return subcommand.run(call);
  }
  return unknown_subcommand(upper, call.args[1], names_of(subcommands));
}

}  // namespace

Reply run_cluster(const LocalCall& call) {
  static constexpr Subcommand kSubcommands[] = {
      {"info", 2, cluster_info},
      {"keyslot", 3, [](const LocalCall& c) { return Reply::integer(hash_slot(c.args[2])); }},
      {"myid", 2, [](const LocalCall& c) { return Reply::bulk(node_name(c.context.options.id)); }},
      {"nodes", 2, cluster_nodes},
      {"shards", 2, cluster_shards},
      {"slots", 2, cluster_slots},
  };
  return run_subcommand(call, kSubcommands, "CLUSTER", "cluster");
}

Reply run_sentinel(const LocalCall& call) {
  static constexpr Subcommand kSubcommands[] = {
      {"get-master-addr-by-name", 3, sentinel_address},
      {"master", 3, sentinel_one_master},
      {"masters", 2, sentinel_masters},
      {"replicas", 3, sentinel_replicas},
      {"sentinels", 3, sentinel_sentinels},
      {"slaves", 3, sentinel_replicas},
  };
  return run_subcommand(call, kSubcommands, "SENTINEL", "sentinel");
}

Reply run_role(const LocalCall& call) {
  const NodeStatus status = call.context.view.status();
  const auto members = visible_members(status);
  if (call.context.view.leads()) {
    std::vector<Reply> replicas;
    for (const VisibleMember& member : members) {
      if (member.leads || !member.connected) continue;
      std::uint64_t offset = 0;
      for (const raft::PeerStatus& peer : status.core.peers) {
        if (peer.id == member.id) offset = peer.match_index.value();
      }
      replicas.push_back(
          Reply::array({Reply::bulk(member.host), Reply::bulk(std::to_string(member.port)),
                        Reply::bulk(std::to_string(offset))}));
    }
    return Reply::array({Reply::bulk("master"),
                         Reply::integer(number(status.core.commit_index.value())),
                         Reply::array(std::move(replicas))});
  }
  const auto leader = known_leader(status);
  return Reply::array({Reply::bulk("slave"), Reply::bulk(leader ? leader->host : ""),
                       Reply::integer(leader ? leader->port : 0),
                       Reply::bulk(leader ? "connected" : "connect"),
                       Reply::integer(number(status.core.applied.value()))});
}

}  // namespace kvcluster::server
