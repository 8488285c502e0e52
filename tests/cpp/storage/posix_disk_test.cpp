#include "storage/posix_disk.hpp"

#include <gmock/gmock.h>
#include <sys/stat.h>

#include "storage/temporary_directory.hpp"
#include "storage/wal.hpp"

namespace kvcluster::storage {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class PosixDiskTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto opened = open_posix_disk(directory.path());
    ASSERT_TRUE(opened.has_value()) << opened.error().message();
    disk = std::move(*opened);
  }
  [[nodiscard]] mode_t mode_of(const std::string& name) const {
    struct stat info{};
    EXPECT_EQ(::stat(directory.file(name).c_str(), &info), 0);
    return info.st_mode & 07777;
  }
  testing::TemporaryDirectory directory;
  std::unique_ptr<Disk> disk;
};

TEST_F(PosixDiskTest, ReadsWhatWasWritten) {
  auto file = std::move(*disk->open("a", OpenMode::kCreateNew));
  ASSERT_TRUE(file->write_at(3, "bytes").has_value());
  ASSERT_TRUE(file->sync_data().has_value());
  EXPECT_EQ(*read_file(*disk, "a", 100), Bytes("\0\0\0bytes", 8));
  EXPECT_EQ(file->size().value(), 8U);
}

TEST_F(PosixDiskTest, AReadAtTheEndIsShort) {
  auto file = std::move(*disk->open("a", OpenMode::kCreateNew));
  ASSERT_TRUE(file->write_at(0, "bytes").has_value());
  char out[10];
  EXPECT_EQ(file->read_at(3, out).value(), 2U);
  EXPECT_EQ(file->read_at(9, out).value(), 0U);
}

TEST_F(PosixDiskTest, FilesAndDirectoriesBelongToTheirOwnerOnly) {
  ASSERT_TRUE(disk->make_directory("d").has_value());
  ASSERT_TRUE(disk->open("d/a", OpenMode::kCreateNew).has_value());
  EXPECT_EQ(mode_of("d"), 0700U);
  EXPECT_EQ(mode_of("d/a"), 0600U);
}

TEST_F(PosixDiskTest, AMissingFileIsNamed) {
  const auto opened = disk->open("absent", OpenMode::kExisting);
  ASSERT_FALSE(opened.has_value());
  EXPECT_EQ(opened.error().code, ErrorCode::kNotFound);
  EXPECT_THAT(opened.error().context, HasSubstr("absent"));
}

TEST_F(PosixDiskTest, RenamesListsAndRemoves) {
  ASSERT_TRUE(disk->make_directory("d").has_value());
  ASSERT_TRUE(disk->make_directory("d").has_value());
  ASSERT_TRUE(disk->open("d/a", OpenMode::kCreateNew).has_value());
  ASSERT_TRUE(disk->open("d/b", OpenMode::kCreateNew).has_value());
  ASSERT_TRUE(disk->rename("d/a", "d/c").has_value());
  ASSERT_TRUE(disk->sync_directory("d").has_value());
  EXPECT_THAT(*disk->list("d"), ElementsAre("b", "c"));
  ASSERT_TRUE(disk->remove("d/b").has_value());
  ASSERT_TRUE(disk->remove("d/b").has_value());
  EXPECT_FALSE(*disk->exists("d/b"));
  EXPECT_TRUE(*disk->exists("d/c"));
}

TEST_F(PosixDiskTest, ZeroesAreWrittenNotSkipped) {
  auto file = std::move(*disk->open("a", OpenMode::kCreateNew));
  ASSERT_TRUE(file->fill_zero(0, 1U << 20U).has_value());
  ASSERT_TRUE(file->sync_data().has_value());
  struct stat info{};
  ASSERT_EQ(::stat(directory.file("a").c_str(), &info), 0);
  EXPECT_EQ(info.st_size, 1 << 20);
  EXPECT_GE(info.st_blocks * 512, 1 << 20);
}

TEST_F(PosixDiskTest, CarriesALog) {
  const WalIdentity identity{NodeId(1), {}};
  ASSERT_TRUE(Wal::create(*disk, {}, identity).has_value());
  auto first = Wal::open(*disk, {}, identity);
  ASSERT_TRUE(first.has_value()) << first.error().message();
  raft::PersistBatch batch;
  batch.hard_state = raft::HardState{Term(1), NodeId(1), Index(0)};
  batch.entries = {{Term(1), Index(1), raft::EntryKind::kCommand, Slice::copy_of("x")}};
  ASSERT_TRUE(first->wal->append(batch).has_value());
  ASSERT_TRUE(first->wal->sync().has_value());
  first->wal.reset();
  const auto second = Wal::open(*disk, {}, identity);
  ASSERT_TRUE(second.has_value()) << second.error().message();
  EXPECT_EQ(second->entries, batch.entries);
  EXPECT_EQ(second->hard_state, batch.hard_state);
}

}  // namespace
}  // namespace kvcluster::storage
