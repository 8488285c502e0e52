#include <gmock/gmock.h>

#include "base/random.hpp"
#include "storage/checkpoint_fixture.hpp"
#include "storage/snapshot_format.hpp"
#include "storage/snapshot_reader.hpp"
#include "storage/snapshot_writer.hpp"
#include "storage/stopping_disk.hpp"

namespace kvcluster::storage::testing {
namespace {

constexpr ClusterId kCluster = {1, 2, 3};

// The receiving side is the fixture's own store; the stream comes from another directory.
class SnapshotTest : public CheckpointTest {
 protected:
  // The stream of a state with a few records in two spaces.
  Bytes make_stream(std::size_t chunk_bytes = 64) {
    source.SetUp();
    for (int i = 0; i < 15; ++i) source.put("key" + std::to_string(i), Bytes(10, 'v'));
    source.table->put(kv::Space::kSession, "client", "session");
    source.checkpoint(meta_at(100, 7));
    Bytes stream;
    auto reader = SnapshotReader::open(source.store->environment(), kCluster);
    EXPECT_TRUE(reader.has_value());
    for (bool done = false; !done;) {
      const auto chunk = (*reader)->read(stream.size(), chunk_bytes);
      EXPECT_TRUE(chunk.has_value());
      if (!chunk) break;
      EXPECT_TRUE(chunk->done || chunk->data.size() == chunk_bytes);
      stream += chunk->data.view();
      done = chunk->done;
    }
    return stream;
  }

  static Result<InstalledSnapshot> install(CheckpointStore& into, BytesView stream,
                                           std::size_t chunk_bytes = 64) {
    // Where the stream says that it stands; a stream without a header is refused before that.
    BytesView in = stream;
    const auto header = take_snapshot_header(in);
    const raft::EntryId last = header && *header ? (*header)->meta.applied : raft::EntryId{};
    auto writer = SnapshotWriter::begin(into, kCluster);
    if (!writer) return std::unexpected(writer.error());
    for (std::size_t at = 0; at < stream.size(); at += chunk_bytes) {
      KV_TRY((*writer)->write(at, stream.substr(at, chunk_bytes)));
    }
    return (*writer)->finish(last);
  }

  void expect_refused(BytesView stream, ErrorCode code) {
    const auto installed = install(*store, stream);
    ASSERT_FALSE(installed.has_value());
    EXPECT_EQ(installed.error().code, code) << installed.error().message();
    EXPECT_EQ(get("old"), "state");
    EXPECT_EQ(store->meta(), meta_at(5));
    EXPECT_FALSE(*disk->exists("checkpoint-2"));
  }

  void make_old_state() {
    put("old", "state");
    checkpoint(meta_at(5));
  }

