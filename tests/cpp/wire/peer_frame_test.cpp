#include "wire/peer_frame.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/codec.hpp"
#include "base/crc32c.hpp"
#include "wire/random_peer_message.hpp"

namespace kvcluster::wire {
namespace {

using Added = PeerFrameBuilder::Added;
using replica::PeerMessage;

Bytes frame_of(const std::vector<PeerMessage>& messages) {
  PeerFrameBuilder builder;
  for (const PeerMessage& message : messages) EXPECT_EQ(builder.add(message), Added::kYes);
  return builder.finish();
}

Result<std::vector<PeerMessage>> decode(BytesView frame) {
  const auto head = decode_frame_head(frame.substr(0, kFrameHeadBytes));
  if (!head) return std::unexpected(head.error());
  const BytesView content = frame.substr(kFrameHeadBytes);
  if (content.size() != head->length) return fail(ErrorCode::kClosed, "cut short");
  return decode_frame(*head, std::make_shared<const Bytes>(content));
}

// A frame around a body, with checksums that fit.
Bytes framed(BytesView body, char kind = 1) {
  const Bytes content = kind + Bytes(body);
  Bytes frame;
  Encoder(frame).u32(static_cast<std::uint32_t>(content.size()));
  const std::uint32_t of_length = crc32c(frame);
  Encoder(frame).u32(of_length);
  Encoder(frame).u32(crc32c(content, of_length));
  return frame + content;
}

raft::Message append(std::vector<raft::Entry> entries, raft::EntryId prev) {
  raft::AppendEntries body;
  body.prev = prev;
  body.entries = std::move(entries);
  return {NodeId(1), NodeId(2), Term(5), std::move(body)};
}

raft::Entry entry(std::uint64_t term, std::uint64_t index, const std::string& payload = "x") {
  return {Term(term), Index(index), raft::EntryKind::kCommand, Slice::copy_of(payload)};
}

TEST(PeerFrame, ReadsBackEveryKindOfMessage) {
  for (std::uint64_t kind = 0; kind < kMessageKinds; ++kind) {
    for (std::uint64_t seed = 1; seed <= 100; ++seed) {
      const PeerMessage message = RandomPeerMessage(seed).of_kind(kind);
      const auto decoded = decode(frame_of({message}));
      ASSERT_TRUE(decoded) << "kind " << kind << ", seed " << seed << ": "
                           << decoded.error().context;
      ASSERT_EQ(decoded->size(), 1U) << "kind " << kind << ", seed " << seed;
      ASSERT_TRUE(decoded->front() == message) << "kind " << kind << ", seed " << seed;
    }
  }
}

TEST(PeerFrame, ReadsBackBatchesInOrder) {
  for (std::uint64_t seed = 1; seed <= 50; ++seed) {
    RandomPeerMessage random(seed);
    std::vector<PeerMessage> messages;
    messages.reserve(30);
    for (int i = 0; i < 30; ++i) messages.push_back(random.next());
    const auto decoded = decode(frame_of(messages));
    ASSERT_TRUE(decoded) << "seed " << seed;
    ASSERT_TRUE(*decoded == messages) << "seed " << seed;
  }
}

TEST(PeerFrame, PayloadsShareTheReceivedBuffer) {
  const Bytes frame = frame_of({append({entry(5, 8, "payload")}, {Term(5), Index(7)})});
  const auto content = std::make_shared<const Bytes>(frame.substr(kFrameHeadBytes));
  const auto decoded = decode_frame(*decode_frame_head(frame.substr(0, kFrameHeadBytes)), content);
  ASSERT_TRUE(decoded);
  const auto& message = std::get<raft::Message>(decoded->front());
  const BytesView payload = std::get<raft::AppendEntries>(message.body).entries[0].payload.view();
  EXPECT_EQ(payload, "payload");
  EXPECT_GE(payload.data(), content->data());
  EXPECT_LE(payload.data() + payload.size(), content->data() + content->size());
}

TEST(PeerFrame, PayloadsOutliveTheFrame) {
  Slice payload;
  {
    const auto decoded = decode(frame_of({append({entry(5, 8, "payload")}, {Term(5), Index(7)})}));
    ASSERT_TRUE(decoded);
    const auto& message = std::get<raft::Message>(decoded->front());
    payload = std::get<raft::AppendEntries>(message.body).entries[0].payload;
  }
  EXPECT_EQ(payload.view(), "payload");
}

TEST(PeerFrame, RefusesEveryFlippedBit) {
  RandomPeerMessage random(7);
  const Bytes frame = frame_of({random.of_kind(2), random.of_kind(7)});
  for (std::size_t bit = 0; bit < 8 * frame.size(); ++bit) {
    Bytes flipped = frame;
    flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << (bit % 8)));
    EXPECT_FALSE(decode(flipped)) << "bit " << bit;
  }
}

