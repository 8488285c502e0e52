#include "server/peer_network.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace kvcluster::server {

PeerNetwork::PeerNetwork(asio::io_context& io, net::Turn& turn, NodeId self, std::uint64_t seed,
                         PeerNetworkHandler& handler)
    : io_(io), turn_(turn), self_(self), seed_(seed), handler_(handler) {}

PeerNetwork::~PeerNetwork() { close(); }

void PeerNetwork::close() {
  for (const auto& session : sessions_) session->close();
  sessions_.clear();
  peers_.clear();
}

void PeerNetwork::add_peer(NodeId peer, net::Endpoint address) {
  if (peer == self_ || peers_.contains(peer)) return;
  net::PeerLinkOptions options;
  options.peer = peer;
  options.address = std::move(address);
  options.seed = seed_ ^ (peer.value() * 0x9E3779B97F4A7C15ULL);
  // The entry is there before the link can call back.
  Peer& entry = peers_[peer];
  net::PeerLinkHandler& handler = *this;
  entry.link = std::make_unique<net::PeerLink>(io_, turn_, options, handler);
}

void PeerNetwork::accept(net::Incoming incoming) {
  net::PeerSessionOptions options;
  options.self = self_;
  sessions_.push_back(net::PeerSession::start(std::move(incoming), *this, options));
}

bool PeerNetwork::send(NodeId to, const replica::PeerMessage& message) {
  const auto peer = peers_.find(to);
  return peer != peers_.end() && peer->second.link->send(message);
}

void PeerNetwork::renew() {
  for (auto& [id, peer] : peers_) {
    lose(id, peer, "this node's membership has changed");
    peer.link_welcome = false;
    if (peer.session && !let_in(id, peer, *peer.session->hello())) {
      peer.session->close();
      std::erase(sessions_, peer.session);
      peer.session.reset();
    }
    peer.link->redial();
  }
}

replica::Hello PeerNetwork::hello_for(net::PeerLink& link) {
  return handler_.hello_for(link.peer());
}

void PeerNetwork::on_link_up(net::PeerLink& link, const replica::Hello& theirs) {
  const auto found = peers_.find(link.peer());
  if (found == peers_.end()) return;
  Peer& peer = found->second;
  // A peer that may not take part here is not spoken to, though it would listen.
  peer.link_welcome = let_in(link.peer(), peer, theirs).has_value();
  connect_if_complete(peer);
}

void PeerNetwork::on_link_lost(net::PeerLink& link, const std::string& why) {
  const auto found = peers_.find(link.peer());
  if (found == peers_.end()) return;
  found->second.link_welcome = false;
  lose(link.peer(), found->second, why);
}

void PeerNetwork::on_link_refused(net::PeerLink& link, const std::string& sentence) {
  const auto found = peers_.find(link.peer());
  if (found == peers_.end()) return;
  tell_refusal(link.peer(), found->second, "the peer", sentence);
}

Result<replica::Hello> PeerNetwork::on_hello(net::PeerSession& session,
                                             const replica::Hello& theirs) {
  const auto found = peers_.find(theirs.from);
  if (found == peers_.end()) {
    return fail(ErrorCode::kWrongIdentity,
                theirs.from == self_
                    ? fmt::format("two nodes run as node {}; check --id", self_.value())
                    : fmt::format("node {} is not among the members that node {} knows; check "
                                  "--id and --peers on both",
                                  theirs.from.value(), self_.value()));
  }
  Peer& peer = found->second;
  KV_TRY(let_in(theirs.from, peer, theirs));
  if (peer.session) {
    // The peer dials anew: its old connection is dead, though this side has not noticed yet.
    const auto old = std::exchange(peer.session, nullptr);
    old->close();
    std::erase(sessions_, old);
    lose(theirs.from, peer, "the peer has connected anew");
    KV_TRY(let_in(theirs.from, peer, theirs));  // what was lost with it took this Hello along
  }
  peer.session = session.shared_from_this();
  peer.link->dial_now();
  connect_if_complete(peer);
  return handler_.hello_for(theirs.from);
}

void PeerNetwork::on_messages(net::PeerSession& session,
                              std::vector<replica::PeerMessage> messages) {
  handler_.on_peer_messages(session.hello()->from, std::move(messages));
}

void PeerNetwork::on_session_closed(net::PeerSession& session, const std::string& why) {
  const auto self = session.shared_from_this();
  std::erase(sessions_, self);
  for (auto& [id, peer] : peers_) {
    if (peer.session != self) continue;
    peer.session.reset();
    lose(id, peer, why);
  }
}

Status PeerNetwork::let_in(NodeId id, Peer& peer, const replica::Hello& theirs) {
  const Status admitted = handler_.admit(theirs);
  if (!admitted) {
    tell_refusal(id, peer, "this node", admitted.error().context);
    return admitted;
  }
  peer.hello = theirs;
  return {};
}

void PeerNetwork::tell_refusal(NodeId id, Peer& peer, std::string_view by_whom,
                               const std::string& sentence) {
  if (peer.refusal == sentence) return;
  peer.refusal = sentence;
  handler_.on_peer_refused(id, by_whom, sentence);
}

void PeerNetwork::connect_if_complete(Peer& peer) {
  if (peer.connected || !peer.link_welcome || !peer.session) return;
  peer.connected = true;
  peer.refusal.clear();
  handler_.on_peer_connected(*peer.hello);
}

void PeerNetwork::lose(NodeId id, Peer& peer, const std::string& why) {
  peer.connected = false;
  handler_.on_peer_lost(id, why);
}

std::vector<PeerNetwork::PeerView> PeerNetwork::peers() const {
  std::vector<PeerView> views;
  views.reserve(peers_.size());
  for (const auto& [id, peer] : peers_) {
    views.push_back({id, peer.link->address(), peer.connected, peer.hello,
                     peer.refusal.empty() ? peer.link->trouble() : peer.refusal,
                     peer.link->counters()});
  }
  return views;
}

bool PeerNetwork::connected(NodeId peer) const {
  const auto found = peers_.find(peer);
  return found != peers_.end() && found->second.connected;
}

const replica::Hello* PeerNetwork::hello(NodeId peer) const {
  const auto found = peers_.find(peer);
  return found != peers_.end() && found->second.hello ? &*found->second.hello : nullptr;
}

}  // namespace kvcluster::server
