// XADD, XLEN, XRANGE, XREVRANGE, XREAD, XTRIM, XINFO, and what other commands do to streams.
#include <algorithm>

#include "kv/machine_fixture.hpp"
#include "kv/stream.hpp"

namespace kvcluster::kv {
namespace {

constexpr const char* kWrongType =
    "-WRONGTYPE Operation against a key holding the wrong kind of value";

class StreamCommands : public ::testing::Test {
 public:
  ~StreamCommands() override { EXPECT_TRUE(machine.hash_is_exact()); }

 protected:
  std::string run(const Words& words) { return machine.run(words); }
  void add(const std::string& key, int count) {
    for (int i = 0; i < count; ++i) run({"XADD", key, "*", "n", std::to_string(i)});
  }
  std::uint64_t elements() {
    std::uint64_t count = 0;
    machine.table.scan(Space::kStream, "", [&](BytesView, BytesView) { return ++count > 0; });
    return count;
  }
  Machine machine;
};

TEST_F(StreamCommands, IdsCountTheMessages) {
  EXPECT_EQ(run({"XADD", "room", "*", "text", "hello"}), "\"1-0\"");
  EXPECT_EQ(run({"XADD", "room", "*", "text", "again", "from", "ann"}), "\"2-0\"");
  EXPECT_EQ(run({"XLEN", "room"}), "2");
  EXPECT_EQ(run({"XLEN", "nowhere"}), "0");
  EXPECT_EQ(run({"XRANGE", "room", "-", "+"}),
            "[[\"1-0\" [\"text\" \"hello\"]] [\"2-0\" [\"text\" \"again\" \"from\" \"ann\"]]]");
}

TEST_F(StreamCommands, AnIdIsTheNextOneOrAnError) {
  EXPECT_EQ(run({"XADD", "room", "1", "a", "b"}), "\"1-0\"");
  EXPECT_EQ(run({"XADD", "room", "2-0", "a", "b"}), "\"2-0\"");
  EXPECT_TRUE(run({"XADD", "room", "4-0", "a", "b"})
                  .starts_with("-ERR the next id of this stream"
                               " is 3-0"));
  EXPECT_TRUE(run({"XADD", "room", "2-0", "a", "b"}).starts_with("-ERR the next id"));
  EXPECT_TRUE(run({"XADD", "room", "3-1", "a", "b"}).starts_with("-ERR ids are contiguous"));
  EXPECT_TRUE(run({"XADD", "room", "0", "a", "b"}).starts_with("-ERR The ID specified in XADD"));
  EXPECT_TRUE(run({"XADD", "room", "x", "a", "b"}).starts_with("-ERR Invalid stream ID"));
  EXPECT_EQ(run({"XLEN", "room"}), "2");
}

TEST_F(StreamCommands, FieldsComeInPairs) {
  const char* const arity = "-ERR wrong number of arguments for 'xadd' command";
  EXPECT_EQ(run({"XADD", "room", "*", "a", "b", "c"}), arity);
  EXPECT_EQ(run({"XADD", "room", "MAXLEN", "3", "*"}), arity);
  EXPECT_EQ(run({"XADD", "room", "*", "", ""}), "\"1-0\"");
  EXPECT_EQ(run({"XRANGE", "room", "1", "1"}), "[[\"1-0\" [\"\" \"\"]]]");
}

TEST_F(StreamCommands, NoMkStreamLeavesAMissingStreamMissing) {
  EXPECT_EQ(run({"XADD", "room", "NOMKSTREAM", "*", "a", "b"}), "nil");
  EXPECT_EQ(run({"EXISTS", "room"}), "0");
  add("room", 1);
  EXPECT_EQ(run({"XADD", "room", "NOMKSTREAM", "*", "a", "b"}), "\"2-0\"");
}

TEST_F(StreamCommands, MaxlenTrimsTheOldest) {
  add("room", 10);
  EXPECT_EQ(run({"XADD", "room", "MAXLEN", "3", "*", "n", "x"}), "\"11-0\"");
  EXPECT_EQ(run({"XLEN", "room"}), "3");
  EXPECT_EQ(run({"XRANGE", "room", "-", "+", "COUNT", "1"}), "[[\"9-0\" [\"n\" \"8\"]]]");
  EXPECT_EQ(elements(), 3U);
  EXPECT_EQ(run({"XADD", "room", "MAXLEN", "=", "0", "*", "n", "x"}), "\"12-0\"");
  EXPECT_EQ(run({"XLEN", "room"}), "0");
  EXPECT_EQ(run({"EXISTS", "room"}), "1");
  EXPECT_EQ(run({"XADD", "room", "*", "n", "x"}), "\"13-0\"");
  EXPECT_TRUE(run({"XADD", "room", "MAXLEN", "-1", "*", "n", "x"}).starts_with("-ERR The MAXLEN"));
  EXPECT_TRUE(run({"XADD", "room", "MINID", "3", "*", "n", "x"}).starts_with("-ERR MINID is not"));
}

TEST_F(StreamCommands, AboutSoManyTrimsABoundedNumberAtATime) {
  add("room", 200);
  EXPECT_EQ(run({"XTRIM", "room", "MAXLEN", "~", "10"}), "64");
  EXPECT_EQ(run({"XADD", "room", "MAXLEN", "~", "10", "*", "n", "x"}), "\"201-0\"");
  EXPECT_EQ(run({"XLEN", "room"}), "73");
  EXPECT_EQ(run({"XTRIM", "room", "MAXLEN", "10"}), "63");
  EXPECT_EQ(run({"XTRIM", "room", "MAXLEN", "10"}), "0");
  EXPECT_EQ(run({"XTRIM", "nowhere", "MAXLEN", "10"}), "0");
  EXPECT_EQ(run({"XTRIM", "room", "MAXLEN", "10", "LIMIT", "1"}), "-ERR syntax error");
  EXPECT_EQ(elements(), 10U);
}

TEST_F(StreamCommands, RangesAreInclusiveUnlessTheySayOtherwise) {
  add("room", 5);
  const auto ids = [&](const Words& words) {
    const std::string shown_reply = run(words);
    std::string found;
    for (std::size_t at = shown_reply.find("-0\""); at != std::string::npos;
         at = shown_reply.find("-0\"", at + 1)) {
      found += shown_reply[at - 1];
    }
    return found;
  };
  EXPECT_EQ(ids({"XRANGE", "room", "2", "4"}), "234");
  EXPECT_EQ(ids({"XRANGE", "room", "(2", "(4"}), "3");
  EXPECT_EQ(ids({"XRANGE", "room", "2-0", "4-5"}), "234");
  EXPECT_EQ(ids({"XRANGE", "room", "2-1", "(4-1"}), "34");
  EXPECT_EQ(ids({"XRANGE", "room", "(2-3", "+"}), "345");
  EXPECT_EQ(ids({"XRANGE", "room", "-", "-"}), "");
  EXPECT_EQ(ids({"XRANGE", "room", "+", "-"}), "");
  EXPECT_EQ(ids({"XRANGE", "room", "4", "2"}), "");
  EXPECT_EQ(ids({"XRANGE", "room", "0", "9223372036854775807"}), "12345");
  EXPECT_EQ(ids({"XRANGE", "room", "-", "+", "COUNT", "2"}), "12");
  EXPECT_EQ(ids({"XREVRANGE", "room", "+", "-"}), "54321");
  EXPECT_EQ(ids({"XREVRANGE", "room", "(5", "2", "COUNT", "2"}), "43");
  EXPECT_EQ(run({"XRANGE", "nowhere", "-", "+"}), "[]");
  EXPECT_TRUE(run({"XRANGE", "room", "a", "+"}).starts_with("-ERR Invalid stream ID"));
  EXPECT_TRUE(run({"XRANGE", "room", "-", "+", "COUNT", "0"}).starts_with("-ERR COUNT must be"));
  EXPECT_EQ(run({"XRANGE", "room", "-", "+", "LIMIT", "2"}), "-ERR syntax error");
  EXPECT_EQ(run({"XRANGE", "room", "(9223372036854775807", "+"}),
            "-ERR invalid start ID for the interval");
}

TEST_F(StreamCommands, ARangeOfTooManyAsksForACount) {
  add("room", 5);
  Bytes encoded;
  ASSERT_TRUE(encode_words({"XRANGE", "room", "-", "+"}, encoded, {.max_range_items = 4}));
  EXPECT_EQ(shown(machine.state.read(encoded, 0)), "-ERR more than 4 messages: give a COUNT");
}

TEST_F(StreamCommands, ReadGoesOnAfterAnId) {
  add("a", 3);
  add("b", 1);
  EXPECT_EQ(run({"XREAD", "STREAMS", "a", "1"}),
            "{\"a\":[[\"2-0\" [\"n\" \"1\"]] [\"3-0\" [\"n\" \"2\"]]]}");
  EXPECT_EQ(run({"XREAD", "COUNT", "1", "STREAMS", "a", "b", "none", "0", "0-0", "0"}),
            "{\"a\":[[\"1-0\" [\"n\" \"0\"]]] \"b\":[[\"1-0\" [\"n\" \"0\"]]]}");
  EXPECT_EQ(run({"XREAD", "STREAMS", "a", "3-0"}), "nil");
  EXPECT_EQ(run({"XREAD", "STREAMS", "a", "$"}), "nil");
  EXPECT_EQ(run({"XREAD", "BLOCK", "100", "STREAMS", "a", "99"}), "nil") << "as without BLOCK";
}

TEST_F(StreamCommands, ReadAfterATrimBeginsWithTheOldestThatIsLeft) {
  add("room", 9);
  run({"XTRIM", "room", "MAXLEN", "1"});
  EXPECT_EQ(run({"XREAD", "STREAMS", "room", "2"}), "{\"room\":[[\"9-0\" [\"n\" \"8\"]]]}");
}

TEST_F(StreamCommands, MalformedReadsAreRefused) {
  EXPECT_TRUE(run({"XREAD", "STREAMS", "a", "b", "0"}).starts_with("-ERR Unbalanced 'xread'"));
  EXPECT_EQ(run({"XREAD", "COUNT", "1", "a", "0"}), "-ERR syntax error");
  EXPECT_EQ(run({"XREAD", "BLOCK", "-1", "STREAMS", "a", "0"}), "-ERR timeout is negative");
  EXPECT_EQ(run({"XREAD", "BLOCK", "x", "STREAMS", "a", "0"}),
            "-ERR timeout is not an integer or out of range");
  EXPECT_TRUE(run({"XREAD", "STREAMS", "a", ">"}).starts_with("-ERR The > ID can be"));
  EXPECT_TRUE(run({"XREAD", "STREAMS", "a", "-1"}).starts_with("-ERR Invalid stream ID"));
  Words many = {"XREAD", "STREAMS"};
  for (int i = 0; i < 257; ++i) many.push_back("key:" + std::to_string(i));
  for (int i = 0; i < 257; ++i) many.emplace_back("0");
  EXPECT_EQ(run(many), "-ERR an XREAD of 257 streams: the limit is 256");
}

TEST_F(StreamCommands, ABlockingReadAnswersWithItsPositions) {
  add("a", 3);
  const Words words = {"XREAD", "BLOCK", "0", "COUNT", "7", "STREAMS", "a", "b", "$", "5"};
  Bytes encoded;
  const auto info =
      encode_blocking_request(std::vector<BytesView>(words.begin(), words.end()), {}, encoded);
  ASSERT_TRUE(info);
  EXPECT_EQ(info->block_ms, 0);
  EXPECT_EQ(info->key, "a");
  EXPECT_EQ(shown(machine.state.read(encoded, 0)), "[3 5]");
  EXPECT_EQ(streams_of_read(encoded), (std::vector<BytesView>{"a", "b"}));
  Bytes resumed;
  encode_resumed_read(encoded, std::vector<std::uint64_t>{3, 5}, resumed);
  EXPECT_EQ(shown(machine.state.read(resumed, 0)), "nil");
  add("a", 1);
  EXPECT_EQ(shown(machine.state.read(resumed, 0)), "{\"a\":[[\"4-0\" [\"n\" \"0\"]]]}");
}

TEST_F(StreamCommands, AReplyIsBoundedAndTheReaderGoesOn) {
  const std::string megabyte(1U << 20U, 'x');
  for (int i = 0; i < 6; ++i) run({"XADD", "room", "*", "data", megabyte.substr(0, 1'000'000)});
  Bytes encoded;
  ASSERT_TRUE(encode_words({"XREAD", "STREAMS", "room", "0"}, encoded));
  const Reply page = machine.state.read(encoded, 0);
  const auto& messages = std::get<Array>(std::get<Map>(page.value).items[0].second.value).items;
  EXPECT_EQ(messages.size(), 4U);
  EXPECT_TRUE(run({"XADD", "room", "*", "data", megabyte}).starts_with("-ERR a message of"));
}

TEST_F(StreamCommands, StreamsAndStringsDoNotMix) {
  run({"SET", "string", "1"});
  add("room", 2);
  for (const Words& words : std::vector<Words>{{"XADD", "string", "*", "a", "b"},
                                               {"XLEN", "string"},
                                               {"XRANGE", "string", "-", "+"},
                                               {"XREAD", "STREAMS", "string", "0"},
                                               {"XTRIM", "string", "MAXLEN", "0"},
                                               {"XINFO", "STREAM", "string"},
                                               {"GET", "room"},
                                               {"APPEND", "room", "x"},
                                               {"INCR", "room"},
                                               {"GETDEL", "room"},
                                               {"STRLEN", "room"},
                                               {"KV.CAS", "room", "0", "x"},
                                               {"KV.GET", "room"},
                                               {"SET", "room", "x", "GET"}}) {
    EXPECT_EQ(run(words), kWrongType) << words[0];
  }
  EXPECT_EQ(run({"TYPE", "room"}), "+stream");
  EXPECT_EQ(run({"XLEN", "room"}), "2");
}

TEST_F(StreamCommands, KeysCountStreamsNotMessages) {
  add("room", 7);
  run({"SET", "string", "1"});
  EXPECT_EQ(run({"DBSIZE"}), "2");
  EXPECT_EQ(run({"KEYS", "*"}), "[\"room\" \"string\"]");
  Bytes page;
  encode_scan_page("", "*", 10, "stream", page);
  EXPECT_EQ(shown(machine.state.read(page, 0)), "[nil [\"room\"]]");
}

TEST_F(StreamCommands, WhatEndsAStreamTakesItsMessages) {
  const auto ends = [&](const Words& words) {
    add("room", 5);
    run(words);
    EXPECT_EQ(elements(), 0U) << words[0];
    EXPECT_TRUE(machine.hash_is_exact()) << words[0];
    run({"DEL", "room"});
  };
  ends({"DEL", "room"});
  ends({"UNLINK", "room"});
  ends({"SET", "room", "x"});
  ends({"MSET", "room", "x"});
  ends({"FLUSHALL"});
  ends({"EXPIRE", "room", "-1"});
  EXPECT_EQ(run({"XADD", "room", "*", "a", "b"}), "\"1-0\"") << "another stream of the same name";
}

TEST_F(StreamCommands, AnExpiryStaysWithTheStream) {
  add("room", 2);
  EXPECT_EQ(run({"PEXPIRE", "room", "1000"}), "1");
  add("room", 1);
  EXPECT_EQ(run({"PTTL", "room"}), "1000");
  EXPECT_EQ(run({"PERSIST", "room"}), "1");
  EXPECT_EQ(run({"XLEN", "room"}), "3");
  run({"PEXPIRE", "room", "10"});
  machine.pass(10);
  EXPECT_EQ(run({"XLEN", "room"}), "0");
  EXPECT_EQ(elements(), 0U);
  EXPECT_EQ(machine.state.next_expiry(), std::nullopt);
}

TEST_F(StreamCommands, ALongStreamExpiresOverSeveralEntries) {
  add("room", 200);
  run({"PEXPIRE", "room", "10"});
  machine.pass(10);
  EXPECT_EQ(elements(), 200U - 64);
  EXPECT_EQ(run({"EXISTS", "room"}), "0") << "it counts as missing at once";
  EXPECT_TRUE(machine.hash_is_exact());
  EXPECT_TRUE(machine.state.next_expiry().has_value());
  machine.pass(0);
  machine.pass(0);
  EXPECT_EQ(elements(), 8U);
  machine.pass(0);
  EXPECT_EQ(elements(), 0U);
  EXPECT_EQ(machine.state.key_count(), 0U);
  EXPECT_EQ(machine.state.next_expiry(), std::nullopt);
}

TEST_F(StreamCommands, AWriteToAHalfPurgedStreamBeginsANewOne) {
  add("room", 200);
  run({"PEXPIRE", "room", "10"});
  machine.pass(10);
  EXPECT_EQ(run({"XADD", "room", "*", "a", "b"}), "\"1-0\"");
  EXPECT_EQ(elements(), 1U);
  EXPECT_EQ(run({"PTTL", "room"}), "-1");
  add("other", 200);
  run({"PEXPIRE", "other", "10"});
  machine.pass(10);
  EXPECT_EQ(run({"SET", "other", "x"}), "+OK");
  EXPECT_EQ(elements(), 1U);
}

TEST_F(StreamCommands, KeysAreShorterThanOthers) {
  const std::string longest(kMaxStreamKeyBytes, 'k');
  EXPECT_EQ(run({"XADD", longest, "*", "a", "b"}), "\"1-0\"");
  EXPECT_EQ(run({"XADD", longest + "k", "*", "a", "b"}),
            "-ERR a stream's key of 502 bytes: the limit is 501");
  EXPECT_EQ(run({"XLEN", longest + "k"}), "0");
}

// Elements of one stream must not be taken for those of another whose key is a prefix.
TEST_F(StreamCommands, KeysThatBeginAlikeStayApart) {
  const std::string zeros(8, '\0');
  add("a", 3);
  add("a" + zeros, 2);
  add("aa", 1);
  EXPECT_EQ(run({"XLEN", "a"}), "3");
  run({"DEL", "a"});
  EXPECT_EQ(elements(), 3U);
  EXPECT_EQ(run({"XRANGE", "a" + zeros, "-", "+", "COUNT", "1"}), "[[\"1-0\" [\"n\" \"0\"]]]");
}

TEST_F(StreamCommands, ExactlyOnceAndInTransactions) {
  EXPECT_EQ(run({"KV.ONCE", "ann", "1", "XADD", "room", "*", "text", "hi"}), "\"1-0\"");
  EXPECT_EQ(run({"KV.ONCE", "ann", "1", "XADD", "room", "*", "text", "hi"}), "\"1-0\"");
  EXPECT_EQ(run({"XLEN", "room"}), "1");
  EXPECT_EQ(machine.run_transaction({{"XADD", "room", "*", "a", "b"},
                                     {"XLEN", "room"},
                                     {"XREAD", "BLOCK", "0", "STREAMS", "room", "$"},
                                     {"XADD", "room", "9", "a", "b"},
                                     {"XADD", "room", "*", "a", "b"}}),
            "[\"2-0\" 2 nil -ERR the next id of this stream is 3-0: ids are contiguous, so XADD "
            "takes '*' or exactly that one \"3-0\"]");
  EXPECT_EQ(run({"KV.ONCE", "ann", "2", "XREAD", "BLOCK", "0", "STREAMS", "room", "$"}), "nil");
}

TEST_F(StreamCommands, InfoTellsTheEnds) {
  EXPECT_EQ(run({"XINFO", "STREAM", "room"}), "-ERR no such key");
  add("room", 3);
  run({"XTRIM", "room", "MAXLEN", "2"});
  EXPECT_EQ(run({"XINFO", "STREAM", "room"}),
            "{\"length\":2 \"last-generated-id\":\"3-0\" \"entries-added\":3 "
            "\"first-entry\":[\"2-0\" [\"n\" \"1\"]] \"last-entry\":[\"3-0\" [\"n\" \"2\"]]}");
  run({"XTRIM", "room", "MAXLEN", "0"});
  EXPECT_EQ(run({"XINFO", "STREAM", "room"}),
            "{\"length\":0 \"last-generated-id\":\"3-0\" \"entries-added\":3 \"first-entry\":nil "
            "\"last-entry\":nil}");
  EXPECT_TRUE(run({"XINFO", "GROUPS", "room"}).starts_with("-ERR of XINFO there is only"));
}

TEST_F(StreamCommands, EachMessageMovesTheRevision) {
  add("room", 1);
  const std::uint64_t seen = machine.index();
  EXPECT_EQ(machine.run_transaction({{"XLEN", "room"}}, {{"room", seen}}), "[1]");
  add("room", 1);
  EXPECT_EQ(machine.run_transaction({{"XLEN", "room"}}, {{"room", seen}}), "nil");
}

}  // namespace
}  // namespace kvcluster::kv
