// Who this node is to its peers and who they are to it: the hellos, the birth of the cluster, and
// which peers the replica hears of.
//
// Thread-safety: none; reactor only.
#pragma once

#include <asio/io_context.hpp>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.hpp"
#include "net/turn.hpp"
#include "replica/bootstrap.hpp"
#include "replica/replica.hpp"
#include "server/node_log.hpp"
#include "server/node_options.hpp"
#include "server/peer_network.hpp"
#include "storage/identity.hpp"

namespace kvcluster::server {

class Membership final : PeerNetworkHandler {
 public:
  struct Random {
    replica::ClusterId new_cluster_id{};
    HashKey new_hash_key{};
    std::uint64_t seed = 0;
  };

  // `log` and the network's parts outlive this object.
  Membership(asio::io_context& io, net::Turn& turn, const NodeOptions& options,
             const storage::Identity& identity, const Random& random, NodeLog& log);

  // Starts to dial. An empty node also starts to look for its cluster: `peer_address` is where its
  // peers reach it, `client_address` where clients do.
  void open(const std::string& peer_address, const std::string& client_address);

  // Set while this node knows its cluster and has no replica yet: store it, then joined().
  [[nodiscard]] const replica::Genesis* genesis() const;
  // The node is a member. `replica` outlives this object, or left() is called first. The genesis
  // may be lost with a damaged log: then all members of the cluster are heard, and none is offered
  // it.
  void joined(const replica::ClusterId& cluster, std::optional<replica::Genesis> genesis,
              replica::Replica& replica, bool log_lost);
  void left();
  // The log holds again all that this node had acknowledged.
  void log_repaired() { log_lost_ = false; }
  // What is still to be done for peers that are not in yet: call it now and then, and when the
  // leadership changes.
  void review(Instant now);

  // To a peer that the replica believes to be connected. False: certainly not sent. A node that
  // hears a leader but cannot be heard by it is no follower: its clients' commands would get lost.
  bool send(NodeId to, const replica::PeerMessage& message);
  // Peers that the replica was told to be lost since the last call.
  [[nodiscard]] std::set<NodeId> take_lost() { return std::exchange(lost_, {}); }

  void close() { network_.close(); }
  [[nodiscard]] PeerNetwork& network() { return network_; }
  [[nodiscard]] const PeerNetwork& network() const { return network_; }
  [[nodiscard]] const replica::ClusterId& cluster_id() const { return cluster_id_; }
  // While there is no replica. What it waits for, in plain words.
  [[nodiscard]] std::string why() const;

 private:
  // PeerNetworkHandler
  replica::Hello hello_for(NodeId peer) override;
  Status admit(const replica::Hello& theirs) override;
  void on_peer_connected(const replica::Hello& theirs) override;
  void on_peer_lost(NodeId peer, const std::string& why) override;
  void on_peer_messages(NodeId peer, std::vector<replica::PeerMessage> messages) override;
  void on_peer_refused(NodeId peer, std::string_view by_whom, const std::string& sentence) override;

  [[nodiscard]] replica::Admission judge(const replica::Hello& theirs) const;
  // The cluster has agreed on this data directory of the peer.
  [[nodiscard]] bool is_bound(const replica::Hello& theirs) const;
  // Lets the replica hear of the peer, or does what must come before that.
  void introduce(Instant now, const replica::Hello& theirs);

  const NodeOptions& options_;
  storage::Identity identity_;
  Random random_;
  NodeLog& log_;
  std::string client_address_;
  std::vector<NodeId> members_;  // that this node was told to form a cluster with

  std::optional<replica::Bootstrap> bootstrap_;
  replica::ClusterId cluster_id_{};
  std::optional<replica::Genesis> genesis_;  // of the cluster it is a member of
  bool log_lost_ = false;
  replica::Replica* replica_ = nullptr;
  std::set<NodeId> introduced_;  // peers that the replica believes to be connected
  std::set<NodeId> lost_;

  PeerNetwork network_;  // last: it calls back into all of the above
};

}  // namespace kvcluster::server
