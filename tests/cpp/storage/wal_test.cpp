// What is written is found again.
#include "storage/wal.hpp"

#include <gmock/gmock.h>

#include "storage/wal_fixture.hpp"

namespace kvcluster::storage::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

using WalBasics = WalTest;

TEST_F(WalBasics, AFreshLogIsEmpty) {
  create_and_open();
  EXPECT_THAT(found.entries, IsEmpty());
  EXPECT_EQ(found.log_base, raft::EntryId{});
  EXPECT_EQ(found.hard_state, raft::HardState{});
  EXPECT_EQ(found.torn_bytes, 0U);
}

TEST_F(WalBasics, EntriesComeBackAsTheyWere) {
  create_and_open();
  const std::vector<raft::Entry> entries = {
      {Term(1), Index(1), raft::EntryKind::kGenesis, Slice::copy_of("genesis")},
      {Term(2), Index(2), raft::EntryKind::kNoop, Slice()},
      {Term(2), Index(3), raft::EntryKind::kCommand, Slice::copy_of(Bytes(1000, '\0'))},
      {Term(2), Index(4), raft::EntryKind::kConfiguration, Slice::copy_of("members")},
  };
  write(batch(entries));
  open();
  EXPECT_EQ(found.entries, entries);
}

TEST_F(WalBasics, AVoteIsKept) {
  create_and_open();
  write(vote_batch(vote(7, 3, 0)));
  open();
  EXPECT_EQ(found.hard_state, vote(7, 3, 0));
}

TEST_F(WalBasics, ABatchIsOneWriteAndOneSync) {
  options.segment_bytes = 1U << 20U;
  options.grow_bytes = 1U << 20U;
  create_and_open();
  std::vector<raft::Entry> entries;
  for (std::uint64_t i = 1; i <= 800; ++i) entries.push_back(entry(1, i, Bytes(100, 'v')));
  const std::uint64_t before = disk.operations();
  write(batch(entries));
  EXPECT_EQ(disk.operations() - before, 2U);
}

TEST_F(WalBasics, SeveralBatchesShareAWriteAndASync) {
  create_and_open();
  const std::uint64_t before = disk.operations();
  ASSERT_TRUE(wal->append(vote_batch(vote(1, 1))).has_value());
  ASSERT_TRUE(wal->append(batch({entry(1, 1)})).has_value());
  ASSERT_TRUE(wal->append(batch({entry(1, 2)})).has_value());
  ASSERT_TRUE(wal->sync().has_value());
  // The third operation is the mark that follows a vote.
  EXPECT_EQ(disk.operations() - before, 3U);
  open();
  EXPECT_THAT(found_indices(), ElementsAre(1, 2));
}

TEST_F(WalBasics, AnEmptyBatchWritesNothing) {
  create_and_open();
  const std::uint64_t before = disk.operations();
  write({});
  EXPECT_EQ(disk.operations(), before);
}

TEST_F(WalBasics, TheDurablePositionMovesWithTheSync) {
  create_and_open();
  const WalPosition start = wal->durable_position();
  ASSERT_TRUE(wal->append(batch({entry(1, 1)})).has_value());
  EXPECT_EQ(wal->durable_position(), start);
  EXPECT_GT(wal->appended_position(), start);
  ASSERT_TRUE(wal->sync().has_value());
  EXPECT_EQ(wal->durable_position(), wal->appended_position());
}

TEST_F(WalBasics, ATruncationTakesTheTailAway) {
  create_and_open();
  write(batch({entry(1, 1), entry(1, 2), entry(1, 3)}));
  write(replace_batch(2, {entry(2, 2, "other")}));
  open();
  ASSERT_THAT(found_indices(), ElementsAre(1, 2));
  EXPECT_EQ(found.entries[1], entry(2, 2, "other"));
  EXPECT_EQ(wal->last(), (raft::EntryId{Term(2), Index(2)}));
}

TEST_F(WalBasics, ATruncationOfAllLeavesTheBase) {
  create_and_open();
  write(batch({entry(1, 1), entry(1, 2)}));
  write(replace_batch(1, {}));
  open();
  EXPECT_THAT(found.entries, IsEmpty());
  EXPECT_EQ(wal->last(), raft::EntryId{});
}

