// The two digests, the canonical one, and what is saved with a checkpoint. Layouts are repeated
// here by hand: a program of another hand must be able to follow them.
#include "base/codec.hpp"
#include "kv/machine_fixture.hpp"
#include "kv/state_hash.hpp"

namespace kvcluster::kv {
namespace {

Digest link(const Digest& previous, std::uint64_t term, std::uint64_t index, std::uint8_t kind,
            BytesView payload) {
  Bytes bytes;
  Encoder encoder(bytes);
  encoder.u64(term);
  encoder.u64(index);
  encoder.u8(kind);
  encoder.raw(payload);
  return chain(previous, bytes);
}

TEST(Digests, TheHistoryChainsEveryEntryWithItsPlace) {
  MapTable table;
  StateMachine state(table);
  EXPECT_EQ(state.history(), Digest());
  Digest expected;
  state.apply_genesis({.index = Index(1), .term = Term(1)}, test_key(), "genesis");
  expected = link(expected, 1, 1, 3, "genesis");
  EXPECT_EQ(state.history(), expected);
  state.apply_empty({.index = Index(2), .term = Term(2)}, "", false);
  expected = link(expected, 2, 2, 0, "");
  EXPECT_EQ(state.history(), expected);
  state.apply_empty({.index = Index(3), .term = Term(2)}, "members", true);
  expected = link(expected, 2, 3, 2, "members");
  EXPECT_EQ(state.history(), expected);
  Bytes payload;
  StateMachine::encode_clock_entry(5, payload);
  state.apply({.index = Index(4), .term = Term(2)}, payload);
  EXPECT_EQ(state.history(), link(expected, 2, 4, 1, payload));
}

TEST(Digests, TheStateIsTheMultisetOfItsParts) {
  MapTable table;
  StateMachine state(table);
  state.apply_genesis({.index = Index(1), .term = Term(1)}, test_key(), "genesis");
  state.apply_empty({.index = Index(2), .term = Term(1)}, "old members", true);
  state.apply_empty({.index = Index(3), .term = Term(1)}, "members", true);
  Bytes encoded;
  Bytes payload;
  ASSERT_TRUE(encode_words({"SET", "key", "value"}, encoded));
  StateMachine::encode_entry(kStartMs, encoded, payload);
  state.apply({.index = Index(4), .term = Term(1)}, payload);

  MultisetHash expected(test_key());
  expected.add("\xF0genesis");
  expected.add("\xF1members");
  // space, key length, key, type, revision 4, no expiry, value
  expected.add(std::string("\x00\x03key\x00\x04\x00value", 13));
  EXPECT_EQ(state.digests().state, expected.root(4));
  EXPECT_EQ(state.digests().keys, 1U);
}

TEST(Digests, TheCanonicalDigestCanBeRepeatedOnADump) {
  Machine machine;
  machine.run({"SET", "b", "2"});
  machine.run({"SET", "a", "1"});
  machine.state.apply_empty({.index = Index(4), .term = Term(1)}, "members", true);
  const std::string dump = std::string(
                               "\x00\x01"
                               "a\x04\x00\x03\x00"
                               "1",
                               8) +
                           std::string(
                               "\x00\x01"
                               "b\x04\x00\x02\x00"
                               "2",
                               8) +
                           "\xF0\x07genesis\xF1\x07members";
  EXPECT_EQ(machine.state.full_digest(), blake2b_256(dump));
}

TEST(Digests, TheOrderOfWritesDoesNotReachTheState) {
  StateHash first(test_key());
  StateHash second(test_key());
  first.add(Space::kData, "a", "1");
  first.add(Space::kData, "b", "2");
  second.add(Space::kData, "b", "2");
  second.add(Space::kData, "c", "3");
  second.add(Space::kData, "a", "1");
  second.remove(Space::kData, "c", "3");
  EXPECT_EQ(first.root(9), second.root(9));
}

TEST(Digests, WhereAKeyEndsIsPartOfTheHash) {
  StateHash first(test_key());
  StateHash second(test_key());
  first.add(Space::kData, "ab", "c");
  second.add(Space::kData, "a", "bc");
  EXPECT_NE(first.root(1), second.root(1));
}

TEST(Digests, ARepeatedOnceMovesHistoryAndIndexOnly) {
  Machine machine;
  machine.run({"KV.ONCE", "c", "1", "SET", "a", "1"});
  const Digest full = machine.state.full_digest();
  const Digest history = machine.state.history();
  machine.run({"KV.ONCE", "c", "1", "SET", "a", "1"});
  EXPECT_EQ(machine.state.full_digest(), full);
  EXPECT_NE(machine.state.history(), history);
}

TEST(Digests, AFlippedBitInTheTableIsFound) {
  Machine machine;
  machine.run({"SET", "a", "1"});
  EXPECT_TRUE(machine.hash_is_exact());
  Bytes damaged(*machine.table.get(Space::kData, "a"));
  damaged.back() ^= 1;
  machine.table.put(Space::kData, "a", damaged);
  EXPECT_FALSE(machine.hash_is_exact());
}

TEST(Meta, ARestoredMachineGoesOnAsTheOther) {
  Machine machine;
  machine.run({"SET", "a", "1", "PX", "100"});
  machine.run({"KV.ONCE", "c", "1", "INCR", "b"});
  Bytes meta;
  machine.state.encode_meta(meta);
  MapTable table = machine.table;
  StateMachine restored(table);
  ASSERT_TRUE(restored.restore(meta));
  EXPECT_EQ(restored.digests(), machine.state.digests());
  EXPECT_EQ(restored.genesis_payload(), "genesis");
  EXPECT_EQ(restored.session_count(), 1U);
  Bytes payload;
  StateMachine::encode_clock_entry(kStartMs + 100, payload);
  restored.apply({.index = Index(4), .term = Term(1)}, payload);
  machine.pass(100);
  EXPECT_EQ(restored.digests(), machine.state.digests());
  EXPECT_EQ(table, machine.table);
}

TEST(Meta, RefusesEveryTruncationAndChangesNothing) {
  Machine machine;
  machine.run({"SET", "a", "1"});
  const Digests before = machine.state.digests();
  Bytes meta;
  machine.state.encode_meta(meta);
  for (std::size_t size = 0; size < meta.size(); ++size) {
    const Status status = machine.state.restore(BytesView(meta).substr(0, size));
    ASSERT_FALSE(status) << size;
    EXPECT_EQ(status.error().code, ErrorCode::kCorruption);
  }
  EXPECT_EQ(machine.state.digests(), before);
}

TEST(Meta, ANewerFormatIsNamedAsSuch) {
  Machine machine;
  Bytes meta;
  machine.state.encode_meta(meta);
  meta[0] = 2;
  const Status status = machine.state.restore(meta);
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, ErrorCode::kVersionMismatch);
}

TEST(StateMachineDeathTest, EntriesMustComeInOrder) {
  Machine machine;
  EXPECT_DEATH(machine.state.apply_empty({.index = Index(3), .term = Term(1)}, "", false),
               "in order");
}

TEST(StateMachineDeathTest, AnEntryThatCannotBeDecodedEndsTheProcess) {
  Machine machine;
  Bytes payload;
  StateMachine::encode_entry(kStartMs, "\x7f", payload);
  EXPECT_DEATH(machine.apply(payload), "checked before it was proposed");
}

}  // namespace
}  // namespace kvcluster::kv
