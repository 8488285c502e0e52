#include <cstddef>
#include <iterator>
#include <set>

#include "kv/machine_fixture.hpp"

namespace kvcluster::kv {
namespace {

TEST(Expiry, ARecordIsGoneOnceTheLogsTimeReachesIt) {
  Machine machine;
  machine.run({"SET", "a", "1", "PX", "100"});
  machine.pass(99);
  EXPECT_EQ(machine.run({"GET", "a"}), "\"1\"");
  machine.pass(1);
  EXPECT_EQ(machine.run({"GET", "a"}), "nil");
}

TEST(Expiry, TheLocalClockAloneNeverHidesARecord) {
  Machine machine;
  machine.run({"SET", "a", "1", "PX", "100"});
  machine.clock_ms += 1000;  // this node's clock, not the log's
  EXPECT_EQ(machine.run({"GET", "a"}), "\"1\"");
  EXPECT_EQ(machine.run({"PTTL", "a"}), "0");
}

TEST(Expiry, ARelativeTimeCountsFromTheEntrysStamp) {
  Machine machine;
  Bytes encoded;
  ASSERT_TRUE(encode_words({"SET", "a", "1", "EX", "10"}, encoded));
  machine.clock_ms += 7000;  // encoded before, stamped now
  machine.run_encoded(encoded, true);
  EXPECT_EQ(machine.run({"PEXPIRETIME", "a"}), std::to_string(kStartMs + 17'000));
}

TEST(Expiry, TheTimeInsideTheLogNeverGoesBack) {
  Machine machine;
  machine.pass(1000);
  const WallMillis before = machine.state.cluster_time();
  machine.clock_ms -= 500'000;  // a new leader with a clock that is behind
  machine.run({"SET", "a", "1", "PX", "10"});
  EXPECT_EQ(machine.state.cluster_time(), before);
  EXPECT_EQ(machine.run({"EXISTS", "a"}), "1");
}

TEST(Expiry, AnAbsurdStampCannotOverflowAnExpiry) {
  Machine machine;
  machine.clock_ms = UINT64_MAX;
  EXPECT_EQ(machine.run({"SET", "a", "1", "PX", "9214364837600034815"}), "+OK");
  EXPECT_EQ(machine.run({"PEXPIRETIME", "a"}), "9223372036854775807");
}

TEST(Expiry, PurgedRecordsLeaveTableCountAndHash) {
  Machine machine;
  machine.run({"SET", "a", "1", "PX", "100"});
  machine.run({"SET", "b", "1"});
  machine.pass(100);
  EXPECT_EQ(machine.state.key_count(), 1U);
  EXPECT_FALSE(machine.table.get(Space::kData, "a"));
  EXPECT_TRUE(machine.hash_is_exact());
}

TEST(Expiry, OneEntryPurgesABoundedNumberAndTheRestCountsAsMissing) {
  Machine machine;
  for (int i = 0; i < 100; ++i) machine.run({"SET", "k" + std::to_string(i), "1", "PX", "50"});
  machine.pass(50);
  EXPECT_EQ(machine.state.key_count(), 36U);
  EXPECT_EQ(machine.run({"KEYS", "*"}), "[]");
  machine.pass(0);
  EXPECT_EQ(machine.state.key_count(), 0U);
  EXPECT_EQ(machine.state.next_expiry(), std::nullopt);
}

TEST(Expiry, ADueRecordThatIsNotYetPurgedCanBeWrittenAgain) {
  Machine machine;
  for (int i = 0; i < 100; ++i) machine.run({"SET", "k" + std::to_string(i), "7", "PX", "50"});
  machine.clock_ms += 50;
  for (int i = 0; i < 100; ++i) {
    EXPECT_EQ(machine.run({"INCR", "k" + std::to_string(i)}), "1");
  }
  EXPECT_EQ(machine.state.key_count(), 100U);
  EXPECT_EQ(machine.run({"PTTL", "k99"}), "-1");
  EXPECT_TRUE(machine.hash_is_exact());
}

TEST(Expiry, NextExpiryIsTheEarliestOfAll) {
  Machine machine;
  EXPECT_EQ(machine.state.next_expiry(), std::nullopt);
  machine.run({"SET", "a", "1", "PX", "300"});
  machine.run({"SET", "b", "1", "PX", "200"});
  EXPECT_EQ(machine.state.next_expiry(), kStartMs + 200);
  machine.run({"DEL", "b"});
  EXPECT_EQ(machine.state.next_expiry(), kStartMs + 300);
}

// Counts what a look into the expiry index costs: a layered table keeps a trace of every entry that
// was erased, and walks over those behind the place where it begins.
class CountingTable final : public Table {
 public:
  [[nodiscard]] std::optional<BytesView> get(Space space, BytesView key) const override {
    return table_.get(space, key);
  }
  void put(Space space, BytesView key, BytesView value) override { table_.put(space, key, value); }
  void erase(Space space, BytesView key) override {
    if (space == Space::kExpiry) traces_.emplace(key);
    table_.erase(space, key);
  }
  void scan(Space space, BytesView from, const Visitor& visitor) const override {
    ++scans;
    Bytes last;
    table_.scan(space, from, [&](BytesView key, BytesView value) {
      last.assign(key);
      return visitor(key, value);
    });
    walked += static_cast<std::size_t>(
        std::distance(traces_.lower_bound(Bytes(from)), traces_.lower_bound(last)));
  }
  void clear() override { table_.clear(); }

  mutable std::size_t scans = 0;
  mutable std::size_t walked = 0;

 private:
  MapTable table_;
  std::set<Bytes> traces_;
};

class ExpiryCost : public ::testing::Test {
 protected:
  ExpiryCost() { state.apply_genesis({.index = Index(1), .term = Term(1)}, test_key(), "genesis"); }
  void set(const std::string& key, WallMillis now) {
    Bytes encoded;
    ASSERT_TRUE(encode_words({"SET", key, "1", "PX", "100"}, encoded));
    Bytes payload;
    StateMachine::encode_entry(now, encoded, payload);
    state.apply({.index = state.applied().next(), .term = Term(1)}, payload);
  }
  CountingTable table;
  StateMachine state{table};
};

TEST_F(ExpiryCost, ATimeThatIsStillToComeNeedsNoLookIntoTheTable) {
  set("a", kStartMs);
  ASSERT_EQ(state.expiry_deadline(kStartMs), kStartMs + 100);
  const std::size_t before = table.scans;
  for (int i = 0; i < 50; ++i) EXPECT_EQ(state.expiry_deadline(kStartMs + 99), kStartMs + 100);
  EXPECT_EQ(table.scans, before);
}

TEST_F(ExpiryCost, WhatExpiredLongAgoIsNotWalkedOverAgain) {
  for (std::uint64_t i = 0; i < 2000; ++i) {
    set("k" + std::to_string(i), kStartMs + i);
    (void)state.expiry_deadline(kStartMs + i);
  }
  ASSERT_EQ(state.key_count(), 100U) << "the others are gone";
  EXPECT_LT(table.walked, 2 * 2000U) << "each trace once or twice, not with every look";
}

TEST(Expiry, ADeadlineIsExactOnceItHasCome) {
  Machine machine;
  machine.run({"SET", "a", "1", "PX", "200"});
  machine.run({"SET", "b", "1", "PX", "300"});
  machine.run({"DEL", "a"});
  EXPECT_LE(machine.state.expiry_deadline(kStartMs), kStartMs + 300);
  EXPECT_EQ(machine.state.expiry_deadline(kStartMs + 200), kStartMs + 300);
}

TEST(Expiry, ManyRecordsMayExpireAtTheSameTime) {
  Machine machine;
  const std::string at = std::to_string(kStartMs + 10);
  for (const char* key : {"a", "b", "c"}) machine.run({"SET", key, "1", "PXAT", at});
  machine.pass(10);
  EXPECT_EQ(machine.state.key_count(), 0U);
}

TEST(Expiry, TheLongestKeyCanExpire) {
  Machine machine;
  machine.run({"SET", std::string(511, 'k'), "1", "PX", "10"});
  machine.pass(10);
  EXPECT_EQ(machine.state.key_count(), 0U);
}

TEST(Expiry, SetWithATimeThatIsOverDeletes) {
  Machine machine;
  machine.run({"SET", "a", "1"});
  EXPECT_EQ(machine.run({"SET", "a", "2", "PXAT", "1"}), "+OK");
  EXPECT_EQ(machine.run({"GET", "a"}), "nil");
}

TEST(Expiry, ExpireWithATimeThatIsOverDeletes) {
  Machine machine;
  machine.run({"SET", "a", "1"});
  EXPECT_EQ(machine.run({"EXPIRE", "a", "-1"}), "1");
  EXPECT_EQ(machine.run({"GET", "a"}), "nil");
}

TEST(Expiry, ExpireOfAMissingKeyAnswersZero) {
  EXPECT_EQ(Machine().run({"EXPIRE", "a", "10"}), "0");
}

TEST(Expiry, ExpireNxAndXxLookAtTheExpiryThatIsThere) {
  Machine machine;
  machine.run({"SET", "a", "1"});
  EXPECT_EQ(machine.run({"PEXPIRE", "a", "100", "XX"}), "0");
  EXPECT_EQ(machine.run({"PEXPIRE", "a", "100", "NX"}), "1");
  EXPECT_EQ(machine.run({"PEXPIRE", "a", "200", "NX"}), "0");
  EXPECT_EQ(machine.run({"PEXPIRE", "a", "200", "XX"}), "1");
}

TEST(Expiry, NoExpiryIsAnInfiniteOneForGtAndLt) {
  Machine machine;
  machine.run({"SET", "a", "1"});
  EXPECT_EQ(machine.run({"PEXPIRE", "a", "100", "GT"}), "0");
  EXPECT_EQ(machine.run({"PEXPIRE", "a", "100", "LT"}), "1");
  EXPECT_EQ(machine.run({"PEXPIRE", "a", "100", "GT"}), "0");
  EXPECT_EQ(machine.run({"PEXPIRE", "a", "101", "GT"}), "1");
  EXPECT_EQ(machine.run({"PEXPIRE", "a", "101", "LT"}), "0");
}

TEST(Expiry, PersistTakesAnExpiryAwayOnce) {
  Machine machine;
  machine.run({"SET", "a", "1", "EX", "1"});
  EXPECT_EQ(machine.run({"PERSIST", "a"}), "1");
  EXPECT_EQ(machine.run({"PERSIST", "a"}), "0");
  machine.pass(5000);
  EXPECT_EQ(machine.run({"GET", "a"}), "\"1\"");
}

TEST(Expiry, GetexChangesTheExpiryAndReturnsTheValue) {
  Machine machine;
  machine.run({"SET", "a", "1"});
  EXPECT_EQ(machine.run({"GETEX", "a", "PX", "100"}), "\"1\"");
  EXPECT_EQ(machine.run({"PTTL", "a"}), "100");
  EXPECT_EQ(machine.run({"GETEX", "a", "PERSIST"}), "\"1\"");
  EXPECT_EQ(machine.run({"PTTL", "a"}), "-1");
  EXPECT_EQ(machine.run({"GETEX", "a", "PXAT", "1"}), "\"1\"");
  EXPECT_EQ(machine.run({"GET", "a"}), "nil");
}

TEST(Expiry, GetexWithoutOptionsIsARead) {
  Bytes encoded;
  const auto info = encode_words({"GETEX", "a"}, encoded);
  ASSERT_TRUE(info);
  EXPECT_FALSE(info->is_write);
}

TEST(Expiry, TtlRoundsToTheNearestSecond) {
  Machine machine;
  machine.run({"SET", "a", "1", "PX", "1499"});
  EXPECT_EQ(machine.run({"TTL", "a"}), "1");
  machine.run({"SET", "a", "1", "PX", "1500"});
  EXPECT_EQ(machine.run({"TTL", "a"}), "2");
  EXPECT_EQ(machine.run({"TTL", "missing"}), "-2");
}

TEST(Expiry, ChangingAnExpiryIsANewRevision) {
  Machine machine;
  machine.run({"SET", "a", "v"});
  machine.run({"EXPIRE", "a", "100"});
  EXPECT_EQ(machine.run({"KV.GET", "a"}), "[\"v\" " + std::to_string(machine.index()) + "]");
}

}  // namespace
}  // namespace kvcluster::kv
