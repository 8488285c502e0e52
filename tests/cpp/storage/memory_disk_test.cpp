// The disk that tests trust must lose what a real one may lose, and nothing else.
#include "storage/memory_disk.hpp"

#include <gmock/gmock.h>

namespace kvcluster::storage {
namespace {

using ::testing::ElementsAre;

class MemoryDiskTest : public ::testing::Test {
 protected:
  std::unique_ptr<File> make(const std::string& name, BytesView bytes) {
    auto file = disk.open(name, OpenMode::kCreateNew);
    EXPECT_TRUE((*file)->write_at(0, bytes).has_value());
    return std::move(*file);
  }
  void make_durable(const std::string& name, BytesView bytes) {
    EXPECT_TRUE(make(name, bytes)->sync_data().has_value());
    EXPECT_TRUE(disk.sync_directory("").has_value());
  }
  // Runs `check` after the crashes of many seeds; how often it held.
  template <typename Check>
  int count_crashes(Check check) {
    int held = 0;
    for (std::uint64_t seed = 0; seed < 50; ++seed) {
      const auto copy = disk.clone();
      copy->crash(seed);
      held += check(*copy) ? 1 : 0;
    }
    return held;
  }
  MemoryDisk disk;
};

TEST_F(MemoryDiskTest, SyncedBytesUnderASyncedNameSurvive) {
  make_durable("a", "bytes");
  EXPECT_EQ(count_crashes([](MemoryDisk& d) { return d.contents("a") == "bytes"; }), 50);
}

TEST_F(MemoryDiskTest, UnsyncedBytesAreSometimesLostAndSometimesNot) {
  make_durable("a", "old");
  ASSERT_TRUE((*disk.open("a", OpenMode::kExisting))->write_at(0, "new").has_value());
  const int kept = count_crashes([](MemoryDisk& d) { return d.contents("a") == "new"; });
  const int lost = count_crashes([](MemoryDisk& d) { return d.contents("a") == "old"; });
  EXPECT_GT(kept, 0);
  EXPECT_GT(lost, 0);
}

TEST_F(MemoryDiskTest, UnsyncedWritesAreTornAndReordered) {
  make_durable("a", Bytes(2048, '0'));
  ASSERT_TRUE((*disk.open("a", OpenMode::kExisting))->write_at(0, Bytes(2048, '1')).has_value());
  EXPECT_GT(count_crashes([](MemoryDisk& d) {
              return d.contents("a").front() == '0' && d.contents("a").back() == '1';
            }),
            0);
}

TEST_F(MemoryDiskTest, AnUnsyncedNameIsSometimesForgotten) {
  ASSERT_TRUE(make("a", "bytes")->sync_data().has_value());
  const int kept = count_crashes([](MemoryDisk& d) { return *d.exists("a"); });
  EXPECT_GT(kept, 0);
  EXPECT_LT(kept, 50);
}

TEST_F(MemoryDiskTest, ARenameIsOneStep) {
  make_durable("a", "new");
  make_durable("b", "old");
  ASSERT_TRUE(disk.rename("a", "b").has_value());
  EXPECT_EQ(count_crashes(
                [](MemoryDisk& d) { return d.contents("b") == (*d.exists("a") ? "old" : "new"); }),
            50);
}

TEST_F(MemoryDiskTest, AFailedSyncLosesItsBytesAlthoughTheyReadBack) {
  make_durable("a", "old");
  auto file = std::move(*disk.open("a", OpenMode::kExisting));
  ASSERT_TRUE(file->write_at(0, "new").has_value());
  disk.fail_at(disk.operations(), ErrorCode::kIo);
  EXPECT_FALSE(file->sync_data().has_value());
  EXPECT_EQ(disk.contents("a"), "new");
  EXPECT_TRUE(file->sync_data().has_value());  // the second one is no proof
  EXPECT_EQ(count_crashes([](MemoryDisk& d) { return d.contents("a") == "old"; }), 50);
}

TEST_F(MemoryDiskTest, NothingWorksWhileThePowerIsOff) {
  make_durable("a", "old");
  auto file = std::move(*disk.open("a", OpenMode::kExisting));
  disk.fail_from(disk.operations());
  EXPECT_FALSE(file->write_at(0, "new").has_value());
  EXPECT_FALSE(file->sync_data().has_value());
  EXPECT_FALSE(disk.remove("a").has_value());
  disk.crash(1);
  EXPECT_EQ(disk.contents("a"), "old");
  EXPECT_FALSE(file->write_at(0, "new").has_value());  // opened before the crash
}

TEST_F(MemoryDiskTest, AFullDiskRefusesToGrowAFile) {
  make_durable("a", "12345");
  disk.set_capacity(5);
  auto file = std::move(*disk.open("a", OpenMode::kExisting));
  EXPECT_TRUE(file->write_at(0, "abcde").has_value());
  const auto refused = file->write_at(5, "f");
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, ErrorCode::kDiskFull);
  ASSERT_TRUE(disk.remove("a").has_value());
  EXPECT_EQ(make("b", "12345")->size().value(), 5U);
}

TEST_F(MemoryDiskTest, ListsADirectoryInOrder) {
  ASSERT_TRUE(disk.make_directory("d").has_value());
  make("d/b", "");
  make("d/a", "");
  make("c", "");
  EXPECT_THAT(*disk.list("d"), ElementsAre("a", "b"));
  EXPECT_THAT(*disk.list(""), ElementsAre("c", "d"));
}

TEST_F(MemoryDiskTest, ReplacingAFileLeavesTheOldBytesOrTheNew) {
  make_durable("a", "old");
  const std::uint64_t first = disk.operations();
  ASSERT_TRUE(replace_file(*disk.clone(), "a", "new").has_value());
  for (std::uint64_t at = first; at < first + 5; ++at) {
    for (std::uint64_t seed = 0; seed < 20; ++seed) {
      const auto copy = disk.clone();
      copy->fail_from(at);
      EXPECT_FALSE(replace_file(*copy, "a", "new").has_value());
      copy->crash(seed);
      EXPECT_THAT(copy->contents("a"), ::testing::AnyOf("old", "new"));
    }
  }
}

}  // namespace
}  // namespace kvcluster::storage
