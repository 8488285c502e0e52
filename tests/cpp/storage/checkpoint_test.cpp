#include "storage/checkpoint.hpp"

#include <gmock/gmock.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "storage/checkpoint_fixture.hpp"

namespace kvcluster::storage::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pair;

using CheckpointStoreTest = CheckpointTest;

TEST_F(CheckpointStoreTest, IsEmptyBeforeTheFirstCheckpoint) {
  EXPECT_FALSE(store->meta().has_value());
  EXPECT_TRUE(contents_of(*table).empty());
}

TEST_F(CheckpointStoreTest, RecordsAndMetaComeBackTogether) {
  put("a", "1");
  checkpoint(meta_at(10, 3));
  open();
  EXPECT_EQ(store->meta(), meta_at(10, 3));
  EXPECT_THAT(contents_of(*table), ElementsAre(Pair("a", "1")));
}

TEST_F(CheckpointStoreTest, WhatWasNotCheckpointedIsNotThere) {
  put("a", "1");
  checkpoint(meta_at(1));
  put("b", "2");
  open();
  EXPECT_THAT(contents_of(*table), ElementsAre(Pair("a", "1")));
}

TEST_F(CheckpointStoreTest, AFullMapIsGrownAndTheJobWrittenAgain) {
  options.map_bytes = 1U << 20U;
  open();
  for (int i = 0; i < 3000; ++i) put("key" + std::to_string(i), Bytes(1000, 'v'));
  const CheckpointJob job{table->freeze(), meta_at(1), table->environment_number()};
  auto written = store->write(job);
  int grown = 0;
  while (!written && grown < 10) {
    ASSERT_EQ(written.error().code, ErrorCode::kLimitExceeded) << written.error().message();
    ASSERT_TRUE(table->grow_base().has_value());
    ++grown;
    written = store->write(job);
  }
  ASSERT_TRUE(written.has_value());
  EXPECT_GT(grown, 0);
  ASSERT_TRUE(table->checkpoint_done().has_value());
  EXPECT_EQ(contents_of(*table).size(), 3000U);
}

TEST_F(CheckpointStoreTest, AMapThatIsReadIsNotGrown) {
  auto reader = ReadTransaction::begin(store->environment());
  ASSERT_TRUE(reader.has_value());
  const auto grown = table->grow_base();
  ASSERT_FALSE(grown.has_value());
  EXPECT_EQ(grown.error().code, ErrorCode::kBusy);
  EXPECT_EQ(get("absent"), "(none)");  // the table has its view again
  reader->release();
  EXPECT_TRUE(table->grow_base().has_value());
}

TEST_F(CheckpointStoreTest, AJobForAnotherEnvironmentIsSuperseded) {
  put("a", "1");
  CheckpointJob job{table->freeze(), meta_at(1), table->environment_number() + 1};
  ASSERT_TRUE(store->write(job).has_value());
  EXPECT_FALSE(store->meta().has_value());
}

TEST_F(CheckpointStoreTest, AStateBuiltAnewFromNothingMayStandAtAnOlderEntry) {
  put("a", "1");
  checkpoint(meta_at(10));
  table->clear();
  put("b", "2");
  checkpoint(meta_at(3));
  open();
  EXPECT_EQ(store->meta(), meta_at(3));
  EXPECT_THAT(contents_of(*table), ElementsAre(Pair("b", "2")));
}

TEST_F(CheckpointStoreTest, WhatCurrentDoesNotNameIsRemovedAtTheNextStart) {
  table.reset();
  store.reset();
  ASSERT_TRUE(disk->make_directory("checkpoint-7").has_value());
  ASSERT_TRUE(disk->open("checkpoint-7/data.mdb", OpenMode::kCreateNew).has_value());
  open();
  EXPECT_FALSE(*disk->exists("checkpoint-7"));
  EXPECT_TRUE(*disk->exists("checkpoint-1"));
}

TEST_F(CheckpointStoreTest, ADamagedCurrentIsRefused) {
  table.reset();
  store.reset();
  ASSERT_TRUE(replace_file(*disk, "CURRENT", "checkpoint-1 00000000\n").has_value());
  const auto opened = CheckpointStore::open(*disk, directory.path(), options);
  ASSERT_FALSE(opened.has_value());
  EXPECT_EQ(opened.error().code, ErrorCode::kCorruption);
}

