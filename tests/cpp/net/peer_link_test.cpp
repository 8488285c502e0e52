#include "net/peer_link.hpp"

#include <gtest/gtest.h>

#include <asio/buffer.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/write.hpp>
#include <memory>
#include <string>
#include <vector>

#include "net/peer_node.hpp"
#include "wire/peer_hello.hpp"
#include "wire/random_peer_message.hpp"

namespace kvcluster::net {
namespace {

using PeerLinkTest = PeerTest;

TEST_F(PeerLinkTest, BothSidesLearnTheOthersHello) {
  join();
  ASSERT_EQ(two.hellos.size(), 1U);
  EXPECT_EQ(two.hellos[0], hello(1, 2));
  ASSERT_EQ(one.ups.size(), 1U);
  EXPECT_EQ(one.ups[0], hello(2, 1));
  EXPECT_EQ(two.sessions[0]->hello(), hello(1, 2));
}

TEST_F(PeerLinkTest, CarriesEveryKindOfMessageInOrder) {
  join();
  wire::RandomPeerMessage random(42);
  std::vector<PeerMessage> sent;
  for (int i = 0; i < 300; ++i) {
    PeerMessage message = random.next();
    if (auto* raft_message = std::get_if<raft::Message>(&message)) {
      raft_message->from = NodeId(1);
      raft_message->to = NodeId(2);
    }
    one.link->send(message);
    sent.push_back(std::move(message));
  }
  ASSERT_TRUE(loop.run_until([&] { return two.received.size() == sent.size(); }));
  EXPECT_TRUE(two.received == sent);
  EXPECT_EQ(two.frames, 1) << "one turn is one frame";
  EXPECT_EQ(one.link->counters().messages_sent, 300U);
  EXPECT_EQ(one.link->counters().messages_dropped, 0U);
}

TEST_F(PeerLinkTest, BothDirectionsHaveTheirOwnConnection) {
  join();
  one.listen();
  two.dial(1, one.listener->address());
  ASSERT_TRUE(loop.run_until([&] { return two.link->is_up(); }));
  one.link->send(heartbeat(1, 2));
  two.link->send(heartbeat(2, 1));
  EXPECT_TRUE(loop.run_until([&] { return one.received.size() == 1 && two.received.size() == 1; }));
}

TEST_F(PeerLinkTest, CarriesAMessageOfManyMegabytes) {
  join();
  const replica::Forward large{1, 1, true, Slice::of(Bytes(15U << 20U, 'v'))};
  one.link->send(large);
  ASSERT_TRUE(loop.run_until([&] { return two.received.size() == 1; }));
  EXPECT_TRUE(two.received[0] == PeerMessage(large));
}

TEST_F(PeerLinkTest, DropsAMessageThatNoFrameCanHoldAndStaysUp) {
  join();
  EXPECT_FALSE(one.link->send(replica::Forward{1, 1, true, Slice::of(Bytes(17U << 20U, 'v'))}));
  EXPECT_TRUE(one.link->send(heartbeat(1, 2)));
  ASSERT_TRUE(loop.run_until([&] { return two.received.size() == 1; }));
  EXPECT_EQ(one.link->counters().messages_dropped, 1U);
}

TEST_F(PeerLinkTest, SplitsATurnThatDoesNotFitIntoOneFrame) {
  join();
  for (int i = 0; i < 3; ++i) {
    one.link->send(replica::Forward{1, 1, true, Slice::of(Bytes(7U << 20U, 'v'))});
  }
  ASSERT_TRUE(loop.run_until([&] { return two.received.size() == 3; }));
  EXPECT_EQ(two.frames, 2);
}

TEST_F(PeerLinkTest, DropsWhatFindsNoRoomWhenThePeerDoesNotReadAndSaysSo) {
  PeerLinkOptions options;
  options.max_queue_bytes = 1U << 20U;
  // A peer that answers the hello and then reads nothing.
  asio::ip::tcp::acceptor acceptor(loop.io, {asio::ip::make_address("127.0.0.1"), 0});
  asio::ip::tcp::socket peer(loop.io);
  Bytes answer;
  wire::encode(hello(2, 1), answer);
  acceptor.async_accept(peer,
                        [&](const std::error_code&) { asio::write(peer, asio::buffer(answer)); });
  one.dial(2, {"127.0.0.1", acceptor.local_endpoint().port()}, options);
  ASSERT_TRUE(loop.run_until([&] { return one.link->is_up(); }));
  const Slice payload = Slice::of(Bytes(64U << 10U, 'v'));
  for (int turn = 0; turn < 1000 && one.link->counters().messages_dropped < 10; ++turn) {
    const std::uint64_t dropped = one.link->counters().messages_dropped;
    const bool taken = one.link->send(replica::Forward{1, 1, true, payload});
    loop.turn_once();
    ASSERT_EQ(one.link->counters().messages_dropped, dropped + (taken ? 0 : 1))
        << "what was taken is never dropped while the link is up";
    ASSERT_LE(one.link->queued_bytes(), options.max_queue_bytes);
  }
  EXPECT_EQ(one.link->counters().messages_dropped, 10U);
  EXPECT_TRUE(one.link->is_up());
}

TEST_F(PeerLinkTest, DropsWhatIsSentWhileThePeerIsAway) {
  join();
  two.close_sessions();
  two.listener.reset();
  ASSERT_TRUE(loop.run_until([&] { return one.lost.size() == 1; }));
  EXPECT_FALSE(one.link->send(heartbeat(1, 2)));
  EXPECT_EQ(one.link->counters().messages_dropped, 1U);
  EXPECT_FALSE(one.link->is_up());
  EXPECT_FALSE(one.link->trouble().empty());
}

TEST_F(PeerLinkTest, DialsAgainAfterTheOtherSideClosed) {
  join();
  two.close_sessions();
  ASSERT_TRUE(loop.run_until([&] { return one.ups.size() == 2 && two.sessions.size() == 1; }));
  EXPECT_EQ(one.lost, std::vector<std::string>{"closed by the peer"});
  one.link->send(heartbeat(1, 2, 7));
  ASSERT_TRUE(loop.run_until([&] { return two.received.size() == 1; }));
  EXPECT_TRUE(two.received[0] == PeerMessage(heartbeat(1, 2, 7)));
}

TEST_F(PeerLinkTest, FindsAPeerThatStartsLater) {
  two.listen();
  const Endpoint address = two.listener->address();
  two.listener.reset();
  one.dial(2, address);
  ASSERT_TRUE(loop.run_until([&] { return one.link->counters().dials >= 3; }));
  two.listen(address.port);
  EXPECT_TRUE(loop.run_until([&] { return one.link->is_up(); }));
  EXPECT_TRUE(one.lost.empty()) << "what was never up is not lost";
}

TEST_F(PeerLinkTest, DialsAtOnceWhenToldThatThePeerIsAlive) {
  two.listen();
  const Endpoint address = two.listener->address();
  two.listener.reset();
  PeerLinkOptions options;
  options.backoff_min = std::chrono::hours(1);
  options.backoff_max = std::chrono::hours(1);
  one.dial(2, address, options);
  ASSERT_TRUE(loop.run_until([&] {
    return one.link->counters().dials == 1 && one.link->trouble().starts_with("connecting");
  }));
  two.listen(address.port);
  one.link->dial_now();
  EXPECT_TRUE(loop.run_until([&] { return one.link->is_up(); }));
}

TEST_F(PeerLinkTest, RedialsWithANewHello) {
  join();
  one.link->redial();
  EXPECT_FALSE(one.link->is_up());
  ASSERT_TRUE(loop.run_until([&] { return two.hellos.size() == 2 && one.link->is_up(); }));
  EXPECT_TRUE(one.lost.empty());
}

TEST_F(PeerLinkTest, ARefusedNodeIsToldTheSentence) {
  two.listen();
  two.refusal = "node 1 has lost its disk: add it as a new member";
  one.dial(2, two.listener->address());
  ASSERT_TRUE(loop.run_until([&] { return one.refused.size() == 1; }));
  EXPECT_EQ(one.refused[0], "node 1 has lost its disk: add it as a new member");
  EXPECT_EQ(one.link->trouble(), "refused: node 1 has lost its disk: add it as a new member");
  EXPECT_TRUE(one.ups.empty());
  EXPECT_TRUE(one.lost.empty());
}

TEST_F(PeerLinkTest, ARefusedNodeTriesAgain) {
  two.listen();
  two.refusal = "not now";
  one.dial(2, two.listener->address());
  ASSERT_TRUE(loop.run_until([&] { return one.refused.size() == 1; }));
  two.refusal.reset();
  EXPECT_TRUE(loop.run_until([&] { return one.link->is_up(); }));
}

TEST_F(PeerLinkTest, AnAnswerFromAnotherNodeIsRefusedByTheLink) {
  two.listen();
  two.answers_as = 9;
  one.dial(2, two.listener->address());
  ASSERT_TRUE(loop.run_until([&] { return !one.refused.empty(); }));
  EXPECT_EQ(one.refused[0], "node 9 answers at " + two.listener->address().text() + ", not node 2");
}

TEST_F(PeerLinkTest, AnotherProtocolBehindTheAddressIsNamed) {
  asio::ip::tcp::acceptor acceptor(loop.io, {asio::ip::make_address("127.0.0.1"), 0});
  asio::ip::tcp::socket redis(loop.io);
  acceptor.async_accept(redis, [&](const std::error_code&) {
    asio::write(redis, asio::buffer(std::string("-ERR unknown command\r\n")));
  });
  one.dial(2, {"127.0.0.1", acceptor.local_endpoint().port()});
  ASSERT_TRUE(loop.run_until([&] { return one.refused.size() == 1; }));
  EXPECT_EQ(one.refused[0], "the other side is no kvcluster node");
}

TEST_F(PeerLinkTest, AListenerThatNeverAnswersTheHelloIsGivenUp) {
  asio::ip::tcp::acceptor acceptor(loop.io, {asio::ip::make_address("127.0.0.1"), 0});
  PeerLinkOptions options;
  options.hello_deadline = std::chrono::milliseconds(20);
  one.dial(2, {"127.0.0.1", acceptor.local_endpoint().port()}, options);
  ASSERT_TRUE(loop.run_until([&] { return one.link->counters().dials >= 2; }));
  EXPECT_EQ(one.link->trouble(), "does not answer our hello");
}

TEST_F(PeerLinkTest, BytesFromTheAcceptingSideCloseTheLink) {
  asio::ip::tcp::acceptor acceptor(loop.io, {asio::ip::make_address("127.0.0.1"), 0});
  asio::ip::tcp::socket peer(loop.io);
  Bytes answer;
  wire::encode(hello(2, 1), answer);
  acceptor.async_accept(peer,
                        [&](const std::error_code&) { asio::write(peer, asio::buffer(answer)); });
  one.dial(2, {"127.0.0.1", acceptor.local_endpoint().port()});
  ASSERT_TRUE(loop.run_until([&] { return one.link->is_up(); }));
  asio::write(peer, asio::buffer("x", 1));
  ASSERT_TRUE(loop.run_until([&] { return one.lost.size() == 1; }));
  EXPECT_EQ(one.lost[0], "the peer sent what does not belong here");
}

TEST_F(PeerLinkTest, TheOwnerMayDropALinkInsideItsCallback) {
  struct Dropper final : PeerLinkHandler {
    replica::Hello hello_for(PeerLink& /*link*/) override { return hello(1, 2); }
    void on_link_up(PeerLink& /*link*/, const replica::Hello& /*theirs*/) override { link.reset(); }
    void on_link_lost(PeerLink& /*link*/, const std::string& /*why*/) override { ADD_FAILURE(); }
    void on_link_refused(PeerLink& /*link*/, const std::string& /*why*/) override { ADD_FAILURE(); }
    std::unique_ptr<PeerLink> link;
  } dropper;
  two.listen();
  PeerLinkOptions options;
  options.peer = NodeId(2);
  options.address = two.listener->address();
  dropper.link = std::make_unique<PeerLink>(loop.io, loop.turn, options, dropper);
  ASSERT_TRUE(loop.run_until([&] { return two.closed.size() == 1; }));
  EXPECT_EQ(dropper.link, nullptr);
}

}  // namespace
}  // namespace kvcluster::net
