// Failing disks end the log; full ones only refuse.
#include <gmock/gmock.h>

#include "storage/wal_fixture.hpp"
#include "storage/wal_format.hpp"
#include "storage/wal_recovery.hpp"

namespace kvcluster::storage::testing {
namespace {

using ::testing::ElementsAre;

class WalRoom : public WalTest {
 protected:
  // Appends until the disk refuses; the index that was refused.
  std::uint64_t fill_disk() {
    for (std::uint64_t i = wal->last().index.value() + 1;; ++i) {
      const auto appended = wal->append(batch({entry(1, i, Bytes(300, 'f'))}));
      if (!appended) {
        EXPECT_EQ(appended.error().code, ErrorCode::kDiskFull) << appended.error().message();
        return i;
      }
      EXPECT_TRUE(wal->sync().has_value());
    }
  }
};

TEST_F(WalRoom, AFailedWriteEndsTheLog) {
  create_and_open();
  ASSERT_TRUE(wal->append(batch({entry(1, 1)})).has_value());
  disk.fail_at(disk.operations(), ErrorCode::kIo);
  EXPECT_FALSE(wal->sync().has_value());
  EXPECT_FALSE(wal->sync().has_value());
  EXPECT_FALSE(wal->append(batch({entry(1, 2)})).has_value());
  EXPECT_FALSE(wal->compact(Index(0)).has_value());
  EXPECT_FALSE(wal->write_mark().has_value());
  EXPECT_FALSE(wal->reset({}, {}).has_value());
}

// Without it, damage to the vote would pass for a torn write: it could be given twice.
TEST_F(WalRoom, AVoteIsFollowedByItsMarkWhereverTheAllocationEnds) {
  create_and_open();
  for (std::uint64_t term = 2; term < 300; ++term) {
    ASSERT_TRUE(wal->append(vote_batch(vote(term, 2))).has_value());
    ASSERT_TRUE(wal->sync().has_value());
    const WalPosition durable = wal->durable_position();
    const Bytes& segment = disk.contents(segment_name(durable.sequence));
    const auto marks = find_marks(segment, kSegmentHeaderBytes, durable.sequence);
    ASSERT_FALSE(marks.empty());
    ASSERT_EQ(mark_at(segment, marks.back(), durable.sequence).durable, durable.offset)
        << "term " << term;
  }
}

TEST_F(WalRoom, AFailedSyncIsNeverTriedAgain) {
  create_and_open();
  ASSERT_TRUE(wal->append(batch({entry(1, 1)})).has_value());
  disk.fail_at(disk.operations() + 1, ErrorCode::kIo);
  const auto first = wal->sync();
  ASSERT_FALSE(first.has_value());
  const std::uint64_t before = disk.operations();
  const auto again = wal->sync();
  ASSERT_FALSE(again.has_value());
  EXPECT_EQ(again.error().context, first.error().context);
  EXPECT_EQ(disk.operations(), before);
}

TEST_F(WalRoom, AWriteIntoAllocatedRoomThatFindsNoSpaceEndsTheLogToo) {
  create_and_open();
  ASSERT_TRUE(wal->append(batch({entry(1, 1)})).has_value());
  disk.fail_at(disk.operations(), ErrorCode::kDiskFull);
  const auto failed = wal->sync();
  ASSERT_FALSE(failed.has_value());
  EXPECT_EQ(failed.error().code, ErrorCode::kIo) << "not one to try again after";
  const auto again = wal->append(batch({entry(1, 2)}));
  ASSERT_FALSE(again.has_value());
  EXPECT_EQ(again.error().code, ErrorCode::kIo);
}

TEST_F(WalRoom, ASyncThatFindsNoSpaceEndsTheLogToo) {
  create_and_open();
  ASSERT_TRUE(wal->append(batch({entry(1, 1)})).has_value());
  disk.fail_at(disk.operations() + 1, ErrorCode::kDiskFull);
  const auto failed = wal->sync();
  ASSERT_FALSE(failed.has_value());
  EXPECT_EQ(failed.error().code, ErrorCode::kIo);
  EXPECT_FALSE(wal->disk_full());
}

// Once the new segment has its room, no step of the turn may look as if nothing had been done.
TEST_F(WalRoom, ATurnThatFindsNoSpaceOnItsWayEndsTheLogToo) {
  int ended = 0;
  for (std::uint64_t step = 0;; ++step) {
    SCOPED_TRACE(step);
    disk.wipe();
    create_and_open();
    write(batch({entry(1, 1)}));
    const std::uint64_t before = disk.operations();
    disk.fail_at(before + step, ErrorCode::kDiskFull);
    const auto reset = wal->reset({Term(3), Index(50)}, vote(3, 1, 50));
    if (reset) break;
    const auto again = wal->append(batch({entry(1, 2)}));
    EXPECT_EQ(reset.error().code == ErrorCode::kDiskFull, again.has_value());
    if (!again) ++ended;
    ASSERT_LT(step, 50U);
  }
  EXPECT_GE(ended, 5) << "seal, sync, header, sync, rename, directory";
}

TEST_F(WalRoom, AFullDiskRefusesEntriesAndKeepsWhatWasThere) {
  create_and_open();
  disk.set_capacity(5000);
  const std::uint64_t refused = fill_disk();
  EXPECT_TRUE(wal->disk_full());
  open();
  EXPECT_EQ(found.entries.size(), refused - 1);
}

TEST_F(WalRoom, AFullDiskAtTheTurnOfASegmentRefusesToo) {
  create_and_open();
  disk.set_capacity(8192 + 600);
  const std::uint64_t refused = fill_disk();
  EXPECT_EQ(wal->segment_count(), 1U);
  open();
  EXPECT_EQ(found.entries.size(), refused - 1);
}

TEST_F(WalRoom, AVoteIsStillTakenWhenTheDiskIsFull) {
  for (const std::uint64_t capacity : {5000U, 8192U + 600U}) {
    SCOPED_TRACE(capacity);
    disk.wipe();
    create_and_open();
    disk.set_capacity(capacity);
    fill_disk();
    write(vote_batch(vote(9, 2)));
    write(vote_batch(vote(10, 3)));
    open();
    EXPECT_EQ(found.hard_state, vote(10, 3));
  }
}

TEST_F(WalRoom, TheRefusedBatchIsTakenOnceThereIsRoomAgain) {
  create_and_open();
  disk.set_capacity(5000);
  const std::uint64_t refused = fill_disk();
  disk.set_capacity(1U << 20U);
  write(batch({entry(1, refused)}));
  EXPECT_FALSE(wal->disk_full());
  open();
  EXPECT_EQ(found.entries.back().index, Index(refused));
}

TEST_F(WalRoom, CompactionGivesAFullDiskRoom) {
  create_and_open();
  disk.set_capacity(std::uint64_t{3} * 8192);
  const std::uint64_t refused = fill_disk();
  ASSERT_TRUE(wal->compact(Index(refused - 1)).has_value());
  write(batch({entry(1, refused)}));
  open();
  EXPECT_EQ(found.entries.back().index, Index(refused));
}

TEST_F(WalRoom, WhatIsSaidToFitFits) {
  create_and_open();
  write(batch({entry(1, 1)}));
  disk.set_capacity(0);
  std::uint64_t i = 2;
  const std::uint64_t record = 28 + 100;
  ASSERT_GT(wal->room_bytes(), record);
  while (wal->room_bytes() >= record) write(batch({entry(1, i++, Bytes(100, 'r'))}));
  EXPECT_FALSE(wal->append(batch({entry(1, i, Bytes(700, 'r'))})).has_value());
  open();
  EXPECT_EQ(found.entries.back().index, Index(i - 1));
}

TEST_F(WalRoom, AResetOnAFullDiskChangesNothing) {
  create_and_open();
  write(batch({entry(1, 1)}));
  disk.set_capacity(0);
  const auto refused = wal->reset({Term(3), Index(50)}, vote(3, 1, 50));
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, ErrorCode::kDiskFull);
  write(batch({entry(1, 2)}));
  open();
  EXPECT_THAT(found_indices(), ElementsAre(1, 2));
}

}  // namespace
}  // namespace kvcluster::storage::testing