TEST_F(WalBasics, ALogOfManySegmentsComesBackWhole) {
  create_and_open();
  for (std::uint64_t i = 1; i <= 200; ++i) write(batch({entry(1 + i / 50, i, Bytes(200, 'x'))}));
  EXPECT_GT(wal->segment_count(), 3U);
  open();
  ASSERT_EQ(found.entries.size(), 200U);
  for (std::uint64_t i = 1; i <= 200; ++i) {
    EXPECT_EQ(found.entries[i - 1], entry(1 + i / 50, i, Bytes(200, 'x')));
  }
}

TEST_F(WalBasics, TheHardStateSurvivesATurnOfTheSegmentAndItsCompaction) {
  create_and_open();
  write(vote_batch(vote(5, 2, 0)));
  for (std::uint64_t i = 1; i <= 100; ++i) write(batch({entry(5, i, Bytes(200, 'x'))}));
  ASSERT_TRUE(wal->compact(Index(90)).has_value());
  open();
  EXPECT_EQ(found.hard_state, vote(5, 2, 0));
}

TEST_F(WalBasics, CompactionKeepsAllThatIsNewer) {
  create_and_open();
  for (std::uint64_t i = 1; i <= 200; ++i) write(batch({entry(1, i, Bytes(200, 'x'))}));
  const std::size_t before = wal->segment_count();
  ASSERT_TRUE(wal->compact(Index(150)).has_value());
  EXPECT_LT(wal->segment_count(), before);
  open();
  EXPECT_LE(found.log_base.index, Index(150));
  EXPECT_GT(found.log_base.index, Index(0));
  EXPECT_EQ(found.entries.front().index, found.log_base.index.next());
  EXPECT_EQ(found.entries.back().index, Index(200));
  EXPECT_EQ(wal->base(), found.log_base);
}

TEST_F(WalBasics, CompactionNeverTakesTheNewestSegment) {
  create_and_open();
  write(batch({entry(1, 1)}));
  ASSERT_TRUE(wal->compact(Index(1)).has_value());
  open();
  EXPECT_THAT(found_indices(), ElementsAre(1));
}

TEST_F(WalBasics, RecycledSegmentsAreUsedAgain) {
  create_and_open();
  for (std::uint64_t i = 1; i <= 400; ++i) {
    write(batch({entry(1, i, Bytes(200, 'x'))}));
    if (i % 40 == 0) {
      ASSERT_TRUE(wal->compact(Index(i)).has_value());
    }
  }
  const auto names = disk.list("wal");
  ASSERT_TRUE(names.has_value());
  EXPECT_LE(names->size(), 5U);
  open();
  EXPECT_EQ(found.entries.back().index, Index(400));
}

TEST_F(WalBasics, StaleRecordsOfARecycledSegmentAreNotSeen) {
  create_and_open();
  std::uint64_t i = 0;
  while (wal->segment_count() < 3) write(batch({entry(1, ++i, Bytes(200, 'x'))}));
  ASSERT_TRUE(wal->compact(Index(i)).has_value());
  // The next turn takes a recycled file, full of valid records of its former life.
  const std::uint64_t sequence = wal->appended_position().sequence;
  while (wal->appended_position().sequence == sequence) {
    write(batch({entry(1, ++i, Bytes(200, 'x'))}));
  }
  open();
  EXPECT_EQ(found.entries.back().index, Index(i));
  EXPECT_EQ(found.torn_bytes, 0U);
}

TEST_F(WalBasics, ATruncationBelowARetiredSegmentsEndIsReadBackRight) {
  create_and_open();
  std::uint64_t i = 0;
  while (wal->segment_count() < 2) write(batch({entry(1, ++i, Bytes(200, 'x'))}));
  // The new segment's base is entry i - 1; cut below it, then go on well beyond.
  const std::uint64_t cut = i - 5;
  write(replace_batch(cut, {entry(2, cut)}));
  for (std::uint64_t k = cut + 1; k <= i + 5; ++k) write(batch({entry(2, k)}));
  ASSERT_TRUE(wal->compact(Index(i + 1)).has_value());
  ASSERT_EQ(wal->segment_count(), 1U);
  open();
  EXPECT_EQ(found.log_base, (raft::EntryId{Term(1), Index(cut - 1)}));
  EXPECT_EQ(found.entries.front(), entry(2, cut));
  EXPECT_EQ(found.entries.back().index, Index(i + 5));
}