TEST(PeerFrame, RefusesBodiesCutAtEveryByte) {
  for (std::uint64_t kind = 0; kind < kMessageKinds; ++kind) {
    for (std::uint64_t seed = 1; seed <= 10; ++seed) {
      const Bytes frame = frame_of({RandomPeerMessage(seed).of_kind(kind)});
      const BytesView body = BytesView(frame).substr(kFrameHeadBytes + 1);
      for (std::size_t size = 1; size < body.size(); ++size) {
        const auto decoded = decode(framed(body.substr(0, size)));
        ASSERT_FALSE(decoded) << "kind " << kind << ", seed " << seed << ", " << size << " bytes";
      }
    }
  }
}

TEST(PeerFrame, SurvivesChangedBytesUnderAChecksumThatFits) {
  for (std::uint64_t seed = 1; seed <= 2000; ++seed) {
    Random random(seed);
    const Bytes frame = frame_of({RandomPeerMessage(seed).next(), RandomPeerMessage(~seed).next()});
    Bytes body = frame.substr(kFrameHeadBytes + 1);
    for (std::uint64_t n = random.between(1, 4); n > 0; --n) {
      body[random.below(body.size())] = static_cast<char>(random.below(256));
    }
    // Whatever is read can be written again: nothing out of range came in.
    if (const auto decoded = decode(framed(body))) {
      const auto again = decode(frame_of(*decoded));
      ASSERT_TRUE(again) << "seed " << seed;
      ASSERT_TRUE(*again == *decoded) << "seed " << seed;
    }
  }
}

TEST(PeerFrame, RefusesBytesAfterTheLastMessage) {
  Bytes body = frame_of({RandomPeerMessage(1).of_kind(6)}).substr(kFrameHeadBytes + 1);
  body += '\0';
  EXPECT_FALSE(decode(framed(body)));
}

TEST(PeerFrame, RefusesAnUnknownKindOfFrame) {
  const auto decoded = decode(framed("x", 2));
  ASSERT_FALSE(decoded);
  EXPECT_EQ(decoded.error().code, ErrorCode::kCorruption);
}

TEST(PeerFrame, RefusesAnUnknownTypeOfMessage) {
  const auto decoded = decode(framed("\xC8"));
  ASSERT_FALSE(decoded);
  EXPECT_EQ(decoded.error().context, "a message from a peer: unknown type 200");
}

TEST(PeerFrame, RefusesALengthBeyondTheLimitByTheHeadAlone) {
  Bytes head;
  Encoder(head).u32(static_cast<std::uint32_t>(kMaxFrameBytes + 1));
  const std::uint32_t crc = crc32c(head);
  Encoder(head).u32(crc);
  Encoder(head).u32(0);
  const auto decoded = decode_frame_head(head);
  ASSERT_FALSE(decoded);
  EXPECT_EQ(decoded.error().code, ErrorCode::kCorruption);
}

// Otherwise the rest of a frame that never comes would be waited for, while later frames fill it.
TEST(PeerFrame, FindsAnyFlippedBitOfTheLengthByTheHeadAlone) {
  const Bytes whole = frame_of({RandomPeerMessage(1).of_kind(6)});
  for (std::size_t bit = 0; bit < 32; ++bit) {
    Bytes head = whole.substr(0, kFrameHeadBytes);
    head[bit / 8] = static_cast<char>(head[bit / 8] ^ (1 << (bit % 8)));
    EXPECT_FALSE(decode_frame_head(head)) << "bit " << bit;
  }
}

TEST(PeerFrame, RefusesAFrameWithoutContent) {
  EXPECT_FALSE(decode_frame_head(Bytes(kFrameHeadBytes, '\0')));
}

TEST(PeerFrame, RefusesEntriesWithAGap) {
  EXPECT_FALSE(decode(frame_of({append({entry(5, 8), entry(5, 10)}, {Term(5), Index(7)})})));
}

TEST(PeerFrame, RefusesEntriesThatDoNotFollowTheirPrevious) {
  EXPECT_FALSE(decode(frame_of({append({entry(5, 9)}, {Term(5), Index(7)})})));
}

TEST(PeerFrame, RefusesTermsThatGoDown) {
  EXPECT_FALSE(decode(frame_of({append({entry(5, 8), entry(4, 9)}, {Term(4), Index(7)})})));
}

