#include "client/kv_client_commands.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <CLI/CLI.hpp>

namespace kvcluster::client {
namespace {

using testing::ElementsAre;

Request parse(const std::string& line) {
  CLI::App app;
  Request chosen;
  add_commands(app, chosen);
  app.parse(line);
  return chosen;
}

TEST(KvClientCommands, PutIsAWriteThatIsNotRepeated) {
  const Request request = parse("put k v");
  EXPECT_THAT(request.args, ElementsAre("SET", "k", "v"));
  EXPECT_TRUE(request.is_write);
  EXPECT_EQ(request.repeat, Repeat::kNever);
}

TEST(KvClientCommands, PutMayLimitTheTimeToLive) {
  EXPECT_THAT(parse("put k v --ttl-ms 500").args, ElementsAre("SET", "k", "v", "PX", "500"));
}

TEST(KvClientCommands, GetIsAReadThatMayBeRepeated) {
  const Request request = parse("get k");
  EXPECT_THAT(request.args, ElementsAre("GET", "k"));
  EXPECT_EQ(request.repeat, Repeat::kSafe);
}

TEST(KvClientCommands, GetMayShowTheRevision) {
  EXPECT_THAT(parse("get --revision k").args, ElementsAre("KV.GET", "k"));
}

TEST(KvClientCommands, DelTakesSeveralKeys) {
  EXPECT_THAT(parse("del a b").args, ElementsAre("DEL", "a", "b"));
}

TEST(KvClientCommands, IncrAddsOneUnlessTold) {
  EXPECT_THAT(parse("incr k").args, ElementsAre("INCRBY", "k", "1"));
  EXPECT_THAT(parse("incr k 5").args, ElementsAre("INCRBY", "k", "5"));
}

TEST(KvClientCommands, CasNamesARevision) {
  EXPECT_THAT(parse("cas k 17 v").args, ElementsAre("KV.CAS", "k", "17", "v"));
}

TEST(KvClientCommands, RangeEndsWithTheLastKeyUnlessTold) {
  EXPECT_THAT(parse("range a").args, ElementsAre("KV.RANGE", "a", ""));
  EXPECT_THAT(parse("range a b --limit 3").args, ElementsAre("KV.RANGE", "a", "b", "LIMIT", "3"));
}

TEST(KvClientCommands, StatusIsAMap) { EXPECT_EQ(parse("status").shape, Shape::kPairs); }

TEST(KvClientCommands, RefusesAnUnknownCommand) {
  EXPECT_THROW(parse("frobnicate"), CLI::ParseError);
}

TEST(KvClientCommands, RefusesAMissingWord) { EXPECT_THROW(parse("put k"), CLI::ParseError); }

TEST(KvClientCommands, ASessionMakesAWriteRepeatable) {
  const Request request = in_session({.client_id = "till", .sequence = 4}, parse("incr k"));
  EXPECT_THAT(request.args, ElementsAre("KV.ONCE", "till", "4", "INCRBY", "k", "1"));
  EXPECT_EQ(request.repeat, Repeat::kSafe);
}

TEST(KvClientCommands, NilAndACountOfZeroAreNotFound) {
  EXPECT_TRUE(is_not_found(parse("get k"), kv::Reply::nil()));
  EXPECT_TRUE(is_not_found(parse("del k"), kv::Reply::integer(0)));
  EXPECT_FALSE(is_not_found(parse("del k"), kv::Reply::integer(1)));
  EXPECT_FALSE(is_not_found(parse("incr k"), kv::Reply::integer(0)));
}

}  // namespace
}  // namespace kvcluster::client
