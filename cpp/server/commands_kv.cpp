#include "server/commands_kv.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "server/status_json.hpp"
#include "wire/decimal.hpp"

namespace kvcluster::server {
namespace {

using kv::Reply;

Reply reply_of(const nlohmann::ordered_json& json) {
  if (json.is_object()) {
    std::vector<std::pair<Reply, Reply>> items;
    for (const auto& [name, value] : json.items()) {
      items.emplace_back(Reply::bulk(name), reply_of(value));
    }
    return Reply::map(std::move(items));
  }
  if (json.is_array()) {
    std::vector<Reply> items;
    for (const auto& value : json) items.push_back(reply_of(value));
    return Reply::array(std::move(items));
  }
  if (json.is_boolean()) return {json.get<bool>()};
  if (json.is_number()) return Reply::integer(json.get<std::int64_t>());
  return Reply::bulk(json.get_ref<const std::string&>());
}

}  // namespace

Reply run_status(const LocalCall& call) {
  return reply_of(status_json(call.context.view, call.context.counters));
}

Reply run_why(const LocalCall& call) { return Reply::bulk(call.context.view.why()); }

Reply run_transfer(const LocalCall& call) {
  NodeView& view = call.context.view;
  if (call.args.size() > 2) return wrong_arity("kv.transfer");
  NodeId to = kNoNode;
  const NodeStatus status = view.status();
  if (call.args.size() == 2) {
    const auto id = wire::parse_decimal(call.args[1]);
    if (!id || *id < 1) return Reply::error("ERR the id of a member is a number from 1 upwards");
    to = NodeId(static_cast<std::uint64_t>(*id));
    const auto member = std::ranges::find(status.members, to, &MemberStatus::id);
    if (member == status.members.end()) {
      return Reply::error(fmt::format("ERR node {} is not a member of this cluster", to.value()));
    }
    if (member->role != raft::MemberRole::kVoter) {
      return Reply::error(fmt::format("ERR node {} is a learner and cannot lead", to.value()));
    }
  }
  if (!view.leads()) {
    const std::string address = view.leader_client_address();
    return Reply::error(fmt::format("ERR node {} does not lead; the leader is {}",
                                    status.id.value(), address.empty() ? "not known" : address));
  }
  if (to == status.id) return Reply::ok();  // it leads already
  if (status.members.size() == 1) return Reply::error("ERR there is no other member to lead");
  view.transfer_leadership(to);
  return Reply::ok();
}

}  // namespace kvcluster::server
