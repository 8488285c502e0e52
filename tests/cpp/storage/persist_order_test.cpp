// The order in which persist batches become durable: who writes them, and when one may be vouched
// for.
#include "storage/persist_order.hpp"

#include <gtest/gtest.h>

#include "storage/wal_fixture.hpp"

namespace kvcluster::storage {
namespace {

using testing::entry;
using testing::vote;

constexpr bool kQuick = true;
constexpr bool kSlow = false;

raft::PersistBatch writing(std::uint64_t sequence, std::size_t entries = 1) {
  raft::PersistBatch made;
  made.sequence = sequence;
  for (std::size_t i = 0; i < entries; ++i) made.entries.push_back(entry(1, i + 1));
  return made;
}

raft::PersistBatch without_writes(std::uint64_t sequence) {
  raft::PersistBatch made;
  made.sequence = sequence;
  return made;
}

template <typename... Batch>
PersistOrder::Batches turn(Batch... batch) {
  PersistOrder::Batches batches;
  (batches.push_back(std::move(batch)), ...);
  return batches;
}

std::vector<std::uint64_t> sequences(const PersistOrder::Batches& batches) {
  std::vector<std::uint64_t> found;
  found.reserve(batches.size());
  for (const raft::PersistBatch& batch : batches) found.push_back(batch.sequence);
  return found;
}

using Sequences = std::vector<std::uint64_t>;

class StoragePersistOrder : public ::testing::Test {
 protected:
  // The sequences that the writer was given.
  Sequences start(PersistOrder::Batches batches, bool quick = kQuick) {
    return sequences(order.start(std::move(batches), quick));
  }
  [[nodiscard]] Sequences own() const { return sequences(order.own()); }

