// KV.ONCE: exactly-once commands (dissertation, 6.3).
#include "kv/machine_fixture.hpp"
#include "kv/record.hpp"

namespace kvcluster::kv {
namespace {

TEST(Sessions, ARepeatGetsTheReplyOfTheFirstAndChangesNothing) {
  Machine machine;
  EXPECT_EQ(machine.run({"KV.ONCE", "c", "1", "INCR", "a"}), "1");
  const MapTable before = machine.table;
  EXPECT_EQ(machine.run({"KV.ONCE", "c", "1", "INCR", "a"}), "1");
  EXPECT_EQ(machine.table, before);
  EXPECT_EQ(machine.index(), 3U);
}

TEST(Sessions, TheNextSequenceApplies) {
  Machine machine;
  machine.run({"KV.ONCE", "c", "1", "INCR", "a"});
  EXPECT_EQ(machine.run({"KV.ONCE", "c", "2", "INCR", "a"}), "2");
  EXPECT_EQ(machine.run({"KV.ONCE", "c", "7", "INCR", "a"}), "3");
}

TEST(Sessions, AnOlderSequenceIsRefused) {
  Machine machine;
  machine.run({"KV.ONCE", "c", "5", "INCR", "a"});
  EXPECT_EQ(machine.run({"KV.ONCE", "c", "4", "INCR", "a"}),
            "-ERR KV.ONCE sequence 4 is older than the last one, 5, of this client");
  EXPECT_EQ(machine.run({"GET", "a"}), "\"1\"");
}

TEST(Sessions, ClientsDoNotShareTheirSequences) {
  Machine machine;
  machine.run({"KV.ONCE", "c", "1", "INCR", "a"});
  EXPECT_EQ(machine.run({"KV.ONCE", "d", "1", "INCR", "a"}), "2");
  EXPECT_EQ(machine.state.session_count(), 2U);
}

TEST(Sessions, ARepeatThatCarriesAnotherCommandStillGetsTheKeptReply) {
  Machine machine;
  machine.run({"KV.ONCE", "c", "1", "SET", "a", "x"});
  EXPECT_EQ(machine.run({"KV.ONCE", "c", "1", "DEL", "a"}), "+OK");
  EXPECT_EQ(machine.run({"GET", "a"}), "\"x\"");
}

TEST(Sessions, AFailureIsKeptToo) {
  Machine machine;
  machine.run({"SET", "a", "x"});
  const std::string failure = "-ERR value is not an integer or out of range";
  EXPECT_EQ(machine.run({"KV.ONCE", "c", "1", "INCR", "a"}), failure);
  machine.run({"SET", "a", "1"});
  EXPECT_EQ(machine.run({"KV.ONCE", "c", "1", "INCR", "a"}), failure);
  EXPECT_EQ(machine.run({"GET", "a"}), "\"1\"");
}

TEST(Sessions, AReadGoesThroughTheLogAndIsKept) {
  Machine machine;
  machine.run({"SET", "a", "old"});
  EXPECT_EQ(machine.run({"KV.ONCE", "c", "1", "GET", "a"}), "\"old\"");
  machine.run({"SET", "a", "new"});
  EXPECT_EQ(machine.run({"KV.ONCE", "c", "1", "GET", "a"}), "\"old\"");
}

TEST(Sessions, AReadTooLargeToBeKeptIsAnError) {
  Machine machine;
  const std::string value(600'000, 'v');
  machine.run({"MSET", "a", value, "b", value});
  EXPECT_EQ(machine.run({"KV.ONCE", "c", "1", "MGET", "a", "b"}),
            "-ERR the reply is too large: ask for less");
}

TEST(Sessions, ASessionSurvivesARestore) {
  Machine machine;
  machine.run({"KV.ONCE", "c", "1", "INCR", "a"});
  Bytes meta;
  machine.state.encode_meta(meta);
  StateMachine restored(machine.table);
  ASSERT_TRUE(restored.restore(meta));
  Bytes encoded;
  Bytes payload;
  ASSERT_TRUE(encode_words({"KV.ONCE", "c", "1", "INCR", "a"}, encoded));
  StateMachine::encode_entry(kStartMs, encoded, payload);
  EXPECT_EQ(shown(restored.apply({.index = Index(3), .term = Term(2)}, payload)), "1");
  EXPECT_EQ(*machine.table.get(Space::kData, "a"), std::string("\x00\x02\x00"
                                                               "1",
                                                               4));
}

TEST(Sessions, AnIdleSessionIsForgottenAfterSevenDays) {
  Machine machine;
  machine.run({"KV.ONCE", "c", "1", "INCR", "a"});
  machine.pass(kSessionIdleMs);
  EXPECT_EQ(machine.state.session_count(), 1U);
  machine.pass(3'600'000);
  EXPECT_EQ(machine.state.session_count(), 0U);
  EXPECT_TRUE(machine.hash_is_exact());
  EXPECT_EQ(machine.state.next_expiry(), std::nullopt);
}

TEST(Sessions, AUsedSessionIsNotIdle) {
  Machine machine;
  machine.run({"KV.ONCE", "c", "1", "INCR", "a"});
  machine.pass(kSessionIdleMs / 2);
  machine.run({"KV.ONCE", "c", "2", "INCR", "a"});
  machine.pass(kSessionIdleMs / 2 + 3'600'000);
  EXPECT_EQ(machine.state.session_count(), 1U);
  EXPECT_EQ(machine.run({"KV.ONCE", "c", "2", "INCR", "a"}), "2");
}

}  // namespace
}  // namespace kvcluster::kv
