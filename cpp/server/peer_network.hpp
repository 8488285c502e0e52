// All connections to the other members. Each pair of nodes has two, one dialed by each; a peer
// counts as connected while both are up and its Hello was let in.
//
// Thread-safety: none; reactor only.
#pragma once

#include <asio/io_context.hpp>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "net/endpoint.hpp"
#include "net/listener.hpp"
#include "net/peer_link.hpp"
#include "net/peer_session.hpp"
#include "net/turn.hpp"
#include "replica/peer_message.hpp"

namespace kvcluster::server {

class PeerNetworkHandler {
 public:
  // What this node says of itself.
  virtual replica::Hello hello_for(NodeId peer) = 0;
  // Lets the peer in, or not: the error's context is the sentence it is told.
  virtual Status admit(const replica::Hello& theirs) = 0;
  // Both directions are up.
  virtual void on_peer_connected(const replica::Hello& theirs) = 0;
  // A connection of a peer that was let in has closed, whether the other direction was up or not.
  virtual void on_peer_lost(NodeId peer, const std::string& why) = 0;
  virtual void on_peer_messages(NodeId peer, std::vector<replica::PeerMessage> messages) = 0;
  // The peer refused this node, or was refused by it; told again only when the sentence changes.
  virtual void on_peer_refused(NodeId peer, std::string_view by_whom,
                               const std::string& sentence) = 0;

 protected:
  ~PeerNetworkHandler() = default;
};

class PeerNetwork final : net::PeerLinkHandler, net::PeerSessionHandler {
 public:
  // All outlive this object.
  PeerNetwork(asio::io_context& io, net::Turn& turn, NodeId self, std::uint64_t seed,
              PeerNetworkHandler& handler);
  ~PeerNetwork();
  PeerNetwork(const PeerNetwork&) = delete;
  PeerNetwork& operator=(const PeerNetwork&) = delete;

  // Starts to dial.
  void add_peer(NodeId peer, net::Endpoint address);
  // A connection that a peer dialed.
  void accept(net::Incoming incoming);

  // Joins this turn's frame to the peer. False: certainly not sent, because the peer is not up or
  // takes too little.
  bool send(NodeId to, const replica::PeerMessage& message);

  // What this node says of itself, or whom it lets in, has changed: every peer is looked at anew.
  void renew();
  // Closes everything; no callback follows.
  void close();

  struct PeerView {
    NodeId id;
    net::Endpoint address;
    bool connected = false;
    std::optional<replica::Hello> hello;  // the newest that was let in, kept after a loss
    std::string trouble;                  // why it is not connected, in plain words
    net::PeerLinkCounters counters;
  };
  [[nodiscard]] std::vector<PeerView> peers() const;
  [[nodiscard]] bool connected(NodeId peer) const;
  // nullptr: never heard of.
  [[nodiscard]] const replica::Hello* hello(NodeId peer) const;

 private:
  struct Peer {
    std::unique_ptr<net::PeerLink> link;
    std::shared_ptr<net::PeerSession> session;  // set once its Hello was let in
    std::optional<replica::Hello> hello;
    bool link_welcome = false;  // the link is up, and the peer at its end was let in
    bool connected = false;
    std::string refusal;  // the last sentence, so that it is told once
  };

  // net::PeerLinkHandler
  replica::Hello hello_for(net::PeerLink& link) override;
  void on_link_up(net::PeerLink& link, const replica::Hello& theirs) override;
  void on_link_lost(net::PeerLink& link, const std::string& why) override;
  void on_link_refused(net::PeerLink& link, const std::string& sentence) override;
  // net::PeerSessionHandler
  Result<replica::Hello> on_hello(net::PeerSession& session, const replica::Hello& theirs) override;
  void on_messages(net::PeerSession& session, std::vector<replica::PeerMessage> messages) override;
  void on_session_closed(net::PeerSession& session, const std::string& why) override;

  [[nodiscard]] Status let_in(NodeId id, Peer& peer, const replica::Hello& theirs);
  void tell_refusal(NodeId id, Peer& peer, std::string_view by_whom, const std::string& sentence);
  void connect_if_complete(Peer& peer);
  void lose(NodeId id, Peer& peer, const std::string& why);

  asio::io_context& io_;
  net::Turn& turn_;
  NodeId self_;
  std::uint64_t seed_;
  PeerNetworkHandler& handler_;
  std::map<NodeId, Peer> peers_;
  std::vector<std::shared_ptr<net::PeerSession>> sessions_;  // all that are open
};

}  // namespace kvcluster::server
