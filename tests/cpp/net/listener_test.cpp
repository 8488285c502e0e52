#include "net/listener.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <string>
#include <vector>

#include "net/loop.hpp"
#include "net/raw_client.hpp"
#include "wire/peer_hello.hpp"

namespace kvcluster::net {
namespace {

class ListenerTest : public testing::Test {
 protected:
  void open(const ListenerOptions& options = {}, bool serve_clients = true,
            bool serve_peers = true) {
    ListenerHandlers handlers;
    if (serve_clients) {
      handlers.client = [this](Incoming incoming) { clients.push_back(std::move(incoming)); };
    }
    if (serve_peers) {
      handlers.peer = [this](Incoming incoming) { peers.push_back(std::move(incoming)); };
    }
    auto opened = Listener::open(loop.io, options, std::move(handlers));
    ASSERT_TRUE(opened) << opened.error().context;
    listener = std::move(*opened);
  }

  Loop loop;
  std::vector<Incoming> clients;
  std::vector<Incoming> peers;
  std::unique_ptr<Listener> listener;
};

TEST_F(ListenerTest, LetsTheKernelChooseAPort) {
  open();
  EXPECT_GT(listener->address().port, 0);
}

TEST_F(ListenerTest, HandsAClientOverWithItsFirstBytes) {
  open();
  RawClient client(loop, listener->address());
  client.send("PING\r\n");
  ASSERT_TRUE(loop.run_until([&] { return clients.size() == 1; }));
  EXPECT_EQ(clients[0].read_ahead, "PING\r\n");
  EXPECT_TRUE(clients[0].remote.starts_with("127.0.0.1:"));
  EXPECT_TRUE(peers.empty());
}

TEST_F(ListenerTest, HandsAPeerOverWithItsFirstBytes) {
  open();
  RawClient client(loop, listener->address());
  client.send(Bytes(wire::kPeerMagic) + "rest");
  ASSERT_TRUE(loop.run_until([&] { return peers.size() == 1; }));
  EXPECT_EQ(peers[0].read_ahead, Bytes(wire::kPeerMagic) + "rest");
  EXPECT_TRUE(clients.empty());
}

TEST_F(ListenerTest, WaitsForTheWholeMagic) {
  open();
  RawClient client(loop, listener->address());
  for (const char byte : wire::kPeerMagic) {
    ASSERT_TRUE(peers.empty());
    const std::size_t before = client.sent();
    client.send({&byte, 1});
    ASSERT_TRUE(loop.run_until([&] { return client.sent() == before + 1; }));
  }
  ASSERT_TRUE(loop.run_until([&] { return peers.size() == 1; }));
}

TEST_F(ListenerTest, SocketsDoNotPassToChildProcesses) {
  open();
  RawClient client(loop, listener->address());
  client.send("x");
  ASSERT_TRUE(loop.run_until([&] { return clients.size() == 1; }));
  EXPECT_NE(::fcntl(clients[0].socket.native_handle(), F_GETFD) & FD_CLOEXEC, 0);
}

TEST_F(ListenerTest, SaysThatAPortIsInUse) {
  open();
  ListenerOptions options;
  options.address = listener->address();
  const auto second = Listener::open(loop.io, options, {});
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, ErrorCode::kBusy);
  EXPECT_EQ(second.error().context,
            "port " + std::to_string(options.address.port) +
                " on 127.0.0.1 is in use by another program: stop it, or choose another port");
}

TEST_F(ListenerTest, FreesThePortWhenItEnds) {
  open();
  ListenerOptions options;
  options.address = listener->address();
  listener.reset();
  const auto second = Listener::open(loop.io, options, {});
  EXPECT_TRUE(second);
}

TEST_F(ListenerTest, RefusesAHostWithoutAddress) {
  ListenerOptions options;
  options.address.host = "256.256.256.256";
  const auto opened = Listener::open(loop.io, options, {});
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, ErrorCode::kInvalidArgument);
}

TEST_F(ListenerTest, AnswersTheClientOverTheLimit) {
  ListenerOptions options;
  options.max_clients = 1;
  open(options);
  RawClient first(loop, listener->address());
  first.send("PING\r\n");
  ASSERT_TRUE(loop.run_until([&] { return clients.size() == 1; }));
  RawClient second(loop, listener->address());
  second.send("PING\r\n");
  ASSERT_TRUE(loop.run_until([&] { return second.ended(); }));
  EXPECT_EQ(second.received(), "-ERR max number of clients reached\r\n");
  EXPECT_FALSE(first.ended());
  EXPECT_EQ(listener->counters().refused, 1U);
}

TEST_F(ListenerTest, HasRoomAgainWhenAClientHasGone) {
  ListenerOptions options;
  options.max_clients = 1;
  open(options);
  RawClient first(loop, listener->address());
  first.send("PING\r\n");
  ASSERT_TRUE(loop.run_until([&] { return clients.size() == 1; }));
  EXPECT_EQ(listener->open_clients(), 1U);
  clients.clear();
  EXPECT_EQ(listener->open_clients(), 0U);
  RawClient second(loop, listener->address());
  second.send("PING\r\n");
  EXPECT_TRUE(loop.run_until([&] { return clients.size() == 1; }));
}

TEST_F(ListenerTest, LetsAPeerInWhenClientsAreAtTheirLimit) {
  ListenerOptions options;
  options.max_clients = 0;
  open(options);
  RawClient peer(loop, listener->address());
  peer.send(wire::kPeerMagic);
  EXPECT_TRUE(loop.run_until([&] { return peers.size() == 1; }));
}

