// A node that exists only as answers to what sessions ask of it.
#pragma once

#include <string>
#include <vector>

#include "server/node_view.hpp"

namespace kvcluster::server {

class FakeNodeView final : public NodeView {
 public:
  [[nodiscard]] const NodeOptions& options() const override { return node_options; }
  [[nodiscard]] Phase phase() const override { return current.phase; }
  [[nodiscard]] NodeStatus status() const override { return current; }
  [[nodiscard]] std::string why() const override { return reason; }
  [[nodiscard]] bool leads() const override { return current.core.leader == current.id; }
  [[nodiscard]] NodeId leader() const override { return current.core.leader; }
  [[nodiscard]] std::string leader_client_address() const override {
    for (const MemberStatus& member : current.members) {
      if (member.id == current.core.leader) return member.client_address;
    }
    return {};
  }
  [[nodiscard]] const std::string& client_address() const override { return address; }
  [[nodiscard]] const kv::StateMachine* state() const override { return machine; }
  [[nodiscard]] const replica::ChangeRing* changes() const override { return ring; }
  [[nodiscard]] Instant now() const override { return time; }
  [[nodiscard]] WallMillis wall() const override { return 1'700'000'000'123; }
  void transfer_leadership(NodeId to) override { transfers.push_back(to); }
  void connection_closed(std::uint64_t connection) override { closed.push_back(connection); }

  // Node 1 of three, which leads.
  FakeNodeView() {
    node_options.id = NodeId(1);
    current.id = NodeId(1);
    current.phase = Phase::kServing;
    current.core.self = NodeId(1);
    for (std::uint64_t id = 1; id <= 3; ++id) {
      MemberStatus member;
      member.id = NodeId(id);
      member.client_address = "127.0.0.1:900" + std::to_string(id);
      member.connected = true;
      current.members.push_back(member);
    }
    lead(1);
  }
  // 0: nobody.
  void lead(std::uint64_t id) {
    current.core.leader = NodeId(id);
    current.core.role = id == 1 ? raft::Role::kLeader : raft::Role::kFollower;
  }

  NodeOptions node_options;
  NodeStatus current;
  std::string reason = "the others cannot be reached";
  std::string address = "127.0.0.1:9001";
  Instant time{};
  const kv::StateMachine* machine = nullptr;
  const replica::ChangeRing* ring = nullptr;
  std::vector<NodeId> transfers;
  std::vector<std::uint64_t> closed;
};

}  // namespace kvcluster::server
