#include "wire/resp_encoder.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <limits>
#include <string>
#include <vector>

namespace kvcluster::wire {
namespace {

using kv::Reply;

std::string resp2(const Reply& reply) {
  Bytes out;
  encode_reply(reply, RespVersion::kResp2, out);
  return out;
}

std::string resp3(const Reply& reply) {
  Bytes out;
  encode_reply(reply, RespVersion::kResp3, out);
  return out;
}

TEST(RespEncoder, WritesOk) { EXPECT_EQ(resp2(Reply::ok()), "+OK\r\n"); }

TEST(RespEncoder, WritesSimpleStrings) { EXPECT_EQ(resp2(Reply::simple("PONG")), "+PONG\r\n"); }

TEST(RespEncoder, WritesErrors) {
  EXPECT_EQ(resp2(Reply::error("ERR no such key")), "-ERR no such key\r\n");
}

TEST(RespEncoder, AnErrorCanNotForgeAReply) {
  EXPECT_EQ(resp2(Reply::error("ERR unknown command 'x\r\n+OK'")),
            "-ERR unknown command 'x  +OK'\r\n");
}

TEST(RespEncoder, ASimpleStringCanNotForgeAReply) {
  EXPECT_EQ(resp2(Reply::simple("a\n:1")), "+a :1\r\n");
}

TEST(RespEncoder, WritesTheWholeRangeOfIntegers) {
  EXPECT_EQ(resp2(Reply::integer(0)), ":0\r\n");
  EXPECT_EQ(resp2(Reply::integer(std::numeric_limits<std::int64_t>::min())),
            ":-9223372036854775808\r\n");
  EXPECT_EQ(resp2(Reply::integer(std::numeric_limits<std::int64_t>::max())),
            ":9223372036854775807\r\n");
}

TEST(RespEncoder, WritesBulkStringsAsTheyAre) {
  EXPECT_EQ(resp2(Reply::bulk("a\r\nb")), "$4\r\na\r\nb\r\n");
  EXPECT_EQ(resp2(Reply::bulk("")), "$0\r\n\r\n");
}

TEST(RespEncoder, WritesNilAsEachVersionHasIt) {
  EXPECT_EQ(resp2(Reply::nil()), "$-1\r\n");
  EXPECT_EQ(resp3(Reply::nil()), "_\r\n");
}

TEST(RespEncoder, WritesBooleansAsIntegersInResp2) {
  EXPECT_EQ(resp2(Reply{true}), ":1\r\n");
  EXPECT_EQ(resp2(Reply{false}), ":0\r\n");
  EXPECT_EQ(resp3(Reply{true}), "#t\r\n");
  EXPECT_EQ(resp3(Reply{false}), "#f\r\n");
}

TEST(RespEncoder, WritesDoublesShortestAndAsBulkStringsInResp2) {
  EXPECT_EQ(resp3(Reply{0.1}), ",0.1\r\n");
  EXPECT_EQ(resp2(Reply{0.1}), "$3\r\n0.1\r\n");
}

TEST(RespEncoder, WritesDoublesThatAreNoNumbers) {
  EXPECT_EQ(resp3(Reply{std::numeric_limits<double>::infinity()}), ",inf\r\n");
  EXPECT_EQ(resp3(Reply{-std::numeric_limits<double>::infinity()}), ",-inf\r\n");
  EXPECT_EQ(resp3(Reply{std::numeric_limits<double>::quiet_NaN()}), ",nan\r\n");
}

TEST(RespEncoder, WritesNestedArrays) {
  EXPECT_EQ(resp2(Reply::array({Reply::integer(1), Reply::array({}), Reply::nil()})),
            "*3\r\n:1\r\n*0\r\n$-1\r\n");
}

TEST(RespEncoder, WritesMapsFlatInResp2) {
  const Reply map = Reply::map({{Reply::bulk("a"), Reply::integer(1)}});
  EXPECT_EQ(resp2(map), "*2\r\n$1\r\na\r\n:1\r\n");
  EXPECT_EQ(resp3(map), "%1\r\n$1\r\na\r\n:1\r\n");
}

TEST(RespEncoder, WritesMapsOfPairsAsPairsInResp2) {
  const Reply map = Reply::map_of_pairs({{Reply::bulk("a"), Reply::integer(1)}});
  EXPECT_EQ(resp2(map), "*1\r\n*2\r\n$1\r\na\r\n:1\r\n");
  EXPECT_EQ(resp3(map), "%1\r\n$1\r\na\r\n:1\r\n");
}

TEST(RespEncoder, WritesTheHeadOfAPush) {
  Bytes out;
  encode_push_head(2, out);
  EXPECT_EQ(out, ">2\r\n");
}

TEST(RespEncoder, AppendsToWhatIsThere) {
  Bytes out = "+A\r\n";
  encode_ok(out);
  encode_bulk("b", out);
  EXPECT_EQ(out, "+A\r\n+OK\r\n$1\r\nb\r\n");
}

TEST(RespEncoder, WritesCommandsAsArraysOfBulkStrings) {
  Bytes out;
  encode_command(std::vector<BytesView>{"GET", "k"}, out);
  EXPECT_EQ(out, "*2\r\n$3\r\nGET\r\n$1\r\nk\r\n");
}

}  // namespace
}  // namespace kvcluster::wire