  class Source : public CheckpointTest {
   public:
    using CheckpointTest::checkpoint;
    using CheckpointTest::erase;
    using CheckpointTest::put;
    using CheckpointTest::SetUp;
    using CheckpointTest::store;
    using CheckpointTest::table;
    void TestBody() override {}
  };
  Source source;
};

TEST_F(SnapshotTest, TakesTheWholeStateOver) {
  make_old_state();
  const auto installed = install(*store, make_stream());
  ASSERT_TRUE(installed.has_value()) << installed.error().message();
  EXPECT_EQ(installed->meta, meta_at(100, 7));
  ASSERT_TRUE(table->replace_base(installed->environment).has_value());
  EXPECT_EQ(contents_of(*table), contents_of(*source.table));
  EXPECT_EQ(contents_of(*table, kv::Space::kSession),
            contents_of(*source.table, kv::Space::kSession));
  EXPECT_FALSE(*disk->exists("checkpoint-1"));
  open();
  EXPECT_EQ(store->meta(), meta_at(100, 7));
  EXPECT_EQ(contents_of(*table), contents_of(*source.table));
}

TEST_F(SnapshotTest, AnyChunkSizeGivesTheSameStream) {
  const Bytes stream = make_stream(64);
  for (const std::size_t chunk_bytes : {1U, 7U, 1000U, 1'000'000U}) {
    SCOPED_TRACE(chunk_bytes);
    auto reader = SnapshotReader::open(source.store->environment(), kCluster);
    Bytes again;
    for (bool done = false; !done;) {
      const auto chunk = (*reader)->read(again.size(), chunk_bytes);
      ASSERT_TRUE(chunk.has_value());
      again += chunk->data.view();
      done = chunk->done;
    }
    EXPECT_EQ(again, stream);
    const auto installed = install(*store, stream, chunk_bytes);
    ASSERT_TRUE(installed.has_value()) << installed.error().message();
  }
}

TEST_F(SnapshotTest, AStateWithoutRecordsIsASnapshotToo) {
  make_old_state();
  source.SetUp();
  source.checkpoint(meta_at(9));
  auto reader = SnapshotReader::open(source.store->environment(), kCluster);
  const auto chunk = (*reader)->read(0, 10'000);
  ASSERT_TRUE(chunk->done);
  const auto installed = install(*store, chunk->data.view());
  ASSERT_TRUE(installed.has_value()) << installed.error().message();
  ASSERT_TRUE(table->replace_base(installed->environment).has_value());
  EXPECT_TRUE(contents_of(*table).empty());
}

TEST_F(SnapshotTest, BeforeTheFirstCheckpointThereIsNone) {
  const auto reader = SnapshotReader::open(store->environment(), kCluster);
  ASSERT_FALSE(reader.has_value());
  EXPECT_EQ(reader.error().code, ErrorCode::kNotFound);
}

TEST_F(SnapshotTest, TheLastChunkCanBeReadAgain) {
  make_stream();
  auto reader = SnapshotReader::open(source.store->environment(), kCluster);
  const auto first = (*reader)->read(0, 50);
  EXPECT_EQ((*reader)->read(0, 50)->data, first->data);
  const auto second = (*reader)->read(50, 50);
  EXPECT_EQ((*reader)->read(50, 50)->data, second->data);
  const auto back = (*reader)->read(0, 50);
  ASSERT_FALSE(back.has_value());
  EXPECT_EQ(back.error().code, ErrorCode::kInvalidArgument);
}

TEST_F(SnapshotTest, StaysAsItWasWhileNewCheckpointsAreWritten) {
  const Bytes stream = make_stream();
  auto reader = SnapshotReader::open(source.store->environment(), kCluster);
  Bytes read = Bytes((*reader)->read(0, 100)->data.view());
  for (std::uint64_t i = 0; i < 5; ++i) {
    source.put("key" + std::to_string(i), "changed");
    source.erase("key30");
    source.checkpoint(meta_at(101 + i, 7));
  }
  const auto rest = (*reader)->read(100, 1'000'000);
  ASSERT_TRUE(rest->done);
  EXPECT_EQ(read + Bytes(rest->data.view()), stream);
}

TEST_F(SnapshotTest, AFlippedBitAnywhereIsRefused) {
  make_old_state();
  const Bytes stream = make_stream();
  for (std::size_t at = 0; at < stream.size(); at += 5) {
    SCOPED_TRACE(at);
    Bytes flipped = stream;
    flipped[at] = static_cast<char>(flipped[at] ^ (1 << (at % 8)));
    const auto installed = install(*store, flipped, 4096);
    ASSERT_FALSE(installed.has_value());
    EXPECT_EQ(store->meta(), meta_at(5));
  }
  EXPECT_EQ(get("old"), "state");
}

TEST_F(SnapshotTest, AfterADamagedChunkTheSnapshotIsTakenWhenItIsSentAgain) {
  make_old_state();
  const Bytes stream = make_stream();
  const std::size_t chunk = stream.size() / 12 + 1;
  for (std::size_t begin = 0; begin < stream.size(); begin += chunk) {
    SCOPED_TRACE("chunk " + std::to_string(begin / chunk));
    Bytes damaged = stream;
    const std::size_t at = begin + std::min(chunk, stream.size() - begin) / 2;
    damaged[at] = static_cast<char>(damaged[at] ^ 2);
    ASSERT_FALSE(install(*store, damaged, chunk).has_value());
    EXPECT_EQ(store->meta(), meta_at(5)) << "the old state stands";
  }
  const auto installed = install(*store, stream, chunk);
  ASSERT_TRUE(installed.has_value()) << installed.error().message();
  ASSERT_TRUE(table->replace_base(installed->environment).has_value());
  EXPECT_EQ(contents_of(*table), contents_of(*source.table));
}

TEST_F(SnapshotTest, AStreamThatEndsTooEarlyIsRefused) {
  make_old_state();
  const Bytes stream = make_stream();
  for (const std::size_t size : {std::size_t{0}, std::size_t{10}, stream.size() / 2,
                                 stream.size() - 33, stream.size() - 1}) {
    expect_refused(BytesView(stream).substr(0, size), ErrorCode::kCorruption);
  }
}

TEST_F(SnapshotTest, BytesAfterTheEndAreRefused) {
  make_old_state();
  expect_refused(make_stream() + "x", ErrorCode::kCorruption);
}

TEST_F(SnapshotTest, AnotherClustersSnapshotIsRefused) {
  make_old_state();
  Bytes stream = make_stream();
  stream[8] = 99;
  expect_refused(stream, ErrorCode::kWrongIdentity);
}

TEST_F(SnapshotTest, ANewerFormatIsRefused) {
  make_old_state();
  Bytes stream = make_stream();
  stream[4] = 2;
  expect_refused(stream, ErrorCode::kVersionMismatch);
}

TEST_F(SnapshotTest, KeysThatDoNotAscendAreRefused) {
  make_old_state();
  Bytes stream;
  encode_snapshot_header(kCluster, meta_at(9), stream);
  encode_snapshot_record({kv::Space::kData, "b", "1"}, stream);
  encode_snapshot_record({kv::Space::kData, "a", "2"}, stream);
  expect_refused(stream, ErrorCode::kCorruption);
}

TEST_F(SnapshotTest, ImpossibleSizesAreRefusedBeforeMemoryIsTaken) {
  make_old_state();
  Bytes start;
  encode_snapshot_header(kCluster, meta_at(9), start);
  for (const char* prefix : {"\x00\x00\x00\x01\x00\x00\x00", "\x00\x00\x02\x01\x00\x00\x00",
                             "\x00\x01\x00\xFF\xFF\xFF\xFF", "\x09\x01\x00\x01\x00\x00\x00"}) {
    expect_refused(start + Bytes(prefix, 7), ErrorCode::kCorruption);
  }
}

TEST_F(SnapshotTest, AChunkOutOfOrderChangesNothing) {
  make_old_state();
  const Bytes stream = make_stream();
  auto writer = SnapshotWriter::begin(*store, kCluster);
  ASSERT_TRUE((*writer)->write(0, BytesView(stream).substr(0, 100)).has_value());
  const auto refused = (*writer)->write(200, BytesView(stream).substr(200, 100));
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ((*writer)->next_offset(), 100U);
  ASSERT_TRUE((*writer)->write(100, BytesView(stream).substr(100)).has_value());
  EXPECT_TRUE((*writer)->finish({Term(7), Index(100)}).has_value());
}

TEST_F(SnapshotTest, OneThatStandsElsewhereThanItsSenderSaidChangesNothing) {
  make_old_state();
  const Bytes stream = make_stream();
  for (const raft::EntryId last : {raft::EntryId{Term(7), Index(101)}, {Term(6), Index(100)}}) {
    auto writer = SnapshotWriter::begin(*store, kCluster);
    ASSERT_TRUE((*writer)->write(0, stream).has_value());
    const auto refused = (*writer)->finish(last);
    ASSERT_FALSE(refused.has_value());
    EXPECT_EQ(refused.error().code, ErrorCode::kCorruption);
    writer->reset();
    EXPECT_FALSE(*disk->exists("checkpoint-2"));
  }
  open();
  EXPECT_EQ(store->meta(), meta_at(5));
  EXPECT_EQ(get("old"), "state");
}

// Room that is missing before CURRENT names the new state is a refusal; afterwards it is the end.
TEST_F(SnapshotTest, AnInstallIsRefusedForRoomOnlyWhileTheOldStateStands) {
  make_old_state();
  const Bytes stream = make_stream();
  bool refused = false;
  bool ended = false;
  for (std::uint64_t at = 0;; ++at) {
    SCOPED_TRACE(at);
    StoppingDisk stopping(*disk, ErrorCode::kDiskFull);
    table.reset();
    store.reset();
    auto victim = CheckpointStore::open(stopping, directory.path(), options);
    ASSERT_TRUE(victim.has_value());
    stopping.stop_at(stopping.operations() + at);
    const auto installed = install(**victim, stream);
    if (installed) break;
    victim->reset();
    open();
    const bool old = store->meta() == meta_at(5);
    EXPECT_EQ(installed.error().code == ErrorCode::kDiskFull, old);
    (old ? refused : ended) = true;
    if (!old) break;
    ASSERT_LT(at, 100U);
  }
  EXPECT_TRUE(refused);
  EXPECT_TRUE(ended);
}

TEST_F(SnapshotTest, AnAbandonedInstallLeavesNothingBehind) {
  make_old_state();
  const Bytes stream = make_stream();
  {
    auto writer = SnapshotWriter::begin(*store, kCluster);
    ASSERT_TRUE((*writer)->write(0, BytesView(stream).substr(0, 100)).has_value());
    EXPECT_TRUE(*disk->exists("checkpoint-2"));
  }
  EXPECT_FALSE(*disk->exists("checkpoint-2"));
  EXPECT_EQ(get("old"), "state");
}

TEST_F(SnapshotTest, AMapThatIsTooSmallIsGrownWhileInstalling) {
  options.map_bytes = 256U << 10U;
  open();
  source.SetUp();
  for (int i = 0; i < 2000; ++i) source.put("key" + std::to_string(i), Bytes(500, 'v'));
  source.checkpoint(meta_at(100));
  auto reader = SnapshotReader::open(source.store->environment(), kCluster);
  const auto chunk = (*reader)->read(0, 100U << 20U);
  const auto installed = install(*store, chunk->data.view(), 65536);
  ASSERT_TRUE(installed.has_value()) << installed.error().message();
  ASSERT_TRUE(table->replace_base(installed->environment).has_value());
  EXPECT_EQ(contents_of(*table).size(), 2000U);
}

TEST_F(SnapshotTest, AKillAtAnyStepOfAnInstallLeavesTheOldStateOrTheNew) {
  make_old_state();
  const Bytes stream = make_stream();
  bool saw_old = false;
  bool saw_new = false;
  for (std::uint64_t at = 0;; ++at) {
    SCOPED_TRACE(at);
    bool finished = false;
    {
      StoppingDisk stopping(*disk);
      auto victim = CheckpointStore::open(stopping, directory.path(), options);
      ASSERT_TRUE(victim.has_value());
      stopping.stop_at(stopping.operations() + at);
      finished = install(**victim, stream).has_value() && !stopping.stopped();
    }
    open();
    if (get("old") == "state") {
      saw_old = true;
      EXPECT_EQ(store->meta(), meta_at(5));
      EXPECT_EQ(contents_of(*table).size(), 1U);
    } else {
      saw_new = true;
      EXPECT_EQ(store->meta(), meta_at(100, 7));
      EXPECT_EQ(contents_of(*table), contents_of(*source.table));
      // Back to the old state for the next round.
      table->clear();
      put("old", "state");
      CheckpointMeta meta = meta_at(100, 7);
      checkpoint(meta);
      meta = meta_at(5);
      auto transaction = WriteTransaction::begin(*store->environment());
      Bytes raw;
      encode(meta, raw);
      ASSERT_TRUE(transaction->put_meta(raw).has_value());
      ASSERT_TRUE(transaction->commit().has_value());
      open();
    }
    std::size_t environments = 0;
    const auto names = disk->list("");
    for (const std::string& name : *names) environments += name.starts_with("checkpoint-") ? 1 : 0;
    EXPECT_EQ(environments, 1U);
    table.reset();
    store.reset();
    if (finished) break;
    ASSERT_LT(at, 100U);
  }
  EXPECT_TRUE(saw_old);
  EXPECT_TRUE(saw_new);
}

}  // namespace
}  // namespace kvcluster::storage::testing
