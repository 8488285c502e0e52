// Links and sessions against each other, over real sockets.
#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "net/loop.hpp"
#include "net/peer_link.hpp"
#include "net/peer_session.hpp"
#include "net/raw_client.hpp"
#include "wire/peer_frame.hpp"
#include "wire/peer_hello.hpp"
#include "wire/random_peer_message.hpp"

namespace kvcluster::net {
namespace {

using replica::PeerMessage;

raft::Message heartbeat(std::uint64_t from, std::uint64_t to, std::uint64_t round = 0) {
  raft::AppendEntries body;
  body.read_round = round;
  return {NodeId(from), NodeId(to), Term(1), std::move(body)};
}

replica::Hello hello(std::uint64_t from, std::uint64_t to) {
  replica::Hello hello;
  hello.from = NodeId(from);
  hello.to = NodeId(to);
  hello.client_address = "127.0.0.1:" + std::to_string(9000 + from);
  return hello;
}

// One node's half: what it accepts, and a link that it dials.
struct Node : PeerSessionHandler, PeerLinkHandler {
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

TEST_F(PeerTest, BothSidesLearnTheOthersHello) {
  join();
  ASSERT_EQ(two.hellos.size(), 1U);
  EXPECT_EQ(two.hellos[0], hello(1, 2));
  ASSERT_EQ(one.ups.size(), 1U);
  EXPECT_EQ(one.ups[0], hello(2, 1));
  EXPECT_EQ(two.sessions[0]->hello(), hello(1, 2));
}

TEST_F(PeerTest, CarriesEveryKindOfMessageInOrder) {
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

TEST_F(PeerTest, BothDirectionsHaveTheirOwnConnection) {
  join();
  one.listen();
  two.dial(1, one.listener->address());
  ASSERT_TRUE(loop.run_until([&] { return two.link->is_up(); }));
  one.link->send(heartbeat(1, 2));
  two.link->send(heartbeat(2, 1));
  EXPECT_TRUE(loop.run_until([&] { return one.received.size() == 1 && two.received.size() == 1; }));
}

TEST_F(PeerTest, CarriesAMessageOfManyMegabytes) {
  join();
  const replica::Forward large{1, 1, true, Slice::of(Bytes(15U << 20U, 'v'))};
  one.link->send(large);
  ASSERT_TRUE(loop.run_until([&] { return two.received.size() == 1; }));
  EXPECT_TRUE(two.received[0] == PeerMessage(large));
}

TEST_F(PeerTest, DropsAMessageThatNoFrameCanHoldAndStaysUp) {
  join();
  one.link->send(replica::Forward{1, 1, true, Slice::of(Bytes(17U << 20U, 'v'))});
  one.link->send(heartbeat(1, 2));
  ASSERT_TRUE(loop.run_until([&] { return two.received.size() == 1; }));
  EXPECT_EQ(one.link->counters().messages_dropped, 1U);
}

TEST_F(PeerTest, SplitsATurnThatDoesNotFitIntoOneFrame) {
  join();
  for (int i = 0; i < 3; ++i) {
    one.link->send(replica::Forward{1, 1, true, Slice::of(Bytes(7U << 20U, 'v'))});
  }
  ASSERT_TRUE(loop.run_until([&] { return two.received.size() == 3; }));
  EXPECT_EQ(two.frames, 2);
}

TEST_F(PeerTest, DropsWholeFramesWhenThePeerDoesNotRead) {
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
    one.link->send(replica::Forward{1, 1, true, payload});
    loop.turn_once();
    ASSERT_LE(one.link->queued_bytes(), options.max_queue_bytes);
  }
  EXPECT_EQ(one.link->counters().messages_dropped, 10U);
  EXPECT_TRUE(one.link->is_up());
}

TEST_F(PeerTest, DropsWhatIsSentWhileThePeerIsAway) {
  join();
  two.close_sessions();
  two.listener.reset();
  ASSERT_TRUE(loop.run_until([&] { return one.lost.size() == 1; }));
  one.link->send(heartbeat(1, 2));
  EXPECT_EQ(one.link->counters().messages_dropped, 1U);
  EXPECT_FALSE(one.link->is_up());
  EXPECT_FALSE(one.link->trouble().empty());
}

TEST_F(PeerTest, DialsAgainAfterTheOtherSideClosed) {
  join();
  two.close_sessions();
  ASSERT_TRUE(loop.run_until([&] { return one.ups.size() == 2 && two.sessions.size() == 1; }));
  EXPECT_EQ(one.lost, std::vector<std::string>{"closed by the peer"});
  one.link->send(heartbeat(1, 2, 7));
  ASSERT_TRUE(loop.run_until([&] { return two.received.size() == 1; }));
  EXPECT_TRUE(two.received[0] == PeerMessage(heartbeat(1, 2, 7)));
}

TEST_F(PeerTest, FindsAPeerThatStartsLater) {
  two.listen();
  const Endpoint address = two.listener->address();
  two.listener.reset();
  one.dial(2, address);
  ASSERT_TRUE(loop.run_until([&] { return one.link->counters().dials >= 3; }));
  two.listen(address.port);
  EXPECT_TRUE(loop.run_until([&] { return one.link->is_up(); }));
  EXPECT_TRUE(one.lost.empty()) << "what was never up is not lost";
}

TEST_F(PeerTest, DialsAtOnceWhenToldThatThePeerIsAlive) {
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

TEST_F(PeerTest, RedialsWithANewHello) {
  join();
  one.link->redial();
  EXPECT_FALSE(one.link->is_up());
  ASSERT_TRUE(loop.run_until([&] { return two.hellos.size() == 2 && one.link->is_up(); }));
  EXPECT_TRUE(one.lost.empty());
}

TEST_F(PeerTest, TheSessionLearnsThatTheDialerHasGone) {
  join();
  one.link.reset();
  ASSERT_TRUE(loop.run_until([&] { return two.closed.size() == 1; }));
  EXPECT_EQ(two.closed[0], "closed by the peer");
  EXPECT_EQ(two.listener->open_peers(), 0U);
}

TEST_F(PeerTest, ARefusedNodeIsToldTheSentence) {
  two.listen();
  two.refusal = "node 1 has lost its disk: add it as a new member";
  one.dial(2, two.listener->address());
  ASSERT_TRUE(loop.run_until([&] { return one.refused.size() == 1; }));
  EXPECT_EQ(one.refused[0], "node 1 has lost its disk: add it as a new member");
  EXPECT_EQ(one.link->trouble(), "refused: node 1 has lost its disk: add it as a new member");
  EXPECT_TRUE(one.ups.empty());
  EXPECT_TRUE(one.lost.empty());
}

TEST_F(PeerTest, ARefusedNodeTriesAgain) {
  two.listen();
  two.refusal = "not now";
  one.dial(2, two.listener->address());
  ASSERT_TRUE(loop.run_until([&] { return one.refused.size() == 1; }));
  two.refusal.reset();
  EXPECT_TRUE(loop.run_until([&] { return one.link->is_up(); }));
}

TEST_F(PeerTest, AHelloForAnotherNodeIsRefusedByTheSession) {
  two.listen();
  one.dial(3, two.listener->address());
  ASSERT_TRUE(loop.run_until([&] { return one.refused.size() == 1; }));
  EXPECT_EQ(one.refused[0], "this is node 2, not node 3: check the ids and addresses in --peers");
  EXPECT_TRUE(two.hellos.empty());
}

TEST_F(PeerTest, AnAnswerFromAnotherNodeIsRefusedByTheLink) {
  two.listen();
  two.answers_as = 9;
  one.dial(2, two.listener->address());
  ASSERT_TRUE(loop.run_until([&] { return !one.refused.empty(); }));
  EXPECT_EQ(one.refused[0], "node 9 answers at " + two.listener->address().text() + ", not node 2");
}

TEST_F(PeerTest, AnotherProtocolBehindTheAddressIsNamed) {
  asio::ip::tcp::acceptor acceptor(loop.io, {asio::ip::make_address("127.0.0.1"), 0});
  asio::ip::tcp::socket redis(loop.io);
  acceptor.async_accept(redis, [&](const std::error_code&) {
    asio::write(redis, asio::buffer(std::string("-ERR unknown command\r\n")));
  });
  one.dial(2, {"127.0.0.1", acceptor.local_endpoint().port()});
  ASSERT_TRUE(loop.run_until([&] { return one.refused.size() == 1; }));
  EXPECT_EQ(one.refused[0], "the other side is no kvcluster node");
}

TEST_F(PeerTest, AListenerThatNeverAnswersTheHelloIsGivenUp) {
  asio::ip::tcp::acceptor acceptor(loop.io, {asio::ip::make_address("127.0.0.1"), 0});
  PeerLinkOptions options;
  options.hello_deadline = std::chrono::milliseconds(20);
  one.dial(2, {"127.0.0.1", acceptor.local_endpoint().port()}, options);
  ASSERT_TRUE(loop.run_until([&] { return one.link->counters().dials >= 2; }));
  EXPECT_EQ(one.link->trouble(), "does not answer our hello");
}

TEST_F(PeerTest, ADialerThatNeverFinishesItsHelloIsClosed) {
  two.deadline = std::chrono::milliseconds(20);
  two.listen();
  RawClient half(loop, two.listener->address());
  half.send(wire::kPeerMagic);
  ASSERT_TRUE(loop.run_until([&] { return two.closed.size() == 1; }));
  EXPECT_EQ(two.closed[0], "no hello in time");
}

TEST_F(PeerTest, AMalformedHelloIsRefused) {
  two.listen();
  RawClient client(loop, two.listener->address());
  Bytes bytes;
  wire::encode(hello(1, 2), bytes);
  bytes.back() = static_cast<char>(bytes.back() ^ 1);
  client.send(bytes);
  ASSERT_TRUE(loop.run_until([&] { return client.ended(); }));
  const auto greeting = wire::decode_greeting(client.received());
  ASSERT_TRUE(greeting && *greeting);
  EXPECT_EQ(std::get<wire::Refusal>((*greeting)->content).code, wire::RefusalCode::kMalformed);
}

// A dialer that is let in and then sends what it likes.
class RawDialer : public RawClient {
 public:
  RawDialer(Loop& loop, const Endpoint& to) : RawClient(loop, to) {
    Bytes bytes;
    wire::encode(hello(1, 2), bytes);
    send(bytes);
  }
};

Bytes frame_of(const PeerMessage& message) {
  wire::PeerFrameBuilder builder;
  EXPECT_EQ(builder.add(message), wire::PeerFrameBuilder::Added::kYes);
  return builder.finish();
}

TEST_F(PeerTest, AnOversizedFrameClosesOnlyThatConnection) {
  join();
  RawDialer bad(loop, two.listener->address());
  bad.send(Bytes(8, '\xFF'));
  ASSERT_TRUE(loop.run_until([&] { return two.closed.size() == 1 && bad.ended(); }));
  EXPECT_NE(two.closed[0].find("a frame of 4294967295 bytes"), std::string::npos);
  EXPECT_TRUE(one.link->is_up());
  one.link->send(heartbeat(1, 2));
  EXPECT_TRUE(loop.run_until([&] { return two.received.size() == 1; }));
}

TEST_F(PeerTest, ADamagedFrameClosesTheConnection) {
  two.listen();
  RawDialer bad(loop, two.listener->address());
  Bytes frame = frame_of(heartbeat(1, 2));
  frame.back() = static_cast<char>(frame.back() ^ 1);
  bad.send(frame);
  ASSERT_TRUE(loop.run_until([&] { return two.closed.size() == 1; }));
  EXPECT_EQ(two.closed[0], "a frame fails its checksum");
  EXPECT_TRUE(two.received.empty());
}

TEST_F(PeerTest, AFrameMayArriveByteByByte) {
  two.listen();
  RawDialer dialer(loop, two.listener->address());
  for (const char byte : frame_of(heartbeat(1, 2)) + frame_of(heartbeat(1, 2, 5))) {
    const std::size_t before = dialer.sent();
    dialer.send({&byte, 1});
    ASSERT_TRUE(loop.run_until([&] { return dialer.sent() > before; }));
  }
  ASSERT_TRUE(loop.run_until([&] { return two.received.size() == 2; }));
  EXPECT_TRUE(two.received[1] == PeerMessage(heartbeat(1, 2, 5)));
}

TEST_F(PeerTest, AMessageInAnothersNameClosesTheConnection) {
  two.listen();
  RawDialer liar(loop, two.listener->address());
  liar.send(frame_of(heartbeat(3, 2)));
  ASSERT_TRUE(loop.run_until([&] { return two.closed.size() == 1; }));
  EXPECT_EQ(two.closed[0], "a message from node 3 to node 2 on a connection from node 1 to node 2");
  EXPECT_TRUE(two.received.empty());
}

TEST_F(PeerTest, BytesFromTheAcceptingSideCloseTheLink) {
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

TEST_F(PeerTest, TheOwnerMayDropALinkInsideItsCallback) {
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
