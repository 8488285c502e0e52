// The parts of the store fit together after every kind of end.
#include "storage/store.hpp"

#include <gmock/gmock.h>

#include "storage/checkpoint_fixture.hpp"
#include "storage/wal_fixture.hpp"

namespace kvcluster::storage::testing {
namespace {

using ::testing::HasSubstr;

class StoreTest : public ::testing::Test {
 protected:
  StoreTest() {
    options.path = directory.file("node-1");
    options.node = NodeId(1);
    options.fresh_incarnation = {9, 9};
    options.environment.map_bytes = 16U << 20U;
    options.wal.segment_bytes = 8192;
    options.wal.grow_bytes = 1024;
    options.wal.reserve_bytes = 512;
  }
  void open() {
    opened = {};
    auto result = Store::open(options);
    ASSERT_TRUE(result.has_value()) << result.error().message();
    opened = std::move(*result);
  }
  void expect_refused(ErrorCode code, const std::string& said) {
    opened = {};
    const auto result = Store::open(options);
    ASSERT_FALSE(result.has_value());
    EXPECT_EQ(result.error().code, code) << result.error().message();
    EXPECT_THAT(result.error().context, HasSubstr(said));
  }
  void write(const raft::PersistBatch& made) {
    ASSERT_TRUE(opened.store->wal().append(made).has_value());
    ASSERT_TRUE(opened.store->wal().sync().has_value());
  }
  void write_entries(std::uint64_t term, std::uint64_t from, std::uint64_t to,
                     std::size_t size = 10) {
    for (std::uint64_t i = from; i <= to; ++i) write(batch({entry(term, i, Bytes(size, 'e'))}));
  }
  void checkpoint(const CheckpointMeta& meta) {
    const CheckpointJob job = opened.store->begin_checkpoint(meta);
    const auto done = opened.store->end_checkpoint(opened.store->write_checkpoint(job));
    ASSERT_TRUE(done.has_value()) << done.error().message();
    ASSERT_TRUE(*done);
  }
  // A snapshot of another node at `meta`, taken over durably; the log is not told.
  void install(const CheckpointMeta& meta) {
    TemporaryDirectory other;
    auto disk = std::move(*open_posix_disk(other.path()));
    ASSERT_TRUE(CheckpointStore::create(*disk, other.path(), options.environment).has_value());
    auto source = std::move(*CheckpointStore::open(*disk, other.path(), options.environment));
    auto changes = std::make_shared<Memtable>();
    changes->put(kv::Space::kData, "from", "snapshot");
    ASSERT_TRUE(source->write({changes, meta, 1}).has_value());
    auto reader = std::move(*SnapshotReader::open(source->environment(), {}));
    const auto chunk = reader->read(0, 1U << 20U);
    auto writer = std::move(*opened.store->begin_install());
    ASSERT_TRUE(writer->write(0, chunk->data.view()).has_value());
    const auto installed = writer->finish(meta.applied);
    ASSERT_TRUE(installed.has_value()) << installed.error().message();
    ASSERT_TRUE(opened.store->adopt(*installed).has_value());
  }

