// Who a node is to its peers, and they to it; as server/membership.cpp and server/peer_network.cpp
// have it.
#include <algorithm>
#include <utility>

#include "base/mutant.hpp"
#include "sim/node.hpp"

namespace kvcluster::sim {

using Verdict = replica::Admission::Verdict;

replica::Hello Node::hello_for(std::uint8_t peer) {
  replica::Hello hello;
  hello.from = NodeId(id_);
  hello.to = NodeId(peer);
  hello.cluster_id = cluster_id_;
  hello.incarnation = incarnation_;
  hello.priority = options_.raft.priority;
  hello.log_lost = log_lost_;
  for (std::uint8_t id = 1; id <= world_.profile.nodes; ++id) hello.members.emplace_back(id);
  return hello;
}

Verdict Node::judge(const replica::Hello& theirs) const {
  const Verdict verdict =
      replica::admit(theirs, NodeId(id_), cluster_id_, engine_->replica->core().configuration())
          .verdict;
  // Without the genesis this node knows nobody's disk, and binds nobody to one.
  const bool lost = !genesis_ && theirs.cluster_id == cluster_id_;
  return lost && verdict == Verdict::kClaim ? Verdict::kWelcome : verdict;
}

bool Node::let_in(Peer& peer, const replica::Hello& theirs) {
  if (engine_) {
    const auto admission =
        replica::admit(theirs, NodeId(id_), cluster_id_, engine_->replica->core().configuration());
    if (admission.verdict == Verdict::kRefuse) {
      world_.coverage.hit(Path::kPeerRefused);
      return false;
    }
  } else if (bootstrap_ && !bootstrap_->peer_hello(theirs)) {
    return false;
  }
  peer.hello = theirs;
  return true;
}

void Node::begin_bootstrap() {
  replica::Bootstrap::Options options;
  options.self = NodeId(id_);
  options.incarnation = incarnation_;
  for (std::uint8_t id = 1; id <= world_.profile.nodes; ++id) {
    raft::Member member;
    member.id = NodeId(id);
    options.members.push_back(std::move(member));
  }
  // A wiped node must not found a cluster of its own.
  options.new_cluster_id.fill(0xEE);
  bootstrap_.emplace(std::move(options));
}

void Node::on_link_up(std::uint8_t id, const replica::Hello& theirs) {
  peers_[id].link_welcome = let_in(peers_[id], theirs);
  connect_if_complete(id);
  turn();
}

void Node::on_link_lost(std::uint8_t id) {
  peers_[id].link_welcome = false;
  lose(id);
  turn();
}

bool Node::on_hello(std::uint8_t id, const replica::Hello& theirs) {
  Peer& peer = peers_[id];
  if (!let_in(peer, theirs)) return false;
  peer.session = true;
  connect_if_complete(id);
  turn();
  return peers_[id].session;  // unless the turn made the node anew
}

void Node::on_session_lost(std::uint8_t id) {
  if (!running_) return;
  peers_[id].session = false;
  lose(id);
  turn();
}

void Node::connect_if_complete(std::uint8_t id) {
  Peer& peer = peers_[id];
  if (peer.connected || !peer.link_welcome || !peer.session) return;
  peer.connected = true;
  if (engine_) introduce(id);
}

void Node::lose(std::uint8_t id) {
  Peer& peer = peers_[id];
  peer.connected = false;
  if (bootstrap_) bootstrap_->peer_lost(NodeId(id));
  if (!std::exchange(peer.introduced, false) || !engine_) return;
  peer.lost = true;
  engine_->replica->peer_lost(local_now(), NodeId(id));
}

void Node::introduce(std::uint8_t id) {
  Peer& peer = peers_[id];
  const replica::Hello& theirs = *peer.hello;
  replica::Replica& replica = *engine_->replica;
  switch (judge(theirs)) {
    case Verdict::kWelcome:
      if (!std::exchange(peer.introduced, true)) replica.peer_connected(local_now(), theirs);
      return;
    case Verdict::kOfferGenesis:
      if (genesis_ && is_bound(theirs)) outbox_[id].emplace_back(replica::GenesisOffer{*genesis_});
      return;
    case Verdict::kClaim:
      if (genesis_) replica.claim(local_now(), theirs);
      return;
    case Verdict::kRefuse:
      return;
  }
}

// What is applied is committed; what is only in the log may be lost with its leader.
bool Node::is_bound(const replica::Hello& theirs) const {
  raft::Configuration committed = genesis_->configuration;
  if (const BytesView payload = state().configuration_payload(); !payload.empty()) {
    auto decoded = raft::decode_configuration(payload);
    if (!decoded) return false;
    committed = std::move(*decoded);
  }
  const raft::Member* member = committed.find(theirs.from);
  return member != nullptr &&
         (member->incarnation == theirs.incarnation || mutated(Mutant::kWipedMemberAdmitted));
}

void Node::review() {
  if (!engine_) return;
  for (std::uint8_t id = 1; id <= world_.profile.nodes; ++id) {
    if (peers_[id].connected && !peers_[id].introduced) introduce(id);
  }
}

void Node::on_messages(std::uint8_t id, std::vector<replica::PeerMessage> messages) {
  if (engine_ && !peers_[id].introduced) return;
  const Instant now = local_now();
  for (replica::PeerMessage& message : messages) {
    if (engine_) {
      if (std::holds_alternative<replica::RootReport>(message)) {
        world_.coverage.hit(Path::kRootsCompared);
      }
      engine_->replica->receive(now, NodeId(id), std::move(message));
    } else if (const auto* offer = std::get_if<replica::GenesisOffer>(&message);
               offer != nullptr && bootstrap_) {
      static_cast<void>(bootstrap_->offered(offer->genesis));
    }
  }
  turn();
}

}  // namespace kvcluster::sim
