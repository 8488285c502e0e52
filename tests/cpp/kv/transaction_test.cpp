#include "kv/machine_fixture.hpp"

namespace kvcluster::kv {
namespace {

TEST(Transactions, AllCommandsShareOneEntryAndOneRevision) {
  Machine machine;
  EXPECT_EQ(machine.run_transaction({{"SET", "a", "1"}, {"INCR", "a"}, {"GET", "a"}}),
            "[+OK 2 \"2\"]");
  EXPECT_EQ(machine.index(), 2U);
  EXPECT_EQ(machine.run({"KV.GET", "a"}), "[\"2\" 2]");
}

TEST(Transactions, AFailedCommandDoesNotStopTheOthers) {
  Machine machine;
  EXPECT_EQ(machine.run_transaction({{"SET", "a", "x"}, {"INCR", "a"}, {"SET", "b", "1"}}),
            "[+OK -ERR value is not an integer or out of range +OK]");
  EXPECT_EQ(machine.run({"GET", "b"}), "\"1\"");
}

TEST(Transactions, AnEmptyOneAnswersWithNothing) { EXPECT_EQ(Machine().run_transaction({}), "[]"); }

TEST(Transactions, AWatchedKeyThatChangedStopsAll) {
  Machine machine;
  machine.run({"SET", "w", "1"});
  const std::uint64_t revision = machine.index();
  machine.run({"SET", "w", "1"});  // the same value is a change too
  EXPECT_EQ(machine.run_transaction({{"SET", "a", "1"}}, {{"w", revision}}), "nil");
  EXPECT_EQ(machine.run({"EXISTS", "a"}), "0");
}

TEST(Transactions, WatchedKeysThatAreAsTheyWereLetItPass) {
  Machine machine;
  machine.run({"SET", "w", "1"});
  EXPECT_EQ(machine.run_transaction({{"SET", "a", "1"}}, {{"w", machine.index()}, {"x", 0}}),
            "[+OK]");
}

TEST(Transactions, AWatchedKeyThatAppearedStopsAll) {
  Machine machine;
  machine.run({"SET", "w", "1"});
  EXPECT_EQ(machine.run_transaction({{"SET", "a", "1"}}, {{"w", 0}}), "nil");
}

TEST(Transactions, AWatchedKeyThatExpiredStopsAll) {
  Machine machine;
  machine.run({"SET", "w", "1", "PX", "10"});
  const std::uint64_t revision = machine.index();
  machine.clock_ms += 10;
  EXPECT_EQ(machine.run_transaction({{"SET", "a", "1"}}, {{"w", revision}}), "nil");
}

TEST(Transactions, MayCarryExactlyOnceCommands) {
  Machine machine;
  EXPECT_EQ(machine.run_transaction(
                {{"KV.ONCE", "c", "1", "INCR", "a"}, {"KV.ONCE", "c", "1", "INCR", "a"}}),
            "[1 1]");
}

TEST(Transactions, HaveNoHashInTheirMiddle) {
  EXPECT_EQ(Machine().run_transaction({{"KV.HASH"}}),
            "[-ERR KV.HASH is not possible in a transaction]");
}

TEST(Transactions, TooManyCommandsAreRefused) {
  Bytes command;
  ASSERT_TRUE(encode_words({"GET", "a"}, command));
  const std::vector<Bytes> commands(3, command);
  Bytes out;
  const auto info = encode_transaction({}, commands, {.max_transaction_commands = 2}, out);
  ASSERT_FALSE(info);
  EXPECT_EQ(info.error().code, ErrorCode::kLimitExceeded);
  EXPECT_TRUE(out.empty());
}

TEST(Transactions, AWatchedKeyThatCannotExistIsRefused) {
  Bytes out;
  const std::vector<Watched> watched = {{"", 0}};
  const auto info = encode_transaction(watched, {}, {}, out);
  ASSERT_FALSE(info);
  EXPECT_EQ(info.error().code, ErrorCode::kInvalidArgument);
  EXPECT_TRUE(out.empty());
}

TEST(Transactions, TheFirstKeyOfTheCommandsIsTheKeyOfTheTransaction) {
  std::vector<Bytes> commands(2);
  ASSERT_TRUE(encode_words({"DBSIZE"}, commands[0]));
  ASSERT_TRUE(encode_words({"SET", "k", "v"}, commands[1]));
  Bytes out;
  const auto info = encode_transaction({}, commands, {}, out);
  ASSERT_TRUE(info);
  EXPECT_TRUE(info->is_write);
  EXPECT_EQ(info->key, "k");
}

TEST(Transactions, RepliesTogetherStayWithinTheBound) {
  Machine machine;
  machine.run({"SET", "a", std::string(1U << 20U, 'v')});
  std::vector<Words> commands(65, Words{"GET", "a"});
  const std::string reply = machine.run_transaction(commands);
  EXPECT_TRUE(reply.ends_with("-ERR the reply is too large: ask for less]"));
  EXPECT_LT(reply.size(), (std::size_t{64} << 20U) + 1000);
}

}  // namespace
}  // namespace kvcluster::kv
