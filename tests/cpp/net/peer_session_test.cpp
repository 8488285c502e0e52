#include "net/peer_session.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <string>
#include <variant>

#include "base/codec.hpp"
#include "base/crc32c.hpp"
#include "net/peer_node.hpp"
#include "net/raw_client.hpp"
#include "wire/peer_frame.hpp"
#include "wire/peer_hello.hpp"

namespace kvcluster::net {
namespace {

using PeerSessionTest = PeerTest;

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

// The head of a frame of such a length, whose own checksum is right.
Bytes head_of(std::uint32_t length) {
  Bytes head;
  Encoder encoder(head);
  encoder.u32(length);
  encoder.u32(crc32c(head));
  encoder.u32(0);
  return head;
}

TEST_F(PeerSessionTest, TheSessionLearnsThatTheDialerHasGone) {
  join();
  one.link.reset();
  ASSERT_TRUE(loop.run_until([&] { return two.closed.size() == 1; }));
  EXPECT_EQ(two.closed[0], "closed by the peer");
  EXPECT_EQ(two.listener->open_peers(), 0U);
}

TEST_F(PeerSessionTest, AHelloForAnotherNodeIsRefusedByTheSession) {
  two.listen();
  one.dial(3, two.listener->address());
  ASSERT_TRUE(loop.run_until([&] { return one.refused.size() == 1; }));
  EXPECT_EQ(one.refused[0], "this is node 2, not node 3: check the ids and addresses in --peers");
  EXPECT_TRUE(two.hellos.empty());
}

TEST_F(PeerSessionTest, ADialerThatNeverFinishesItsHelloIsClosed) {
  two.deadline = std::chrono::milliseconds(20);
  two.listen();
  RawClient half(loop, two.listener->address());
  half.send(wire::kPeerMagic);
  ASSERT_TRUE(loop.run_until([&] { return two.closed.size() == 1; }));
  EXPECT_EQ(two.closed[0], "no hello in time");
}

TEST_F(PeerSessionTest, AMalformedHelloIsRefused) {
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

TEST_F(PeerSessionTest, AnOversizedFrameClosesOnlyThatConnection) {
  join();
  RawDialer bad(loop, two.listener->address());
  bad.send(head_of(UINT32_MAX));
  ASSERT_TRUE(loop.run_until([&] { return two.closed.size() == 1 && bad.ended(); }));
  EXPECT_NE(two.closed[0].find("a frame of 4294967295 bytes"), std::string::npos);
  EXPECT_TRUE(one.link->is_up());
  one.link->send(heartbeat(1, 2));
  EXPECT_TRUE(loop.run_until([&] { return two.received.size() == 1; }));
}

TEST_F(PeerSessionTest, ADamagedFrameClosesTheConnection) {
  two.listen();
  RawDialer bad(loop, two.listener->address());
  Bytes frame = frame_of(heartbeat(1, 2));
  frame.back() = static_cast<char>(frame.back() ^ 1);
  bad.send(frame);
  ASSERT_TRUE(loop.run_until([&] { return two.closed.size() == 1; }));
  EXPECT_EQ(two.closed[0], "a frame fails its checksum");
  EXPECT_TRUE(two.received.empty());
}

TEST_F(PeerSessionTest, AFrameMayArriveByteByByte) {
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

TEST_F(PeerSessionTest, AMessageInAnothersNameClosesTheConnection) {
  two.listen();
  RawDialer liar(loop, two.listener->address());
  liar.send(frame_of(heartbeat(3, 2)));
  ASSERT_TRUE(loop.run_until([&] { return two.closed.size() == 1; }));
  EXPECT_EQ(two.closed[0], "a message from node 3 to node 2 on a connection from node 1 to node 2");
  EXPECT_TRUE(two.received.empty());
}

}  // namespace
}  // namespace kvcluster::net