  TemporaryDirectory directory;
  StoreOptions options;
  OpenedStore opened;
};

TEST_F(StoreTest, AFreshStoreIsEmpty) {
  open();
  EXPECT_TRUE(opened.fresh);
  EXPECT_EQ(opened.restored.log_base, raft::EntryId{});
  EXPECT_TRUE(opened.restored.entries.empty());
  EXPECT_TRUE(opened.state_machine_meta.empty());
  EXPECT_EQ(opened.store->identity(), (Identity{NodeId(1), {9, 9}, {}}));
}

TEST_F(StoreTest, TheIncarnationStaysForLife) {
  open();
  options.fresh_incarnation = {1};
  open();
  EXPECT_FALSE(opened.fresh);
  EXPECT_EQ(opened.store->identity().incarnation, (raft::Incarnation{9, 9}));
}

TEST_F(StoreTest, TheClusterIsSetOnceAndForAll) {
  open();
  ASSERT_TRUE(opened.store->set_cluster({5}).has_value());
  open();
  EXPECT_EQ(opened.store->identity().cluster, ClusterId{5});
  EXPECT_TRUE(opened.store->set_cluster({5}).has_value());
  const auto other = opened.store->set_cluster({6});
  ASSERT_FALSE(other.has_value());
  EXPECT_EQ(other.error().code, ErrorCode::kWrongIdentity);
}

TEST_F(StoreTest, LogAndCheckpointComeBackTogether) {
  open();
  write(vote_batch(vote(2, 1, 0)));
  write_entries(2, 1, 10);
  opened.store->table().put(kv::Space::kData, "key", "value");
  checkpoint(meta_at(6, 2));
  open();
  EXPECT_EQ(opened.restored.applied, Index(6));
  EXPECT_EQ(opened.restored.entries.size(), 10U);
  EXPECT_EQ(opened.restored.hard_state.current_term, Term(2));
  EXPECT_EQ(opened.restored.configuration, meta_at(6).configuration);
  EXPECT_EQ(opened.state_machine_meta, meta_at(6).state_machine);
  EXPECT_EQ(*opened.store->table().get(kv::Space::kData, "key"), "value");
}

TEST_F(StoreTest, ACompactedLogStartsAtOrBelowTheCheckpoint) {
  open();
  write_entries(1, 1, 200, 200);
  checkpoint(meta_at(150));
  ASSERT_TRUE(opened.store->wal().compact(Index(150)).has_value());
  open();
  EXPECT_GT(opened.restored.log_base.index, Index(0));
  EXPECT_LE(opened.restored.log_base.index, opened.restored.applied);
  EXPECT_EQ(opened.restored.entries.back().index, Index(200));
}

TEST_F(StoreTest, ASnapshotBeyondTheLogReplacesTheLogAndKeepsTheVote) {
  open();
  write(vote_batch(vote(9, 3, 0)));
  write_entries(2, 1, 10);
  install(meta_at(100, 7));
  open();  // the reset of the log never happened
  EXPECT_EQ(opened.restored.log_base, (raft::EntryId{Term(7), Index(100)}));
  EXPECT_TRUE(opened.restored.entries.empty());
  EXPECT_EQ(opened.restored.applied, Index(100));
  EXPECT_EQ(opened.restored.hard_state, vote(9, 3, 100));
  EXPECT_EQ(*opened.store->table().get(kv::Space::kData, "from"), "snapshot");
  open();
  EXPECT_EQ(opened.restored.log_base, (raft::EntryId{Term(7), Index(100)}));
  EXPECT_EQ(opened.restored.hard_state, vote(9, 3, 100));
}

TEST_F(StoreTest, ASnapshotThatContradictsTheLogReplacesIt) {
  open();
  write(vote_batch(vote(9, 3, 0)));
  write_entries(2, 1, 200);
  install(meta_at(100, 7));  // entry 100 of the log is of term 2
  open();
  EXPECT_EQ(opened.restored.log_base, (raft::EntryId{Term(7), Index(100)}));
  EXPECT_TRUE(opened.restored.entries.empty());
}

TEST_F(StoreTest, ASnapshotInsideTheLogKeepsTheLog) {
  open();
  write(vote_batch(vote(9, 3, 0)));
  write_entries(7, 1, 200);
  install(meta_at(100, 7));
  open();
  EXPECT_EQ(opened.restored.entries.back().index, Index(200));
  EXPECT_EQ(opened.restored.applied, Index(100));
}

TEST_F(StoreTest, TheTermIsNeverBehindTheSnapshots) {
  open();
  write(vote_batch(vote(3, 2, 0)));
  install(meta_at(100, 7));
  open();
  EXPECT_EQ(opened.restored.hard_state, vote(7, 0, 100));
}

TEST_F(StoreTest, TheCommitHintIsNeverBeyondTheLog) {
  open();
  write(vote_batch(vote(1, 1, 50)));
  write_entries(1, 1, 10);
  open();
  EXPECT_EQ(opened.restored.hard_state.commit_index, Index(10));
}

TEST_F(StoreTest, ACheckpointUnderWayDuringAnInstallIsForgotten) {
  open();
  write_entries(1, 1, 10);
  opened.store->table().put(kv::Space::kData, "stale", "value");
  const CheckpointJob job = opened.store->begin_checkpoint(meta_at(5));
  install(meta_at(100, 7));
  const auto done = opened.store->end_checkpoint(opened.store->write_checkpoint(job));
  ASSERT_TRUE(done.has_value());
  EXPECT_FALSE(opened.store->table().get(kv::Space::kData, "stale").has_value());
  open();
  EXPECT_EQ(opened.restored.applied, Index(100));
  EXPECT_FALSE(opened.store->table().get(kv::Space::kData, "stale").has_value());
}

TEST_F(StoreTest, AHoleBetweenCheckpointAndLogIsRepairedFromThePeers) {
  open();
  write_entries(1, 1, 200, 200);
  checkpoint(meta_at(150));
  ASSERT_TRUE(opened.store->wal().compact(Index(150)).has_value());
  opened = {};
  // The checkpoint of an older copy.
  std::filesystem::remove_all(options.path + "/checkpoint-1");
  std::filesystem::remove(options.path + "/CURRENT");
  auto disk = std::move(*open_posix_disk(options.path));
  ASSERT_TRUE(CheckpointStore::create(*disk, options.path, options.environment).has_value());
  open();
  EXPECT_THAT(opened.damage, HasSubstr("the checkpoint ends at entry 0"));
  ASSERT_TRUE(opened.mark.has_value());
  EXPECT_EQ(opened.mark->floor, (raft::EntryId{Term(1), Index(200)}));
  EXPECT_TRUE(opened.restored.entries.empty());
}

TEST_F(StoreTest, AMissingCheckpointIsRepairedFromThePeers) {
  open();
  write(vote_batch(vote(3, 2)));
  write_entries(1, 1, 4);
  opened = {};
  std::filesystem::remove(options.path + "/CURRENT");
  open();
  EXPECT_THAT(opened.damage, HasSubstr("CURRENT"));
  ASSERT_TRUE(opened.mark.has_value());
  EXPECT_EQ(opened.mark->floor, (raft::EntryId{Term(1), Index(4)}));
  EXPECT_EQ(opened.restored.hard_state, vote(3, 2));
  EXPECT_EQ(opened.restored.repair_floor, opened.mark->floor);
}

TEST_F(StoreTest, AMissingCheckpointOfAnEmptyNodeIsMadeAnew) {
  open();
  opened = {};
  std::filesystem::remove(options.path + "/CURRENT");
  open();
  EXPECT_FALSE(opened.mark.has_value()) << "nobody was promised anything";
  EXPECT_EQ(opened.store->wal().last(), raft::EntryId{});
}

TEST_F(StoreTest, AMissingLogIsRefusedBecauseVotesAreForgotten) {
  open();
  opened = {};
  std::filesystem::remove_all(options.path + "/wal");
  expect_refused(ErrorCode::kCorruption, "votes");
}

TEST_F(StoreTest, AMissingIdentityIsRefusedOnceTheLogHasRecords) {
  open();
  write_entries(1, 1, 1);
  opened = {};
  std::filesystem::remove(options.path + "/identity");
  expect_refused(ErrorCode::kCorruption, "identity");
}

TEST_F(StoreTest, AMissingIdentityIsRefusedOnceThereIsACheckpoint) {
  open();
  checkpoint(meta_at(0, 0));
  opened = {};
  std::filesystem::remove(options.path + "/identity");
  expect_refused(ErrorCode::kCorruption, "identity");
}

TEST_F(StoreTest, AFirstStartThatWasCutShortIsRepeated) {
  open();
  opened = {};
  std::filesystem::remove(options.path + "/identity");
  options.fresh_incarnation = {4};
  open();
  EXPECT_TRUE(opened.fresh);
  EXPECT_EQ(opened.store->identity().incarnation, raft::Incarnation{4});
}

TEST_F(StoreTest, AnotherDirectorysLogIsRefused) {
  open();
  opened = {};
  StoreOptions other = options;
  other.path = directory.file("other");
  other.fresh_incarnation = {8};
  ASSERT_TRUE(Store::open(other).has_value());
  std::filesystem::remove_all(options.path + "/wal");
  std::filesystem::rename(other.path + "/wal", options.path + "/wal");
  expect_refused(ErrorCode::kWrongIdentity, "segment-0000000001");
}

TEST_F(StoreTest, ASecondOpenIsRefused) {
  open();
  const auto second = Store::open(options);
  ASSERT_FALSE(second.has_value());
  EXPECT_EQ(second.error().code, ErrorCode::kBusy);
}

}  // namespace
}  // namespace kvcluster::storage::testing
