#include "kv/reply.hpp"

#include <gtest/gtest.h>

#include "base/random.hpp"

namespace kvcluster::kv {
namespace {

Reply every_kind() {
  return Reply::array({Reply::nil(), Reply::ok(), Reply::error("ERR no"), Reply::integer(INT64_MIN),
                       Reply{true}, Reply{false}, Reply{0.1}, Reply::bulk(std::string("\0x", 2)),
                       Reply::array({}), Reply::map({{Reply::simple("key"), Reply::integer(1)}}),
                       Reply::map_of_pairs({{Reply::bulk("key"), Reply::array({})}})});
}

Bytes encoded(const Reply& reply) {
  Bytes out;
  encode(reply, out);
  return out;
}

TEST(ReplyCodec, EveryKindComesBackAsItWas) {
  const auto decoded = decode_reply(encoded(every_kind()));
  ASSERT_TRUE(decoded);
  EXPECT_EQ(*decoded, every_kind());
}

TEST(ReplyCodec, RefusesEveryTruncation) {
  const Bytes whole = encoded(every_kind());
  for (std::size_t size = 0; size < whole.size(); ++size) {
    const auto decoded = decode_reply(BytesView(whole).substr(0, size));
    ASSERT_FALSE(decoded) << size;
    EXPECT_EQ(decoded.error().code, ErrorCode::kCorruption);
  }
}

TEST(ReplyCodec, RefusesBytesAfterTheEnd) {
  EXPECT_FALSE(decode_reply(encoded(Reply::ok()) + "x"));
}

TEST(ReplyCodec, RefusesAnUnknownKind) { EXPECT_FALSE(decode_reply("\x0a")); }

TEST(ReplyCodec, RefusesACountBeyondTheBytes) {
  EXPECT_FALSE(decode_reply("\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"));
}

TEST(ReplyCodec, RefusesNestingBeyondItsBound) {
  Bytes deep;
  for (int i = 0; i < 100'000; ++i) deep += "\x08\x01";
  EXPECT_FALSE(decode_reply(deep + '\0'));
}

TEST(ReplyCodec, RandomBytesNeverDoHarm) {
  const std::uint64_t seed = 7;
  Random random(seed);
  const Bytes whole = encoded(every_kind());
  for (int round = 0; round < 20'000; ++round) {
    Bytes changed = whole;
    changed[random.below(changed.size())] = static_cast<char>(random.below(256));
    if (const auto decoded = decode_reply(changed)) {
      EXPECT_TRUE(decode_reply(encoded(*decoded))) << "seed " << seed << " round " << round;
    }
  }
}

}  // namespace
}  // namespace kvcluster::kv
