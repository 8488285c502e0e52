#include "base/codec.hpp"

#include <gtest/gtest.h>

#include <limits>

namespace kvcluster {
namespace {

TEST(Codec, ValuesComeBack) {
  Bytes bytes;
  Encoder out(bytes);
  out.u8(7);
  out.u16(0x1234);
  out.u32(0xDEADBEEF);
  out.u64(0x0123456789ABCDEF);
  out.boolean(true);
  out.bytes("hello");
  Decoder in(bytes);
  EXPECT_EQ(in.u8(), 7);
  EXPECT_EQ(in.u16(), 0x1234);
  EXPECT_EQ(in.u32(), 0xDEADBEEF);
  EXPECT_EQ(in.u64(), 0x0123456789ABCDEFU);
  EXPECT_TRUE(in.boolean());
  EXPECT_EQ(in.bytes(), "hello");
  EXPECT_TRUE(in.finished());
}

TEST(Codec, FixedValuesAreLittleEndian) {
  Bytes bytes;
  Encoder(bytes).u32(0x01020304);
  EXPECT_EQ(bytes, Bytes("\x04\x03\x02\x01"));
}

TEST(Codec, VarintsComeBackAtEveryLength) {
  for (unsigned shift = 0; shift < 64; ++shift) {
    for (const std::uint64_t value : {(1ULL << shift) - 1, 1ULL << shift}) {
      Bytes bytes;
      Encoder(bytes).varint(value);
      Decoder in(bytes);
      EXPECT_EQ(in.varint(), value);
      EXPECT_TRUE(in.finished());
    }
  }
  Bytes bytes;
  Encoder(bytes).varint(std::numeric_limits<std::uint64_t>::max());
  EXPECT_EQ(bytes.size(), 10U);
  EXPECT_EQ(Decoder(bytes).varint(), std::numeric_limits<std::uint64_t>::max());
}

TEST(Codec, AVarintBeyondSixtyFourBitsIsBad) {
  const Bytes bytes = Bytes(9, '\xFF') + '\x02';
  Decoder in(bytes);
  EXPECT_EQ(in.varint(), 0U);
  EXPECT_FALSE(in.ok());
}

TEST(Codec, AVarintThatNeverEndsIsBad) {
  const Bytes bytes(20, '\x80');
  Decoder in(bytes);
  static_cast<void>(in.varint());
  EXPECT_FALSE(in.ok());
}

TEST(Codec, ReadingPastTheEndYieldsZeroAndStaysBad) {
  const Bytes bytes = "abc";
  Decoder in(bytes);
  EXPECT_EQ(in.u64(), 0U);
  EXPECT_FALSE(in.ok());
  EXPECT_EQ(in.u8(), 0) << "the bytes that are there are not handed out any more";
  EXPECT_EQ(in.remaining(), 0U);
  EXPECT_FALSE(in.finished());
}

TEST(Codec, ALengthBeyondTheInputTakesNothing) {
  Bytes bytes;
  Encoder(bytes).varint(std::numeric_limits<std::uint64_t>::max());
  bytes += "short";
  Decoder in(bytes);
  EXPECT_TRUE(in.bytes().empty());
  EXPECT_FALSE(in.ok());
}

TEST(Codec, ABooleanIsZeroOrOne) {
  const Bytes bytes = "\x02";
  Decoder in(bytes);
  EXPECT_FALSE(in.boolean());
  EXPECT_FALSE(in.ok());
}

TEST(Codec, UnreadBytesAreNoticed) {
  const Bytes bytes = "ab";
  Decoder in(bytes);
  in.u8();
  EXPECT_TRUE(in.ok());
  EXPECT_FALSE(in.finished());
}

}  // namespace
}  // namespace kvcluster
