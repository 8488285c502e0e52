#include "client/reply_text.hpp"

#include <gtest/gtest.h>

namespace kvcluster::client {
namespace {

using kv::Reply;

TEST(ReplyText, ShowsNilAsRedisDoes) { EXPECT_EQ(to_text(Reply::nil(), Shape::kPlain), "(nil)"); }

TEST(ReplyText, ShowsAByteStringAsItIs) {
  EXPECT_EQ(to_text(Reply::bulk("a b"), Shape::kPlain), "a b");
}

TEST(ReplyText, ShowsItemsOnLines) {
  EXPECT_EQ(to_text(Reply::array({Reply::integer(1), Reply::nil()}), Shape::kPlain), "1\n(nil)");
}

TEST(ReplyText, ShowsRowsOnOneLineEach) {
  const auto row = Reply::array({Reply::bulk("k"), Reply::bulk("v"), Reply::integer(7)});
  EXPECT_EQ(to_text(Reply::array({row, row}), Shape::kPlain), "k v 7\nk v 7");
}

TEST(ReplyText, ShowsAFlatMapAsPairs) {
  const auto flat = Reply::array(
      {Reply::bulk("role"), Reply::bulk("leader"), Reply::bulk("term"), Reply::integer(3)});
  EXPECT_EQ(to_text(flat, Shape::kPairs), "role: leader\nterm: 3");
}

TEST(ReplyText, ShowsAMapAsPairsAndIndentsWhatIsInside) {
  const auto map = Reply::map({{Reply::bulk("members"), Reply::array({Reply::integer(1)})}});
  EXPECT_EQ(to_text(map, Shape::kPlain), "members:\n  1");
}

TEST(ReplyJson, IsOneObject) {
  EXPECT_EQ(to_json(Reply::bulk("v"), Shape::kPlain), R"({"ok":true,"result":"v"})");
  EXPECT_EQ(to_json(Reply::nil(), Shape::kPlain), R"({"ok":true,"result":null})");
}

TEST(ReplyJson, MakesAnObjectOfAFlatMap) {
  const auto flat = Reply::array({Reply::bulk("term"), Reply::integer(3)});
  EXPECT_EQ(to_json(flat, Shape::kPairs), R"({"ok":true,"result":{"term":3}})");
}

TEST(ReplyJson, WritesBytesThatAreNoTextInHex) {
  EXPECT_EQ(to_json(Reply::bulk("\xff\x01"), Shape::kPlain),
            R"({"ok":true,"result":{"hex":"ff01"}})");
}

TEST(ReplyJson, TellsAnError) {
  EXPECT_EQ(error_json("not applied", "no \"node\""),
            R"({"ok":false,"outcome":"not applied","error":"no \"node\""})");
}

}  // namespace
}  // namespace kvcluster::client
