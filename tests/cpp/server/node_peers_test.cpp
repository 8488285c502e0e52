// A node and peers that are only half there: one connection of the two.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <string>
#include <string_view>
#include <variant>

#include "replica/peer_message.hpp"
#include "server/node_cluster.hpp"
#include "wire/peer_frame.hpp"
#include "wire/peer_hello.hpp"

namespace kvcluster::server {
namespace {

// A peer that dials a node and cannot be dialed itself.
class HalfPeer {
 public:
  HalfPeer(std::uint16_t port, const replica::Hello& hello)
      : socket_(::socket(AF_INET, SOCK_STREAM, 0)) {
    const timeval deadline{20, 0};
    ::setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &deadline, sizeof(deadline));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(::connect(socket_, reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
    Bytes bytes;
    wire::encode(hello, bytes);
    send(bytes);
  }
  ~HalfPeer() { ::close(socket_); }
  HalfPeer(const HalfPeer&) = delete;
  HalfPeer& operator=(const HalfPeer&) = delete;

  void send(std::string_view bytes) {
    EXPECT_EQ(::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(bytes.size()));
  }
  void send(const replica::PeerMessage& message) {
    wire::PeerFrameBuilder builder;
    EXPECT_EQ(builder.add(message), wire::PeerFrameBuilder::Added::kYes);
    send(builder.finish());
  }
  // True when the node has answered the hello with its own.
  [[nodiscard]] bool welcome() {
    Bytes input;
    for (;;) {
      const auto greeting = wire::decode_greeting(input);
      if (!greeting) return false;
      if (*greeting) return std::holds_alternative<replica::Hello>((*greeting)->content);
      char piece[512];
      const ssize_t got = ::recv(socket_, piece, sizeof(piece), 0);
      if (got <= 0) return false;
      input.append(piece, static_cast<std::size_t>(got));
    }
  }
  // True when the node has closed: what was sent before is behind it.
  [[nodiscard]] bool closed() {
    char piece[512];
    return ::recv(socket_, piece, sizeof(piece), 0) <= 0;
  }

 private:
  int socket_;
};

class NodePeers : public testing::NodeClusterTest {
 protected:
  replica::Hello hello(std::uint64_t from, std::uint64_t to) {
    replica::Hello hello;
    hello.from = NodeId(from);
    hello.to = NodeId(to);
    hello.incarnation = {9};
    for (std::uint64_t id = 1; id <= 3; ++id) hello.members.push_back(NodeId(id));
    return hello;
  }
  [[nodiscard]] bool waits_for(std::uint64_t id, const std::string& others) {
    return eventually([&] {
      return nodes.at(id)->why().value().find("node(s) " + others + " cannot be reached") !=
             std::string::npos;
    });
  }
};

// Its commands could never be forwarded to a leader that it cannot reach.
TEST_F(NodePeers, LeaderThatIsHeardButCannotBeReachedIsNotFollowed) {
  start_all();
  ASSERT_NE(leader(), 0U);
  replica::Hello theirs = hello(2, 1);
  theirs.cluster_id = status(2).cluster_id;
  theirs.incarnation = status(2).incarnation;
  for (const std::uint64_t id : {3U, 2U, 1U}) stop(id);
  start(1);
  HalfPeer two(port(1), theirs);
  ASSERT_TRUE(two.welcome());
  const Term term(status(1).core.term.value() + 10);
  two.send(raft::Message{NodeId(2), NodeId(1), term, raft::AppendEntries{}});
  two.send("this is no frame");
  ASSERT_TRUE(two.closed());
  EXPECT_EQ(status(1).core.leader, kNoNode);
  EXPECT_LT(status(1).core.term, term);
}

TEST_F(NodePeers, MemberThatWasHeardOnceAndHasGoneIsNotCountedAtTheFirstStart) {
  start(1);
  ASSERT_TRUE(waits_for(1, "2,3"));
  {
    HalfPeer three(port(1), hello(3, 1));
    ASSERT_TRUE(three.welcome());
    EXPECT_TRUE(waits_for(1, "2"));
  }
  EXPECT_TRUE(waits_for(1, "2,3")) << nodes.at(1)->why().value();
}

TEST_F(NodePeers, MemberThatDialsAnewIsCountedOnce) {
  start(1);
  HalfPeer first(port(1), hello(3, 1));
  ASSERT_TRUE(first.welcome());
  HalfPeer second(port(1), hello(3, 1));
  ASSERT_TRUE(second.welcome());
  EXPECT_TRUE(first.closed());
  EXPECT_TRUE(waits_for(1, "2")) << nodes.at(1)->why().value();
}

}  // namespace
}  // namespace kvcluster::server