TEST_F(WalBasics, AResetStartsTheLogAnew) {
  create_and_open();
  write(batch({entry(1, 1), entry(1, 2)}));
  ASSERT_TRUE(wal->reset({Term(4), Index(100)}, vote(5, 2, 100)).has_value());
  write(batch({entry(5, 101)}));
  open();
  EXPECT_EQ(found.log_base, (raft::EntryId{Term(4), Index(100)}));
  EXPECT_EQ(found.hard_state, vote(5, 2, 100));
  EXPECT_THAT(found_indices(), ElementsAre(101));
}

TEST_F(WalBasics, ABatchThatResetsTheLogDoesSoBeforeItsEntries) {
  create_and_open();
  write(batch({entry(1, 1), entry(1, 2)}));
  ASSERT_TRUE(wal->append(batch({entry(1, 3)})).has_value());  // not yet synced
  raft::PersistBatch made = batch({entry(5, 101)});
  made.log_reset = raft::EntryId{Term(4), Index(100)};
  made.hard_state = vote(5, 2, 100);
  write(made);
  open();
  EXPECT_EQ(found.log_base, (raft::EntryId{Term(4), Index(100)}));
  EXPECT_EQ(found.hard_state, vote(5, 2, 100));
  EXPECT_THAT(found_indices(), ElementsAre(101));
}

TEST_F(WalBasics, ALargeBatchGetsASegmentOfItsOwnSize) {
  create_and_open();
  write(batch({entry(1, 1, Bytes(100'000, 'l')), entry(1, 2)}));
  write(batch({entry(1, 3)}));
  open();
  ASSERT_THAT(found_indices(), ElementsAre(1, 2, 3));
  EXPECT_EQ(found.entries[0].payload.size(), 100'000U);
}

TEST_F(WalBasics, ABatchBeyondTheLimitIsRefusedAndNothingIsTaken) {
  create_and_open();
  options.max_batch_bytes = 1000;
  open();
  const auto refused = wal->append(batch({entry(1, 1, Bytes(1000, 'l'))}));
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, ErrorCode::kLimitExceeded);
  write(batch({entry(1, 1)}));
  open();
  EXPECT_EQ(found.entries, std::vector<raft::Entry>{entry(1, 1)});
}

TEST_F(WalBasics, AppendingMoreThanTheBufferIsWrittenBeforeTheSync) {
  create_and_open();
  options.write_buffer_bytes = 256;
  open();
  for (std::uint64_t i = 1; i <= 20; ++i) {
    ASSERT_TRUE(wal->append(batch({entry(1, i, Bytes(100, 'b'))})).has_value());
  }
  ASSERT_TRUE(wal->sync().has_value());
  open();
  EXPECT_EQ(found.entries.size(), 20U);
}

TEST_F(WalBasics, AnotherNodesLogIsRefused) {
  create();
  const auto opened = Wal::open(disk, options, {NodeId(2), identity.incarnation});
  ASSERT_FALSE(opened.has_value());
  EXPECT_EQ(opened.error().code, ErrorCode::kWrongIdentity);
}

TEST_F(WalBasics, AnotherIncarnationsLogIsRefused) {
  create();
  const auto opened = Wal::open(disk, options, {identity.node, {9}});
  ASSERT_FALSE(opened.has_value());
  EXPECT_EQ(opened.error().code, ErrorCode::kWrongIdentity);
}

TEST_F(WalBasics, AMissingLogIsRefused) {
  ASSERT_TRUE(disk.make_directory("wal").has_value());
  const auto opened = Wal::open(disk, options, identity);
  ASSERT_FALSE(opened.has_value());
  EXPECT_EQ(opened.error().code, ErrorCode::kCorruption);
}

}  // namespace
}  // namespace kvcluster::storage::testing
