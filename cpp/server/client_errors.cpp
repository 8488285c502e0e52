#include "server/client_errors.hpp"

#include <fmt/format.h>

#include <utility>

namespace kvcluster::server {
namespace {

using Outcome = replica::Completion::Outcome;

std::string no_leader_error(const NodeView& view) {
  return fmt::format("CLUSTERDOWN no leader: {}", view.why());
}

std::string changed_error() {
  return "TRYAGAIN the leadership changed before the command was accepted; send it again";
}

}  // namespace

std::optional<std::string> not_serving_error(const NodeView& view) {
  const std::uint64_t id = view.options().id.value();
  switch (view.phase()) {
    case Phase::kServing:
      return std::nullopt;
    case Phase::kBootstrapping:
    case Phase::kRepairing:
      return fmt::format("LOADING node {} is {}: {}", id, to_string(view.phase()), view.why());
    case Phase::kStopping:
    case Phase::kFailed:
      break;
  }
  return fmt::format("LOADING node {} is {}; connect to another node", id, to_string(view.phase()));
}

std::string not_leader_error(const NodeView& view, std::uint16_t hash_slot) {
  const NodeId leader = view.leader();
  if (leader == kNoNode) return no_leader_error(view);
  if (leader == view.options().id) return changed_error();
  const std::string address = view.leader_client_address();
  switch (view.options().follower_mode) {
    case FollowerMode::kProxy:
      return changed_error();
    case FollowerMode::kRedirect:
      if (address.empty()) return no_leader_error(view);
      return fmt::format("MOVED {} {}", hash_slot, address);
    case FollowerMode::kReject:
      break;
  }
  return fmt::format("READONLY node {} is a follower; the leader is node {} at {}",
                     view.options().id.value(), leader.value(),
                     address.empty() ? "an address not yet known" : address);
}

kv::Reply completion_reply(const NodeView& view, replica::Completion completion,
                           std::uint16_t hash_slot) {
  switch (completion.outcome) {
    case Outcome::kReplied:
      return std::move(completion.reply);
    case Outcome::kRefused:
      if (completion.reply.is_error()) return std::move(completion.reply);
      return kv::Reply::error("TRYAGAIN the node refused the command; send it again");
    case Outcome::kUncertain:
      return kv::Reply::error(fmt::format(
          "UNCERTAIN {} the outcome is not known: the write may yet be applied; only a session "
          "(KV.ONCE) may repeat it safely",
          completion.index.value()));
    case Outcome::kNotLeader:
      return kv::Reply::error(not_leader_error(view, hash_slot));
    case Outcome::kNoLeader:
      break;
  }
  return kv::Reply::error(no_leader_error(view));
}

}  // namespace kvcluster::server