TEST(PeerFrame, RefusesIndicesThatWrapAround) {
  EXPECT_FALSE(decode(frame_of({append({entry(5, 0)}, {Term(5), Index(UINT64_MAX)})})));
}

TEST(PeerFrame, RefusesMoreEntriesThanItsBytesCouldHold) {
  Bytes body;
  Encoder encoder(body);
  encoder.u8(3);
  for (int i = 0; i < 3 + 4; ++i) encoder.varint(1);  // addresses, term; prev, commit, read round
  encoder.varint(1'000'000'000'000);
  const auto decoded = decode(framed(body));
  ASSERT_FALSE(decoded);
  EXPECT_EQ(decoded.error().context, "a message from a peer: more entries than bytes");
}

TEST(PeerFrame, RefusesAnUnknownKindOfEntry) {
  Bytes body =
      frame_of({append({entry(5, 8, "")}, {Term(5), Index(7)})}).substr(kFrameHeadBytes + 1);
  body[body.size() - 21] = 4;
  const auto decoded = decode(framed(body));
  ASSERT_FALSE(decoded);
  EXPECT_EQ(decoded.error().context, "a message from a peer: an entry of unknown kind 4");
}

TEST(PeerFrame, RefusesMoreMessagesThanTheLimit) {
  const Bytes one = frame_of({RandomPeerMessage(1).of_kind(6)}).substr(kFrameHeadBytes + 1);
  Bytes body;
  for (std::size_t i = 0; i < kMaxFrameMessages; ++i) body += one;
  EXPECT_TRUE(decode(framed(body)));
  const auto decoded = decode(framed(body + one));
  ASSERT_FALSE(decoded);
  EXPECT_EQ(decoded.error().context, "a frame of too many messages");
}

TEST(PeerFrameBuilder, IsFullAtTheLimitOfMessages) {
  PeerFrameBuilder builder;
  const PeerMessage message = RandomPeerMessage(1).of_kind(6);
  for (std::size_t i = 0; i < kMaxFrameMessages; ++i) ASSERT_EQ(builder.add(message), Added::kYes);
  EXPECT_EQ(builder.add(message), Added::kFull);
  EXPECT_TRUE(decode(builder.finish()));
}

TEST(PeerFrameBuilder, IsFullAtTheLimitOfBytesAndKeepsWhatItHas) {
  PeerFrameBuilder builder(100);
  const PeerMessage message = replica::Forward{1, 1, true, Slice::copy_of(std::string(60, 'x'))};
  ASSERT_EQ(builder.add(message), Added::kYes);
  EXPECT_EQ(builder.add(message), Added::kFull);
  const auto decoded = decode(builder.finish());
  ASSERT_TRUE(decoded);
  EXPECT_TRUE(*decoded == std::vector{message});
}

TEST(PeerFrameBuilder, TakesTheLastMessageBackAndKeepsTheOthers) {
  PeerFrameBuilder builder;
  const PeerMessage kept = replica::Forward{1, 1, true, Slice::copy_of("kept")};
  const PeerMessage last = replica::Forward{2, 1, true, Slice::copy_of("taken back")};
  ASSERT_EQ(builder.add(last), Added::kYes);
  builder.take_back();
  EXPECT_TRUE(builder.empty());
  ASSERT_EQ(builder.add(kept), Added::kYes);
  ASSERT_EQ(builder.add(last), Added::kYes);
  builder.take_back();
  const auto decoded = decode(builder.finish());
  ASSERT_TRUE(decoded);
  EXPECT_TRUE(*decoded == std::vector{kept});
}

TEST(PeerFrameBuilder, RefusesAMessageThatNoFrameCanHold) {
  PeerFrameBuilder builder(100);
  for (const std::size_t size : {std::size_t{96}, std::size_t{200}}) {
    EXPECT_EQ(builder.add(replica::Forward{1, 1, true, Slice::copy_of(std::string(size, 'x'))}),
              Added::kTooLarge);
  }
  EXPECT_TRUE(builder.empty());
}

TEST(PeerFrameBuilder, StartsAnewAfterAFinishedFrame) {
  PeerFrameBuilder builder;
  const PeerMessage first = RandomPeerMessage(1).next();
  const PeerMessage second = RandomPeerMessage(2).next();
  ASSERT_EQ(builder.add(first), Added::kYes);
  ASSERT_TRUE(decode(builder.finish()));
  EXPECT_TRUE(builder.empty());
  ASSERT_EQ(builder.add(second), Added::kYes);
  const auto decoded = decode(builder.finish());
  ASSERT_TRUE(decoded);
  EXPECT_TRUE(*decoded == std::vector{second});
}

}  // namespace
}  // namespace kvcluster::wire
