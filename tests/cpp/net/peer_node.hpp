// Two nodes' halves of the network, for tests of links and sessions against each other.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "net/listener.hpp"
#include "net/loop.hpp"
#include "net/peer_link.hpp"
#include "net/peer_session.hpp"

namespace kvcluster::net {

using replica::PeerMessage;

inline raft::Message heartbeat(std::uint64_t from, std::uint64_t to, std::uint64_t round = 0) {
  raft::AppendEntries body;
  body.read_round = round;
  return {NodeId(from), NodeId(to), Term(1), std::move(body)};
}

inline replica::Hello hello(std::uint64_t from, std::uint64_t to) {
  replica::Hello hello;
  hello.from = NodeId(from);
  hello.to = NodeId(to);
  hello.client_address = "127.0.0.1:" + std::to_string(9000 + from);
  return hello;
}

// One node's half: what it accepts, and a link that it dials.
struct Node final : PeerSessionHandler, PeerLinkHandler {
  Node(Loop& on, std::uint64_t node_id) : loop(on), id(node_id) {}
  ~Node() { stop(); }

  void listen(std::uint16_t port = 0) {
    ListenerOptions options;
    options.address.port = port;
    ListenerHandlers handlers;
    handlers.peer = [this](Incoming incoming) {
      sessions.push_back(PeerSession::start(std::move(incoming), *this, {NodeId(id), deadline}));
    };
    auto opened = Listener::open(loop.io, options, std::move(handlers));
    ASSERT_TRUE(opened) << opened.error().context;
    listener = std::move(*opened);
  }
  void dial(std::uint64_t peer, const Endpoint& address, PeerLinkOptions options = {}) {
    options.peer = NodeId(peer);
    options.address = address;
    link = std::make_unique<PeerLink>(loop.io, loop.turn, options, *this);
  }
  void close_sessions() {
    for (const auto& session : sessions) session->close();
    sessions.clear();
  }
  void stop() {
    link.reset();
    listener.reset();
    close_sessions();
  }

  Result<replica::Hello> on_hello(PeerSession& /*session*/, const replica::Hello& theirs) override {
    hellos.push_back(theirs);
    if (refusal) return kvcluster::fail(ErrorCode::kWrongIdentity, *refusal);
    return hello(answers_as.value_or(id), theirs.from.value());
  }
  void on_messages(PeerSession& /*session*/, std::vector<PeerMessage> messages) override {
    ++frames;
    for (auto& message : messages) received.push_back(std::move(message));
  }
  void on_session_closed(PeerSession& session, const std::string& why) override {
    closed.push_back(why);
    std::erase_if(sessions, [&](const auto& held) { return held.get() == &session; });
  }

  replica::Hello hello_for(PeerLink& to) override { return hello(id, to.peer().value()); }
  void on_link_up(PeerLink& /*link*/, const replica::Hello& theirs) override {
    ups.push_back(theirs);
  }
  void on_link_lost(PeerLink& /*link*/, const std::string& why) override { lost.push_back(why); }
  void on_link_refused(PeerLink& /*link*/, const std::string& sentence) override {
    refused.push_back(sentence);
  }

  Loop& loop;
  std::uint64_t id;
  Duration deadline = std::chrono::seconds(2);
  std::optional<std::string> refusal;
  std::optional<std::uint64_t> answers_as;
  std::unique_ptr<Listener> listener;
  std::vector<std::shared_ptr<PeerSession>> sessions;
  std::unique_ptr<PeerLink> link;
  std::vector<replica::Hello> hellos;
  std::vector<PeerMessage> received;
  std::vector<std::string> closed;
  std::vector<replica::Hello> ups;
  std::vector<std::string> lost;
  std::vector<std::string> refused;
  int frames = 0;
};

class PeerTest : public testing::Test {
 protected:
  // Node 1 has dialed node 2, and was let in.
  void join(const PeerLinkOptions& options = {}) {
    two.listen();
    one.dial(2, two.listener->address(), options);
    ASSERT_TRUE(loop.run_until([&] { return one.link->is_up() && two.sessions.size() == 1; }));
  }

  Loop loop;
  Node one{loop, 1};
  Node two{loop, 2};
};

}  // namespace kvcluster::net
