// KEYS, SCAN's pages, KV.GET, KV.CAS, KV.RANGE, KV.HASH and FLUSHALL.
#include "kv/machine_fixture.hpp"

namespace kvcluster::kv {
namespace {

std::string scan(Machine& machine, std::string_view after, std::string_view pattern,
                 std::uint64_t count, std::string_view type = "") {
  Bytes encoded;
  encode_scan_page(after, pattern, count, type, encoded);
  return shown(machine.run_encoded(encoded, false));
}

TEST(KeyspaceCommands, KeysAnswersInOrder) {
  Machine machine;
  machine.run({"MSET", "b", "1", "ab", "2", "a", "3"});
  EXPECT_EQ(machine.run({"KEYS", "*"}), "[\"a\" \"ab\" \"b\"]");
  EXPECT_EQ(machine.run({"KEYS", "a*"}), "[\"a\" \"ab\"]");
}

TEST(KeyspaceCommands, KeysRefusesMoreThanItsLimit) {
  Machine machine;
  machine.run({"MSET", "a", "1", "b", "2", "c", "3"});
  Bytes encoded;
  ASSERT_TRUE(encode_words({"KEYS", "*"}, encoded, {.max_range_items = 2}));
  EXPECT_EQ(shown(machine.run_encoded(encoded, false)), "-ERR more than 2 keys match: use SCAN");
}

TEST(KeyspaceCommands, ScanPagesMeetEveryKeyOnce) {
  Machine machine;
  machine.run({"MSET", "a", "1", "b", "2", "c", "3"});
  EXPECT_EQ(scan(machine, "", "", 2), "[\"b\" [\"a\" \"b\"]]");
  EXPECT_EQ(scan(machine, "b", "", 2), "[nil [\"c\"]]");
}

TEST(KeyspaceCommands, AScanPageThatEndsWithTheLastKeyIsTheLastPage) {
  Machine machine;
  machine.run({"MSET", "a", "1", "b", "2"});
  EXPECT_EQ(scan(machine, "", "", 2), "[nil [\"a\" \"b\"]]");
}

TEST(KeyspaceCommands, AScanPageCountsKeysThatDoNotMatch) {
  Machine machine;
  machine.run({"MSET", "a", "1", "b", "2", "c", "3"});
  EXPECT_EQ(scan(machine, "", "c", 2), "[\"b\" []]");
  EXPECT_EQ(scan(machine, "", "*", 10, "stream"), "[nil []]");
  EXPECT_EQ(scan(machine, "", "*", 10, "string"), "[nil [\"a\" \"b\" \"c\"]]");
}

TEST(KeyspaceCommands, AScanGoesOnAfterAKeyThatWasDeleted) {
  Machine machine;
  machine.run({"MSET", "a", "1", "c", "3"});
  EXPECT_EQ(scan(machine, "b", "", 10), "[nil [\"c\"]]");
}

TEST(KeyspaceCommands, AScanMayStartBehindTheLongestKey) {
  Machine machine;
  machine.run({"MSET", std::string(511, 'k'), "1", "z", "2"});
  EXPECT_EQ(scan(machine, std::string(600, 'k'), "", 10), "[nil [\"z\"]]");
}

TEST(KeyspaceCommands, TooLongAPatternIsAnError) {
  Machine machine;
  const std::string text = "ERR a pattern of 1025 bytes: the limit is 1024";
  EXPECT_EQ(scan(machine, "", std::string(1025, '*'), 10), "-" + text);
  EXPECT_EQ(machine.run({"KEYS", std::string(1025, '*')}), "-" + text);
}

TEST(KeyspaceCommands, TheRevisionOfAKeyIsTheIndexOfItsLastWrite) {
  Machine machine;
  machine.run({"SET", "a", "1"});
  machine.run({"SET", "b", "1"});
  machine.run({"SET", "a", "2"});
  EXPECT_EQ(machine.run({"KV.GET", "a"}), "[\"2\" 4]");
  EXPECT_EQ(machine.run({"KV.GET", "b"}), "[\"1\" 3]");
  EXPECT_EQ(machine.run({"KV.GET", "c"}), "nil");
}

TEST(KeyspaceCommands, CasWritesOnlyOverTheRevisionItNames) {
  Machine machine;
  EXPECT_EQ(machine.run({"KV.CAS", "a", "0", "first"}), "2");
  EXPECT_EQ(machine.run({"KV.CAS", "a", "0", "second"}), "nil");
  EXPECT_EQ(machine.run({"KV.CAS", "a", "2", "second"}), "4");
  EXPECT_EQ(machine.run({"KV.CAS", "a", "2", "third"}), "nil");
  EXPECT_EQ(machine.run({"GET", "a"}), "\"second\"");
}

TEST(KeyspaceCommands, RangeExcludesItsEnd) {
  Machine machine;
  machine.run({"SET", "a", "1"});
  machine.run({"SET", "b", "2"});
  machine.run({"SET", "c", "3"});
  EXPECT_EQ(machine.run({"KV.RANGE", "a", "c"}), "[[\"a\" \"1\" 2] [\"b\" \"2\" 3]]");
  EXPECT_EQ(machine.run({"KV.RANGE", "b", ""}), "[[\"b\" \"2\" 3] [\"c\" \"3\" 4]]");
  EXPECT_EQ(machine.run({"KV.RANGE", "", "", "LIMIT", "1"}), "[[\"a\" \"1\" 2]]");
  EXPECT_EQ(machine.run({"KV.RANGE", "c", "a"}), "[]");
}

TEST(KeyspaceCommands, RangeWithoutALimitNeverPassesAPartForTheWhole) {
  Machine machine;
  machine.run({"MSET", "a", "1", "b", "2", "c", "3"});
  Bytes encoded;
  ASSERT_TRUE(encode_words({"KV.RANGE", "", ""}, encoded, {.max_range_items = 2}));
  EXPECT_EQ(shown(machine.run_encoded(encoded, false)), "-ERR more than 2 keys: give a LIMIT");
}

TEST(KeyspaceCommands, HashShowsBothDigestsOfTheAppliedIndex) {
  Machine machine;
  machine.run({"SET", "a", "1"});
  const Digests digests = machine.state.digests();
  EXPECT_EQ(machine.run({"KV.HASH"}), "{\"index\":2 \"history\":\"" + digests.history.hex() +
                                          "\" \"state\":\"" + digests.state.hex() +
                                          "\" \"keys\":1}");
  EXPECT_EQ(machine.run({"KV.HASH", "FULL"}),
            "[2 \"" + machine.state.full_digest().hex() + "\" 1]");
}

TEST(KeyspaceCommands, FlushallTakesEveryKeyAndNothingElse) {
  Machine machine;
  machine.run({"KV.ONCE", "client", "1", "INCR", "a"});
  machine.run({"SET", "b", "1", "EX", "5"});
  EXPECT_EQ(machine.run({"FLUSHALL"}), "+OK");
  EXPECT_EQ(machine.run({"DBSIZE"}), "0");
  EXPECT_EQ(machine.state.session_count(), 1U);
  EXPECT_EQ(machine.run({"KV.ONCE", "client", "1", "INCR", "a"}), "1");
  EXPECT_EQ(machine.run({"EXISTS", "a"}), "0");
  EXPECT_TRUE(machine.hash_is_exact());
}

TEST(KeyspaceCommands, FlushallGoesThroughMoreThanOnePage) {
  Machine machine;
  for (int i = 0; i < 2100; ++i) machine.run({"SET", std::to_string(i), "1"});
  EXPECT_EQ(machine.run({"FLUSHDB", "ASYNC"}), "+OK");
  EXPECT_EQ(machine.run({"KEYS", "*"}), "[]");
  EXPECT_TRUE(machine.hash_is_exact());
}

TEST(KeyspaceCommands, ARangeLargerThanAReplyMayBeIsAnError) {
  Machine machine;
  const std::string value(1U << 20U, 'v');
  for (int i = 0; i < 65; ++i) machine.run({"SET", std::to_string(i), value});
  EXPECT_EQ(machine.run({"KV.RANGE", "", ""}), "-ERR the reply is too large: ask for less");
}

TEST(KeyspaceCommands, RevisionsOfMissingKeysAreZero) {
  Machine machine;
  machine.run({"SET", "a", "1"});
  Bytes encoded;
  const std::vector<BytesView> keys = {"a", "b"};
  encode_revisions(keys, encoded);
  EXPECT_EQ(shown(machine.run_encoded(encoded, false)), "[2 0]");
}

TEST(KeyspaceCommands, RevisionsOfAnImpossibleKeyAreAnError) {
  Machine machine;
  Bytes encoded;
  const std::vector<BytesView> keys = {""};
  encode_revisions(keys, encoded);
  EXPECT_EQ(shown(machine.run_encoded(encoded, false)), "-ERR a key must have 1 to 511 bytes");
}

}  // namespace
}  // namespace kvcluster::kv
