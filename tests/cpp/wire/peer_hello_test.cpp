#include "wire/peer_hello.hpp"

#include <gtest/gtest.h>

#include <string>
#include <variant>

#include "base/crc32c.hpp"
#include "wire/random_peer_message.hpp"

namespace kvcluster::wire {
namespace {

replica::Hello a_hello() {
  replica::Hello hello;
  hello.from = NodeId(1);
  hello.to = NodeId(2);
  hello.client_address = "127.0.0.1:9001";
  hello.members = {NodeId(1), NodeId(2), NodeId(3)};
  return hello;
}

template <typename T>
Bytes encoded(const T& value) {
  Bytes out;
  encode(value, out);
  return out;
}

// With a checksum that fits the changed bytes.
Bytes resealed(Bytes greeting) {
  greeting.resize(greeting.size() - 4);
  const std::uint32_t crc = crc32c(greeting);
  greeting.append(reinterpret_cast<const char*>(&crc), sizeof(crc));
  return greeting;
}

TEST(PeerHello, ClassifiesTheWholeMagicAsAPeer) {
  EXPECT_EQ(classify(kPeerMagic), Speaker::kPeer);
  EXPECT_EQ(classify(encoded(a_hello())), Speaker::kPeer);
}

TEST(PeerHello, WaitsForTheRestOfTheMagic) {
  for (std::size_t size = 0; size < kPeerMagic.size(); ++size) {
    EXPECT_EQ(classify(kPeerMagic.substr(0, size)), Speaker::kNeedMore) << size << " bytes";
  }
}

TEST(PeerHello, ClassifiesEveryOtherFirstByteAsAClient) {
  for (int byte = 0; byte < 256; ++byte) {
    if (static_cast<char>(byte) == kPeerMagic.front()) continue;
    EXPECT_EQ(classify(std::string(1, static_cast<char>(byte))), Speaker::kClient) << byte;
  }
}

TEST(PeerHello, ClassifiesABrokenMagicAsAClient) {
  EXPECT_EQ(classify("\x1BKVPEEX"), Speaker::kClient);
  EXPECT_EQ(classify("\x1B["), Speaker::kClient);
}

TEST(PeerHello, ReadsBackEveryHello) {
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    const replica::Hello hello = RandomPeerMessage(seed).hello();
    const Bytes bytes = encoded(hello);
    const auto greeting = decode_greeting(bytes + "frames follow");
    ASSERT_TRUE(greeting && *greeting) << "seed " << seed;
    EXPECT_EQ((*greeting)->size, bytes.size()) << "seed " << seed;
    EXPECT_EQ(std::get<replica::Hello>((*greeting)->content), hello) << "seed " << seed;
  }
}

TEST(PeerHello, ReadsBackARefusal) {
  const Refusal refusal{RefusalCode::kWrongIdentity, "node 2 has lost its disk"};
  const auto greeting = decode_greeting(encoded(refusal));
  ASSERT_TRUE(greeting && *greeting);
  EXPECT_EQ(std::get<Refusal>((*greeting)->content), refusal);
}

TEST(PeerHello, CutsALongRefusal) {
  const auto greeting =
      decode_greeting(encoded(Refusal{RefusalCode::kNotNow, std::string(100'000, 'x')}));
  ASSERT_TRUE(greeting && *greeting);
  EXPECT_EQ(std::get<Refusal>((*greeting)->content).sentence.size(), 1024U);
}

TEST(PeerHello, NeedsMoreAtEveryByte) {
  const Bytes bytes = encoded(a_hello());
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    const auto greeting = decode_greeting(BytesView(bytes).substr(0, size));
    ASSERT_TRUE(greeting) << size << " bytes";
    EXPECT_FALSE(greeting->has_value()) << size << " bytes";
  }
}

TEST(PeerHello, RefusesEveryFlippedBit) {
  const Bytes bytes = encoded(a_hello());
  for (std::size_t bit = 0; bit < 8 * bytes.size(); ++bit) {
    Bytes flipped = bytes;
    flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << (bit % 8)));
    const auto greeting = decode_greeting(flipped);
    // A larger length waits for bytes that never come; everything else is refused at once.
    EXPECT_TRUE(!greeting || !*greeting) << "bit " << bit;
  }
}

TEST(PeerHello, NamesBothVersionsWhenTheyDiffer) {
  Bytes bytes = encoded(a_hello());
  bytes[kPeerMagic.size()] = 9;
  const auto greeting = decode_greeting(resealed(bytes));
  ASSERT_FALSE(greeting);
  EXPECT_EQ(greeting.error().code, ErrorCode::kVersionMismatch);
  EXPECT_NE(greeting.error().context.find("version 9"), std::string::npos);
  EXPECT_NE(greeting.error().context.find("version 1"), std::string::npos);
}

TEST(PeerHello, RefusesAClientThatAnswersRedis) {
  const auto greeting = decode_greeting("-ERR unknown command");
  ASSERT_FALSE(greeting);
  EXPECT_EQ(greeting.error().code, ErrorCode::kCorruption);
}

TEST(PeerHello, RefusesAHelloToItsOwnSender) {
  replica::Hello hello = a_hello();
  hello.to = hello.from;
  EXPECT_FALSE(decode_greeting(encoded(hello)));
}

TEST(PeerHello, RefusesAHelloFromNobody) {
  replica::Hello hello = a_hello();
  hello.from = kNoNode;
  EXPECT_FALSE(decode_greeting(encoded(hello)));
}

TEST(PeerHello, RefusesMembersOutOfOrder) {
  replica::Hello hello = a_hello();
  hello.members = {NodeId(2), NodeId(1)};
  EXPECT_FALSE(decode_greeting(encoded(hello)));
}

TEST(PeerHello, RefusesUnknownFlags) {
  Bytes bytes = encoded(a_hello());
  bytes[11 + 8 + 8 + 16 + 16 + 4] = 2;
  const auto greeting = decode_greeting(resealed(bytes));
  ASSERT_FALSE(greeting);
  EXPECT_EQ(greeting.error().code, ErrorCode::kCorruption);
}

TEST(PeerHello, RefusesALengthBeyondTheLimitBeforeItsBytesArrive) {
  Bytes bytes = encoded(a_hello());
  bytes[kPeerMagic.size() + 2] = '\xFF';
  bytes[kPeerMagic.size() + 3] = '\xFF';
  EXPECT_FALSE(decode_greeting(bytes));
}

}  // namespace
}  // namespace kvcluster::wire