TEST_F(CheckpointStoreTest, AMissingEnvironmentIsRefused) {
  table.reset();
  store.reset();
  ASSERT_TRUE(disk->remove("checkpoint-1/data.mdb").has_value());
  const auto opened = CheckpointStore::open(*disk, directory.path(), options);
  ASSERT_FALSE(opened.has_value());
  EXPECT_EQ(opened.error().code, ErrorCode::kCorruption);
  EXPECT_THAT(opened.error().context, HasSubstr("checkpoint-1"));
}

TEST_F(CheckpointStoreTest, AFileThatIsNoEnvironmentIsRefused) {
  table.reset();
  store.reset();
  ASSERT_TRUE((*disk->open("checkpoint-1/data.mdb", OpenMode::kCreateNew))
                  ->write_at(0, Bytes(16384, 'x'))
                  .has_value());
  const auto opened = CheckpointStore::open(*disk, directory.path(), options);
  ASSERT_FALSE(opened.has_value());
  EXPECT_EQ(opened.error().code, ErrorCode::kCorruption);
}

TEST_F(CheckpointStoreTest, ItsFilesBelongToTheirOwnerOnly) {
  for (const auto& [name, mode] :
       {std::pair{"checkpoint-1", 0700U}, std::pair{"checkpoint-1/data.mdb", 0600U},
        std::pair{"checkpoint-1/lock.mdb", 0600U}, std::pair{"CURRENT", 0600U}}) {
    struct stat info{};
    ASSERT_EQ(::stat(directory.file(name).c_str(), &info), 0);
    EXPECT_EQ(info.st_mode & 07777, mode) << name;
  }
}

TEST_F(CheckpointStoreTest, AMetaRecordThatIsCutIsRefused) {
  Bytes raw;
  encode(meta_at(1), raw);
  for (std::size_t size = 0; size < raw.size(); ++size) {
    EXPECT_FALSE(decode_checkpoint_meta(BytesView(raw).substr(0, size)).has_value()) << size;
  }
  EXPECT_EQ(*decode_checkpoint_meta(raw), meta_at(1));
}

// In the child: one checkpoint after another, each writing its number to all keys, until killed.
[[noreturn]] void write_checkpoints(Disk& disk, const std::string& path,
                                    const EnvironmentOptions& options, int progress) {
  auto store = CheckpointStore::open(disk, path, options);
  if (!store) ::_exit(1);
  for (std::uint64_t index = (*store)->meta() ? (*store)->meta()->applied.index.value() + 1 : 1;;
       ++index) {
    auto changes = std::make_shared<Memtable>();
    for (int key = 0; key < 500; ++key) {
      changes->put(kv::Space::kData, "key" + std::to_string(key),
                   std::to_string(index) + Bytes(100, ' '));
    }
    if (!(*store)->write({changes, meta_at(index), (*store)->environment()->number()})) ::_exit(2);
    if (::write(progress, "x", 1) != 1) ::_exit(3);
  }
}

TEST_F(CheckpointStoreTest, AKillInTheMiddleLeavesOneWholeCheckpoint) {
  std::uint64_t newest = 0;
  for (int round = 0; round < 10; ++round) {
    table.reset();
    store.reset();  // no environment is open over the fork
    int progress[2];
    ASSERT_EQ(::pipe(progress), 0);
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) write_checkpoints(*disk, directory.path(), options, progress[1]);
    ::close(progress[1]);
    // After a few checkpoints, somewhere inside the next one.
    char seen = 0;
    for (int i = 0; i < 3; ++i) EXPECT_EQ(::read(progress[0], &seen, 1), 1);
    for (volatile int spin = 0; spin < round * 100'000;) spin = spin + 1;
    ::kill(child, SIGKILL);
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFSIGNALED(status));
    ::close(progress[0]);

    open();
    ASSERT_TRUE(store->meta().has_value());
    const std::uint64_t index = store->meta()->applied.index.value();
    EXPECT_GE(index, newest + 3);
    newest = index;
    EXPECT_EQ(store->meta(), meta_at(index));
    const Contents contents = contents_of(*table);
    EXPECT_EQ(contents.size(), 500U);
    for (const auto& [key, value] : contents) {
      ASSERT_EQ(value, std::to_string(index) + Bytes(100, ' ')) << key;
    }
  }
}

}  // namespace
}  // namespace kvcluster::storage::testing
