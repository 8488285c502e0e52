#include "kv/machine_fixture.hpp"

namespace kvcluster::kv {
namespace {

TEST(StringCommands, GetOfAMissingKeyIsNil) { EXPECT_EQ(Machine().run({"GET", "a"}), "nil"); }

TEST(StringCommands, GetReturnsWhatSetStored) {
  Machine machine;
  EXPECT_EQ(machine.run({"SET", "a", "value"}), "+OK");
  EXPECT_EQ(machine.run({"get", "a"}), "\"value\"");
}

TEST(StringCommands, AValueMayHoldAnyByte) {
  Machine machine;
  const std::string bytes("\0\r\n\xff*", 5);
  EXPECT_EQ(machine.run({"SET", "a", bytes}), "+OK");
  EXPECT_EQ(machine.run({"GET", "a"}), '"' + bytes + '"');
}

TEST(StringCommands, SetNxKeepsWhatIsThere) {
  Machine machine;
  EXPECT_EQ(machine.run({"SET", "a", "1", "NX"}), "+OK");
  EXPECT_EQ(machine.run({"SET", "a", "2", "NX"}), "nil");
  EXPECT_EQ(machine.run({"GET", "a"}), "\"1\"");
}

TEST(StringCommands, SetXxNeedsAKeyThatIsThere) {
  Machine machine;
  EXPECT_EQ(machine.run({"SET", "a", "1", "XX"}), "nil");
  EXPECT_EQ(machine.run({"EXISTS", "a"}), "0");
}

TEST(StringCommands, SetWithGetReturnsTheOldValueAlsoWhenRefused) {
  Machine machine;
  EXPECT_EQ(machine.run({"SET", "a", "1", "GET"}), "nil");
  EXPECT_EQ(machine.run({"SET", "a", "2", "NX", "GET"}), "\"1\"");
  EXPECT_EQ(machine.run({"SET", "a", "3", "GET"}), "\"1\"");
  EXPECT_EQ(machine.run({"GET", "a"}), "\"3\"");
}

TEST(StringCommands, SetClearsAnExpiryUnlessToldToKeepIt) {
  Machine machine;
  machine.run({"SET", "a", "1", "PX", "5000"});
  machine.run({"SET", "a", "2", "KEEPTTL"});
  EXPECT_EQ(machine.run({"PTTL", "a"}), "5000");
  machine.run({"SET", "a", "3"});
  EXPECT_EQ(machine.run({"PTTL", "a"}), "-1");
}

TEST(StringCommands, SetnxAnswersWithAnInteger) {
  Machine machine;
  EXPECT_EQ(machine.run({"SETNX", "a", "1"}), "1");
  EXPECT_EQ(machine.run({"SETNX", "a", "2"}), "0");
}

TEST(StringCommands, GetsetReturnsTheOldValue) {
  Machine machine;
  EXPECT_EQ(machine.run({"GETSET", "a", "1"}), "nil");
  EXPECT_EQ(machine.run({"GETSET", "a", "2"}), "\"1\"");
}

TEST(StringCommands, GetdelTakesTheKeyAway) {
  Machine machine;
  machine.run({"SET", "a", "1"});
  EXPECT_EQ(machine.run({"GETDEL", "a"}), "\"1\"");
  EXPECT_EQ(machine.run({"GETDEL", "a"}), "nil");
}

TEST(StringCommands, DelCountsOnlyWhatWasThere) {
  Machine machine;
  machine.run({"MSET", "a", "1", "b", "2"});
  EXPECT_EQ(machine.run({"DEL", "a", "a", "b", "c"}), "2");
  EXPECT_EQ(machine.run({"DBSIZE"}), "0");
}

TEST(StringCommands, ExistsCountsARepeatedKeyTwice) {
  Machine machine;
  machine.run({"SET", "a", "1"});
  EXPECT_EQ(machine.run({"EXISTS", "a", "a", "b"}), "2");
}

TEST(StringCommands, MgetAnswersNilForEachMissingKey) {
  Machine machine;
  machine.run({"MSET", "a", "1", "c", "3"});
  EXPECT_EQ(machine.run({"MGET", "a", "b", "c"}), "[\"1\" nil \"3\"]");
}

TEST(StringCommands, OfARepeatedKeyInMsetTheLastValueCounts) {
  Machine machine;
  EXPECT_EQ(machine.run({"MSET", "a", "1", "a", "2"}), "+OK");
  EXPECT_EQ(machine.run({"GET", "a"}), "\"2\"");
}

TEST(StringCommands, MsetnxSetsAllOrNothing) {
  Machine machine;
  machine.run({"SET", "b", "old"});
  EXPECT_EQ(machine.run({"MSETNX", "a", "1", "b", "2"}), "0");
  EXPECT_EQ(machine.run({"EXISTS", "a"}), "0");
  EXPECT_EQ(machine.run({"MSETNX", "a", "1", "c", "2"}), "1");
}

TEST(StringCommands, IncrStartsAtZeroAndKeepsTheExpiry) {
  Machine machine;
  EXPECT_EQ(machine.run({"INCR", "a"}), "1");
  machine.run({"PEXPIRE", "a", "5000"});
  EXPECT_EQ(machine.run({"INCRBY", "a", "41"}), "42");
  EXPECT_EQ(machine.run({"PTTL", "a"}), "5000");
}

TEST(StringCommands, DecrbyGoesBelowZero) {
  Machine machine;
  EXPECT_EQ(machine.run({"DECRBY", "a", "5"}), "-5");
  EXPECT_EQ(machine.run({"DECR", "a"}), "-6");
}

TEST(StringCommands, IncrRefusesWhatIsNoInteger) {
  Machine machine;
  for (const char* value : {"", "x", "1.5", " 1", "1 ", "+1", "-0", "007", "9223372036854775808"}) {
    machine.run({"SET", "a", value});
    EXPECT_EQ(machine.run({"INCR", "a"}), "-ERR value is not an integer or out of range") << value;
  }
}

TEST(StringCommands, IncrRefusesToOverflowInEitherDirection) {
  Machine machine;
  machine.run({"SET", "a", "9223372036854775807"});
  EXPECT_EQ(machine.run({"INCR", "a"}), "-ERR increment or decrement would overflow");
  machine.run({"SET", "a", "-9223372036854775808"});
  EXPECT_EQ(machine.run({"DECR", "a"}), "-ERR increment or decrement would overflow");
  EXPECT_EQ(machine.run({"GET", "a"}), "\"-9223372036854775808\"");
}

TEST(StringCommands, AppendAnswersWithTheNewLength) {
  Machine machine;
  EXPECT_EQ(machine.run({"APPEND", "a", "ab"}), "2");
  EXPECT_EQ(machine.run({"APPEND", "a", "cd"}), "4");
  EXPECT_EQ(machine.run({"STRLEN", "a"}), "4");
  EXPECT_EQ(machine.run({"STRLEN", "b"}), "0");
}

TEST(StringCommands, AppendStopsAtTheLimitOfTheNodeThatTookTheCommand) {
  Machine machine;
  machine.run({"SET", "a", "12345"});
  Bytes encoded;
  ASSERT_TRUE(encode_words({"APPEND", "a", "678"}, encoded, {.max_value_bytes = 7}));
  EXPECT_EQ(shown(machine.run_encoded(encoded, true)),
            "-ERR string exceeds maximum allowed size (proto-max-bulk-len)");
  EXPECT_EQ(machine.run({"GET", "a"}), "\"12345\"");
}

TEST(StringCommands, SetrangeFillsAGapWithZeroBytes) {
  Machine machine;
  EXPECT_EQ(machine.run({"SETRANGE", "a", "2", "x"}), "3");
  EXPECT_EQ(machine.run({"GET", "a"}), '"' + std::string("\0\0x", 3) + '"');
}

TEST(StringCommands, SetrangeOfNothingCreatesNothing) {
  Machine machine;
  EXPECT_EQ(machine.run({"SETRANGE", "a", "10", ""}), "0");
  EXPECT_EQ(machine.run({"EXISTS", "a"}), "0");
}

TEST(StringCommands, SetrangeRefusesAnOffsetBeyondTheLimit) {
  Machine machine;
  EXPECT_EQ(machine.run({"SETRANGE", "a", "9223372036854775807", "x"}),
            "-ERR string exceeds maximum allowed size (proto-max-bulk-len)");
  EXPECT_EQ(machine.run({"SETRANGE", "a", "-1", "x"}), "-ERR offset is out of range");
}

TEST(StringCommands, GetrangeCountsNegativeOffsetsFromTheEnd) {
  Machine machine;
  machine.run({"SET", "a", "This is a string"});
  EXPECT_EQ(machine.run({"GETRANGE", "a", "-3", "-1"}), "\"ing\"");
  EXPECT_EQ(machine.run({"GETRANGE", "a", "0", "3"}), "\"This\"");
  EXPECT_EQ(machine.run({"GETRANGE", "a", "10", "9223372036854775807"}), "\"string\"");
  EXPECT_EQ(machine.run({"GETRANGE", "a", "-9223372036854775808", "0"}), "\"T\"");
  EXPECT_EQ(machine.run({"GETRANGE", "a", "-1", "-5"}), "\"\"");
}

TEST(StringCommands, ACommandForStringsRefusesAnotherType) {
  Machine machine;
  // A stream, as the table holds one: type, revision, no expiry.
  machine.table.put(Space::kData, "s", std::string("\x01\x01\x00", 3));
  const std::string wrong = "-WRONGTYPE Operation against a key holding the wrong kind of value";
  EXPECT_EQ(machine.run({"GET", "s"}), wrong);
  EXPECT_EQ(machine.run({"INCR", "s"}), wrong);
  EXPECT_EQ(machine.run({"APPEND", "s", "x"}), wrong);
  EXPECT_EQ(machine.run({"SET", "s", "x", "GET"}), wrong);
  EXPECT_EQ(machine.run({"KV.CAS", "s", "1", "x"}), wrong);
  EXPECT_EQ(machine.run({"MGET", "s"}), "[nil]");
  EXPECT_EQ(machine.run({"TYPE", "s"}), "+stream");
}

}  // namespace
}  // namespace kvcluster::kv
