#include "server/members_view.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "net/endpoint.hpp"

namespace kvcluster::server {

std::vector<VisibleMember> visible_members(const NodeStatus& status) {
  std::vector<VisibleMember> members;
  for (const MemberStatus& member : status.members) {
    const auto endpoint = net::parse_endpoint(member.client_address);
    if (!endpoint) continue;
    members.push_back({.id = member.id,
                       .host = endpoint->host,
                       .port = endpoint->port,
                       .leads = member.id == status.core.leader,
                       .connected = member.connected || member.id == status.id,
                       .self = member.id == status.id});
  }
  const bool leader_known = std::ranges::any_of(members, &VisibleMember::leads);
  const auto first = std::ranges::find_if(members, [&](const VisibleMember& member) {
    return leader_known ? member.leads : member.self;
  });
  if (first != members.end()) std::rotate(members.begin(), first, std::next(first));
  return members;
}

std::string node_name(NodeId id) { return fmt::format("{:040x}", id.value()); }

}  // namespace kvcluster::server