TEST_F(ListenerTest, RefusesThePeerOverTheLimitWithASentence) {
  ListenerOptions options;
  options.max_peers = 0;
  open(options);
  RawClient peer(loop, listener->address());
  peer.send(wire::kPeerMagic);
  ASSERT_TRUE(loop.run_until([&] { return peer.ended(); }));
  const auto greeting = wire::decode_greeting(peer.received());
  ASSERT_TRUE(greeting && *greeting);
  EXPECT_EQ(std::get<wire::Refusal>((*greeting)->content).sentence, "too many peers are connected");
}

TEST_F(ListenerTest, ClosesAConnectionThatSaysNothing) {
  ListenerOptions options;
  options.first_bytes_deadline = std::chrono::milliseconds(20);
  open(options);
  RawClient silent(loop, listener->address());
  ASSERT_TRUE(loop.run_until([&] { return silent.ended(); }));
  EXPECT_EQ(listener->counters().first_bytes_late, 1U);
}

TEST_F(ListenerTest, ClosesAConnectionThatStopsInsideTheMagic) {
  ListenerOptions options;
  options.first_bytes_deadline = std::chrono::milliseconds(20);
  open(options);
  RawClient half(loop, listener->address());
  half.send(wire::kPeerMagic.substr(0, 3));
  ASSERT_TRUE(loop.run_until([&] { return half.ended(); }));
  EXPECT_TRUE(peers.empty() && clients.empty());
}

TEST_F(ListenerTest, KeepsAConnectionThatSpokeInTime) {
  ListenerOptions options;
  options.first_bytes_deadline = std::chrono::milliseconds(20);
  open(options);
  RawClient client(loop, listener->address());
  client.send("x");
  ASSERT_TRUE(loop.run_until([&] { return clients.size() == 1; }));
  RawClient silent(loop, listener->address());  // its deadline comes later than the first one's
  ASSERT_TRUE(loop.run_until([&] { return silent.ended(); }));
  EXPECT_FALSE(client.ended());
}

TEST_F(ListenerTest, ManySilentConnectionsDoNotKeepAPeerOut) {
  ListenerOptions options;
  options.max_undecided = 2;
  open(options);
  RawClient oldest(loop, listener->address());
  RawClient older(loop, listener->address());
  ASSERT_TRUE(loop.run_until([&] { return listener->counters().accepted == 2; }));
  RawClient peer(loop, listener->address());
  peer.send(wire::kPeerMagic);
  ASSERT_TRUE(loop.run_until([&] { return peers.size() == 1; }));
  EXPECT_TRUE(loop.run_until([&] { return oldest.ended(); }));
  EXPECT_FALSE(older.ended());
}

TEST_F(ListenerTest, TellsAClientThatThePortIsForPeers) {
  open({}, false, true);
  RawClient client(loop, listener->address());
  client.send("PING\r\n");
  ASSERT_TRUE(loop.run_until([&] { return client.ended(); }));
  EXPECT_EQ(client.received(), "-ERR this port serves peers only: use the client port\r\n");
}

TEST_F(ListenerTest, TellsAPeerThatThePortIsForClients) {
  open({}, true, false);
  RawClient peer(loop, listener->address());
  peer.send(wire::kPeerMagic);
  ASSERT_TRUE(loop.run_until([&] { return peer.ended(); }));
  const auto greeting = wire::decode_greeting(peer.received());
  ASSERT_TRUE(greeting && *greeting);
  EXPECT_EQ(std::get<wire::Refusal>((*greeting)->content).code, wire::RefusalCode::kWrongIdentity);
}

TEST_F(ListenerTest, ClosesUndecidedConnectionsWhenItEnds) {
  open();
  RawClient client(loop, listener->address());
  ASSERT_TRUE(loop.run_until([&] { return listener->counters().accepted == 1; }));
  listener.reset();
  EXPECT_TRUE(loop.run_until([&] { return client.ended(); }));
}

// Takes every file descriptor that is left, under a lowered limit, until it ends.
class NoDescriptorLeft {
 public:
  NoDescriptorLeft() {
    ::getrlimit(RLIMIT_NOFILE, &before_);
    rlimit lowered = before_;
    lowered.rlim_cur = std::min<rlim_t>(before_.rlim_cur, 256);
    ::setrlimit(RLIMIT_NOFILE, &lowered);
    for (int taken = open_one(); taken >= 0; taken = open_one()) taken_.push_back(taken);
  }
  ~NoDescriptorLeft() {
    for (const int descriptor : taken_) ::close(descriptor);
    ::setrlimit(RLIMIT_NOFILE, &before_);
  }
  NoDescriptorLeft(const NoDescriptorLeft&) = delete;
  NoDescriptorLeft& operator=(const NoDescriptorLeft&) = delete;

 private:
  static int open_one() { return ::open("/dev/null", O_RDONLY | O_CLOEXEC); }
  rlimit before_{};
  std::vector<int> taken_;
};

TEST_F(ListenerTest, AcceptsAgainAfterTheDescriptorsRanOut) {
  open();
  RawClient client(loop, listener->address());
  client.send("x");
  {
    const NoDescriptorLeft none;
    EXPECT_TRUE(loop.run_until([&] { return listener->counters().accept_errors == 1; }));
  }
  EXPECT_TRUE(loop.run_until([&] { return clients.size() == 1; }));
}

}  // namespace
}  // namespace kvcluster::net
