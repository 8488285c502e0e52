#include "replica/forwarder.hpp"

#include <algorithm>
#include <iterator>

namespace kvcluster::replica {

void Forwarder::wait_again(std::vector<Command> commands) {
  waiting_.insert(waiting_.begin(), std::make_move_iterator(commands.begin()),
                  std::make_move_iterator(commands.end()));
}

std::vector<Forwarder::Command> Forwarder::take_waiting() {
  std::vector<Command> all(std::make_move_iterator(waiting_.begin()),
                           std::make_move_iterator(waiting_.end()));
  waiting_.clear();
  return all;
}

Forward Forwarder::send(NodeId to, Command command, Instant deadline) {
  const std::uint64_t id = next_id_++;
  Forward forward{id, command.origin.connection, command.is_write, command.request};
  sent_.emplace_hint(sent_.end(), id, Sent{to, std::move(command), deadline});
  return forward;
}

std::optional<Forwarder::Command> Forwarder::answered(NodeId from, std::uint64_t forward_id) {
  const auto at = sent_.find(forward_id);
  if (at == sent_.end() || at->second.to != from) return std::nullopt;
  Command command = std::move(at->second.command);
  sent_.erase(at);
  return command;
}

template <typename Predicate>
std::vector<Forwarder::Command> Forwarder::take_sent(Predicate&& wanted) {
  std::vector<Command> commands;
  for (auto at = sent_.begin(); at != sent_.end();) {
    if (!wanted(at->second.to)) {
      ++at;
      continue;
    }
    commands.push_back(std::move(at->second.command));
    at = sent_.erase(at);
  }
  return commands;
}

std::vector<Forwarder::Command> Forwarder::lost(NodeId peer) {
  return take_sent([peer](NodeId to) { return to == peer; });
}

std::vector<Forwarder::Command> Forwarder::sent_elsewhere(NodeId leader) {
  return take_sent([leader](NodeId to) { return to != leader; });
}

std::vector<Forwarder::Command> Forwarder::expired(Instant now) {
  // All have the same patience, so deadlines ascend with the id.
  std::vector<Command> commands;
  while (!sent_.empty() && sent_.begin()->second.deadline <= now) {
    commands.push_back(std::move(sent_.begin()->second.command));
    sent_.erase(sent_.begin());
  }
  return commands;
}

std::vector<Forwarder::Command> Forwarder::gave_up(Instant now) {
  // Likewise: those that wait again had waited before the others came.
  std::vector<Command> commands;
  while (!waiting_.empty() && waiting_.front().leader_deadline <= now) {
    commands.push_back(std::move(waiting_.front()));
    waiting_.pop_front();
  }
  return commands;
}

Instant Forwarder::next_deadline() const {
  Instant next = Instant::max();
  if (!sent_.empty()) next = sent_.begin()->second.deadline;
  if (!waiting_.empty()) next = std::min(next, waiting_.front().leader_deadline);
  return next;
}

}  // namespace kvcluster::replica