  PersistOrder order;
};

TEST_F(StoragePersistOrder, ASmallTurnIsTheReactorsWhenTheWriterIsIdle) {
  EXPECT_EQ(start(turn(writing(1), writing(2))), Sequences());
  EXPECT_EQ(own(), Sequences({1, 2}));
  EXPECT_TRUE(order.idle());
}

TEST_F(StoragePersistOrder, ASlowDiskIsTheWriters) {
  EXPECT_EQ(start(turn(writing(1)), kSlow), Sequences({1}));
  EXPECT_EQ(own(), Sequences());
  EXPECT_FALSE(order.idle());
}

TEST_F(StoragePersistOrder, OneEntryBelowTheLimitIsTheReactors) {
  EXPECT_EQ(start(turn(writing(1, PersistOrder::kReactorEntries - 1))), Sequences());
}

TEST_F(StoragePersistOrder, EntriesOfATurnCountTogetherAgainstTheLimit) {
  const std::size_t half = PersistOrder::kReactorEntries / 2;
  EXPECT_EQ(start(turn(writing(1, half), writing(2, half))), Sequences({1, 2}));
}

TEST_F(StoragePersistOrder, OneByteBelowTheLimitIsTheReactors) {
  const std::size_t payload = PersistOrder::kReactorBytes - PersistOrder::kEntryOverhead - 1;
  raft::PersistBatch batch = without_writes(1);
  batch.entries.push_back(entry(1, 1, Bytes(payload, 'x')));
  EXPECT_EQ(start(turn(std::move(batch))), Sequences());
}

TEST_F(StoragePersistOrder, BytesOfATurnCountTogetherAgainstTheLimit) {
  const std::size_t payload = PersistOrder::kReactorBytes / 2 - PersistOrder::kEntryOverhead;
  raft::PersistBatch first = without_writes(1);
  first.entries.push_back(entry(1, 1, Bytes(payload, 'x')));
  raft::PersistBatch second = without_writes(2);
  second.entries.push_back(entry(1, 2, Bytes(payload, 'x')));
  EXPECT_EQ(start(turn(std::move(first), std::move(second))), Sequences({1, 2}));
}

TEST_F(StoragePersistOrder, ALogResetIsTheWriters) {
  raft::PersistBatch reset = without_writes(1);
  reset.log_reset = raft::EntryId{Term(4), Index(50)};
  EXPECT_EQ(start(turn(std::move(reset))), Sequences({1}));
}

TEST_F(StoragePersistOrder, AVoteAloneIsAWrite) {
  raft::PersistBatch batch = without_writes(1);
  batch.hard_state = vote(4, 2);
  EXPECT_EQ(start(turn(std::move(batch))), Sequences());
  EXPECT_EQ(own(), Sequences({1}));
  EXPECT_EQ(order.release(), 0U);
}

TEST_F(StoragePersistOrder, ATruncationAloneIsAWrite) {
  raft::PersistBatch batch = without_writes(1);
  batch.truncate_from = Index(7);
  EXPECT_EQ(start(turn(std::move(batch))), Sequences());
  EXPECT_EQ(own(), Sequences({1}));
  EXPECT_EQ(order.release(), 0U);
}

TEST_F(StoragePersistOrder, NothingIsDurableBeforeItIsSynced) {
  start(turn(writing(1)));
  EXPECT_EQ(order.release(), 0U);
}

TEST_F(StoragePersistOrder, ASyncOfTheReactorCoversAllThatItAppended) {
  start(turn(writing(1), writing(2)));
  EXPECT_EQ(sequences(order.own_synced(2)), Sequences());
  EXPECT_EQ(own(), Sequences());
  EXPECT_EQ(order.release(), 2U);
}

TEST_F(StoragePersistOrder, NothingIsToldTwice) {
  start(turn(writing(1)));
  ASSERT_TRUE(order.own_synced(1).empty());
  EXPECT_EQ(order.release(), 1U);
  EXPECT_EQ(order.release(), 0U);
}

TEST_F(StoragePersistOrder, WhatFoundNoRoomBecomesTheWriters) {
  start(turn(writing(1), writing(2), writing(3)));
  EXPECT_EQ(sequences(order.own_synced(1)), Sequences({2, 3}));
  EXPECT_EQ(own(), Sequences());
  EXPECT_FALSE(order.idle());
  EXPECT_EQ(order.release(), 1U) << "what was appended before it is durable";
}

TEST_F(StoragePersistOrder, ATurnOfWhichNothingFoundRoomMakesNothingDurable) {
  start(turn(writing(1)));
  EXPECT_EQ(sequences(order.own_synced(0)), Sequences({1}));
  EXPECT_EQ(order.release(), 0U);
}

TEST_F(StoragePersistOrder, ASmallTurnGoesBehindWhatTheWriterHas) {
  start(turn(writing(1)), kSlow);
  EXPECT_EQ(start(turn(writing(2))), Sequences({2}));
  EXPECT_EQ(own(), Sequences());
}

TEST_F(StoragePersistOrder, WhatTheReactorHasNotWrittenGoesBeforeALaterTurn) {
  start(turn(writing(1)));
  EXPECT_EQ(start(turn(writing(2)), kSlow), Sequences({1, 2}));
  EXPECT_EQ(own(), Sequences());
}

TEST_F(StoragePersistOrder, ASecondSmallTurnStandsBehindTheFirst) {
  start(turn(writing(1)));
  EXPECT_EQ(start(turn(writing(2))), Sequences());
  EXPECT_EQ(own(), Sequences({1, 2}));
}

TEST_F(StoragePersistOrder, WhatTheReactorHasNotWrittenGoesBeforeACompaction) {
  start(turn(writing(1)));
  EXPECT_EQ(sequences(order.begin_compaction()), Sequences({1}));
  EXPECT_EQ(own(), Sequences());
}

TEST_F(StoragePersistOrder, TheLogIsTheWritersWhileItCompacts) {
  ASSERT_TRUE(order.begin_compaction().empty());
  EXPECT_FALSE(order.idle());
  EXPECT_EQ(start(turn(writing(1))), Sequences({1}));
}

TEST_F(StoragePersistOrder, ACompactionMakesNoBatchDurable) {
  start(turn(writing(1)));
  ASSERT_EQ(sequences(order.begin_compaction()), Sequences({1}));
  ASSERT_EQ(start(turn(writing(2))), Sequences({2}));
  order.writer_synced(1, 1);
  EXPECT_EQ(order.release(), 1U);
  order.writer_synced(0, 1);
  EXPECT_EQ(order.release(), 0U);
  EXPECT_FALSE(order.idle()) << "the second batch is still there";
}

TEST_F(StoragePersistOrder, ASyncOfTheWriterCoversAllBatchesBefore) {
  start(turn(writing(1)), kSlow);
  start(turn(writing(2)), kSlow);
  start(turn(writing(3)), kSlow);
  order.writer_synced(2, 2);
  EXPECT_EQ(order.release(), 2U);
  EXPECT_FALSE(order.idle());
  order.writer_synced(3, 1);
  EXPECT_EQ(order.release(), 3U);
  EXPECT_TRUE(order.idle());
}

TEST_F(StoragePersistOrder, AReportOfAFullDiskMakesNothingDurable) {
  start(turn(writing(1)), kSlow);
  order.writer_synced(0, 0);
  EXPECT_EQ(order.release(), 0U);
  EXPECT_FALSE(order.idle());
}

TEST_F(StoragePersistOrder, TheReactorWritesAgainWhenTheWriterIsDone) {
  start(turn(writing(1)), kSlow);
  order.writer_synced(1, 1);
  EXPECT_EQ(start(turn(writing(2))), Sequences());
  EXPECT_EQ(own(), Sequences({2}));
}

TEST_F(StoragePersistOrder, ABatchWithoutWritesIsGivenToNobody) {
  EXPECT_EQ(start(turn(without_writes(1)), kSlow), Sequences());
  EXPECT_EQ(own(), Sequences());
  EXPECT_TRUE(order.idle());
}

TEST_F(StoragePersistOrder, ABatchWithoutWritesIsDurableAtOnceWhenNothingIsBeforeIt) {
  start(turn(without_writes(1)));
  EXPECT_EQ(order.release(), 1U);
}

TEST_F(StoragePersistOrder, ABatchWithoutWritesWaitsForTheOneBefore) {
  start(turn(writing(1), without_writes(2)), kSlow);
  EXPECT_EQ(order.release(), 0U);
  order.writer_synced(1, 1);
  EXPECT_EQ(order.release(), 2U);
}

TEST_F(StoragePersistOrder, ABatchWithoutWritesDoesNotWaitForTheOneBehind) {
  start(turn(without_writes(1), writing(2)), kSlow);
  EXPECT_EQ(order.release(), 1U);
  EXPECT_EQ(order.release(), 0U);
}

TEST_F(StoragePersistOrder, NeighboursWithoutWritesBecomeDurableTogether) {
  start(turn(writing(1), without_writes(2)), kSlow);
  start(turn(without_writes(3), without_writes(4)), kSlow);
  start(turn(writing(5)), kSlow);
  order.writer_synced(1, 1);
  EXPECT_EQ(order.release(), 4U);
  order.writer_synced(5, 1);
  EXPECT_EQ(order.release(), 5U);
}

TEST_F(StoragePersistOrder, LoggedBytesCountPayloadsAndAnOverheadAnEntry) {
  start(turn(writing(1, 2), without_writes(2)));
  const std::size_t payload = writing(1).entries.front().payload.size();
  EXPECT_EQ(order.logged_bytes(), 2 * (payload + PersistOrder::kEntryOverhead));
}

using StoragePersistOrderDeathTest = StoragePersistOrder;

TEST_F(StoragePersistOrderDeathTest, ABatchThatComesLateIsRefused) {
  start(turn(writing(2)));
  EXPECT_DEATH(start(turn(writing(1))), "come in their order");
}

TEST_F(StoragePersistOrderDeathTest, TheReactorCannotHaveWrittenMoreThanItsOwn) {
  start(turn(writing(1)));
  EXPECT_DEATH(static_cast<void>(order.own_synced(2)), "its own");
}

TEST_F(StoragePersistOrderDeathTest, TheWriterCannotHaveDoneMoreThanItWasGiven) {
  start(turn(writing(1)), kSlow);
  EXPECT_DEATH(order.writer_synced(1, 2), "does what it was given");
}

TEST_F(StoragePersistOrderDeathTest, TheWriterCannotHaveSyncedWhatNeverWas) {
  start(turn(writing(1)), kSlow);
  EXPECT_DEATH(order.writer_synced(2, 1), "syncs what it was given");
}

}  // namespace
}  // namespace kvcluster::storage
