// What the part of a node that faces clients may see of, and ask from, the part that runs it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.hpp"
#include "base/time.hpp"
#include "kv/state_machine.hpp"
#include "raft/core.hpp"
#include "replica/change_ring.hpp"
#include "replica/genesis.hpp"
#include "replica/replica.hpp"
#include "server/node_options.hpp"

namespace kvcluster::server {

enum class Phase : std::uint8_t {
  kBootstrapping,  // empty, waits for its cluster; commands are answered with -LOADING
  kServing,
  kRepairing,  // its log or state was damaged or diverged; -LOADING until a snapshot is installed
  kStopping,
  kFailed,
};

[[nodiscard]] std::string_view to_string(Phase phase);

struct MemberStatus {
  NodeId id;
  raft::MemberRole role = raft::MemberRole::kVoter;
  std::string peer_address;    // host:port
  std::string client_address;  // host:port, as the member's hello said; empty: not yet heard
  std::uint32_t priority = 0;
  bool connected = false;  // both ways; always true for this node itself
};

struct StorageStatus {
  std::uint64_t wal_bytes = 0;       // on disk
  std::uint64_t logged_bytes = 0;    // appended since the start
  std::uint64_t memtable_bytes = 0;  // not yet in a checkpoint
  Index checkpoint_index;
  std::uint64_t checkpoints = 0;  // made since the start
  std::uint64_t snapshots_sent = 0;
  std::uint64_t snapshots_installed = 0;
  std::uint64_t syncs = 0;           // of the WAL
  Duration sync_time{};              // all of them
  std::uint64_t inline_batches = 0;  // persisted by the reactor itself
  std::uint64_t queued_batches = 0;  // persisted by the WAL thread
  std::uint64_t free_disk_bytes = 0;
  bool disk_full = false;  // writes are refused
};

struct NodeStatus {
  NodeId id;
  replica::ClusterId cluster_id{};
  raft::Incarnation incarnation{};
  Phase phase = Phase::kBootstrapping;
  Duration uptime{};
  std::vector<MemberStatus> members;  // ascending ids, this node included

  // Empty values while there is no replica (kBootstrapping).
  raft::CoreStatus core;
  kv::Digests digests;
  replica::RootStatus roots;
  WallMillis cluster_time = 0;
  std::uint64_t sessions = 0;
  std::size_t pending_requests = 0;

  StorageStatus storage;
};

// Thread-safety: none; the reactor thread only.
class NodeView {
 public:
  virtual ~NodeView() = default;

  [[nodiscard]] virtual const NodeOptions& options() const = 0;
  [[nodiscard]] virtual Phase phase() const = 0;
  [[nodiscard]] virtual NodeStatus status() const = 0;
  // Why there is no leader, or why a write waits, in plain words.
  [[nodiscard]] virtual std::string why() const = 0;

  // This node leads and may serve. Cheap: asked for every command.
  [[nodiscard]] virtual bool leads() const = 0;
  // kNoNode: not known.
  [[nodiscard]] virtual NodeId leader() const = 0;
  // host:port; empty when the leader is not known or has not said where it serves clients.
  [[nodiscard]] virtual std::string leader_client_address() const = 0;
  // host:port where this node serves clients.
  [[nodiscard]] virtual const std::string& client_address() const = 0;
  // nullptr while there is none (kBootstrapping).
  [[nodiscard]] virtual const kv::StateMachine* state() const = 0;
  // The newest changes of that state.
  [[nodiscard]] virtual const replica::ChangeRing* changes() const = 0;
  // Monotonic, of the current turn; and the wall clock of the same moment.
  [[nodiscard]] virtual Instant now() const = 0;
  [[nodiscard]] virtual WallMillis wall() const = 0;

  // Hands the leadership over; kNoNode: to the best follower. Nothing when this node does not lead.
  virtual void transfer_leadership(NodeId to) = 0;
  // What waits for this connection need not be answered any more.
  virtual void connection_closed(std::uint64_t connection) = 0;

 protected:
  NodeView() = default;
  NodeView(const NodeView&) = default;
  NodeView& operator=(const NodeView&) = default;
};

}  // namespace kvcluster::server
