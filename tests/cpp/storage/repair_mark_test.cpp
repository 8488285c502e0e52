// The REPAIR file: written whole, noticed when damaged, gone when removed.
#include "storage/repair_mark.hpp"

#include <gtest/gtest.h>

#include "storage/memory_disk.hpp"

namespace kvcluster::storage {
namespace {

RepairMark example() {
  RepairMark mark;
  mark.floor = {Term(3), Index(70)};
  mark.configuration.members.push_back({NodeId(1), raft::MemberRole::kVoter, {7}, "host:1"});
  mark.genesis = "genesis";
  mark.cause = "wal/segment-0000000001, offset 600: damaged";
  return mark;
}

TEST(RepairMark, ComesBackAsItWasWritten) {
  MemoryDisk disk;
  EXPECT_EQ(read_repair_mark(disk).value(), std::nullopt);
  ASSERT_TRUE(write_repair_mark(disk, example()));
  disk.crash(1);
  EXPECT_EQ(read_repair_mark(disk).value(), example());
}

TEST(RepairMark, WithoutAnythingKnownComesBackToo) {
  MemoryDisk disk;
  ASSERT_TRUE(write_repair_mark(disk, {}));
  EXPECT_EQ(read_repair_mark(disk).value(), RepairMark{});
}

TEST(RepairMark, RemovedStaysRemoved) {
  MemoryDisk disk;
  ASSERT_TRUE(write_repair_mark(disk, example()));
  ASSERT_TRUE(remove_repair_mark(disk));
  disk.crash(1);
  EXPECT_EQ(read_repair_mark(disk).value(), std::nullopt);
}

TEST(RepairMark, EveryFlippedBitIsNoticed) {
  MemoryDisk disk;
  ASSERT_TRUE(write_repair_mark(disk, example()));
  const std::size_t size = disk.contents(kRepairMarkFile).size();
  for (std::size_t offset = 0; offset < size; ++offset) {
    for (unsigned bit = 0; bit < 8; ++bit) {
      const auto copy = disk.clone();
      copy->flip_bit(kRepairMarkFile, offset, bit);
      const auto read = read_repair_mark(*copy);
      ASSERT_FALSE(read.has_value()) << "at byte " << offset;
      EXPECT_NE(read.error().context.find("REPAIR"), std::string::npos);
    }
  }
}

TEST(RepairMark, ACrashAtAnyStepOfAReplacementLeavesTheOldOrTheNew) {
  RepairMark newer = example();
  newer.floor.index = Index(90);
  newer.cause = "another";
  MemoryDisk whole;
  ASSERT_TRUE(write_repair_mark(whole, example()));
  const std::uint64_t first = whole.operations();
  ASSERT_TRUE(write_repair_mark(whole, newer));
  const std::uint64_t last = whole.operations();
  for (std::uint64_t at = first; at <= last; ++at) {
    for (std::uint64_t seed = 0; seed < 8; ++seed) {
      SCOPED_TRACE(at);
      MemoryDisk disk;
      ASSERT_TRUE(write_repair_mark(disk, example()));
      disk.fail_from(at);
      const bool written = write_repair_mark(disk, newer).has_value();
      disk.crash(seed);
      const auto found = read_repair_mark(disk);
      ASSERT_TRUE(found.has_value() && found->has_value());
      EXPECT_TRUE(**found == newer || (!written && **found == example()));
    }
  }
}

}  // namespace
}  // namespace kvcluster::storage
