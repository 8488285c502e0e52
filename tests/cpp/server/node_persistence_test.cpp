// Who writes a persist batch, and when it counts as durable.
#include <gtest/gtest.h>

#include <condition_variable>
#include <deque>
#include <mutex>
#include <utility>

#include "server/persistence.hpp"
#include "storage/wal_fixture.hpp"

namespace kvcluster::server {
namespace {

using storage::testing::entry;
using storage::testing::vote;

// What the WAL thread says, for the test's thread to wait for.
class Reports {
 public:
  void add(WalReport report) {
    const std::scoped_lock lock(mutex_);
    reports_.push_back(std::move(report));
    changed_.notify_one();
  }
  WalReport next() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return !reports_.empty(); });
    WalReport report = std::move(reports_.front());
    reports_.pop_front();
    return report;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<WalReport> reports_;
};

class NodePersistence : public storage::testing::WalTest {
 protected:
  void start() {
    options.segment_bytes = 1U << 20U;
    create_and_open();
    thread = std::make_unique<WalThread>(
        *wal, [this](WalReport report) { reports.add(std::move(report)); });
    persistence = std::make_unique<Persistence>(*wal, *thread);
  }

  raft::PersistBatch entries(std::uint64_t sequence, std::uint64_t first, std::size_t count) {
    raft::PersistBatch made;
    made.sequence = sequence;
    for (std::size_t i = 0; i < count; ++i) made.entries.push_back(entry(1, first + i));
    return made;
  }

  static std::vector<raft::PersistBatch> list(raft::PersistBatch one) {
    std::vector<raft::PersistBatch> batches;
    batches.push_back(std::move(one));
    return batches;
  }

  static raft::PersistBatch without_writes(std::uint64_t sequence) {
    raft::PersistBatch made;
    made.sequence = sequence;
    return made;
  }

  // All that the thread was given.
  std::uint64_t finish_thread() {
    std::uint64_t newest = 0;
    while (!persistence->idle()) {
      const std::uint64_t durable = persistence->reported(reports.next());
      if (durable != 0) newest = durable;
    }
    return newest;
  }

  Reports reports;
  std::unique_ptr<WalThread> thread;
  std::unique_ptr<Persistence> persistence;
};

TEST_F(NodePersistence, SmallBatchIsSyncedByTheReactorItself) {
  start();
  ASSERT_TRUE(persistence->start(list(entries(1, 1, 3))));
  EXPECT_EQ(wal->last().index, Index(0)) << "nothing is written before the messages are out";
  EXPECT_EQ(persistence->finish().value(), 1U);
  EXPECT_EQ(wal->last().index, Index(3));
  EXPECT_EQ(persistence->counters().inline_batches, 1U);
  EXPECT_EQ(persistence->counters().syncs, 1U);
}

TEST_F(NodePersistence, LargeBatchGoesToTheWalThread) {
  start();
  ASSERT_TRUE(persistence->start(list(entries(1, 1, 200))));
  EXPECT_EQ(persistence->finish().value(), 0U);
  EXPECT_EQ(finish_thread(), 1U);
  EXPECT_EQ(wal->last().index, Index(200));
  EXPECT_EQ(persistence->counters().queued_batches, 1U);
}

TEST_F(NodePersistence, SmallBatchKeepsItsPlaceBehindTheThread) {
  start();
  ASSERT_TRUE(persistence->start(list(entries(1, 1, 200))));
  ASSERT_TRUE(persistence->start(list(entries(2, 201, 1))));
  EXPECT_EQ(persistence->finish().value(), 0U);
  EXPECT_EQ(finish_thread(), 2U);
  EXPECT_EQ(wal->last().index, Index(201));
  EXPECT_EQ(persistence->counters().inline_batches, 0U);
}

// The WAL thread has the log while it compacts: the reactor must not write to it meanwhile.
TEST_F(NodePersistence, BatchOfATurnThatAlsoCompactsIsWrittenByTheThread) {
  start();
  ASSERT_TRUE(persistence->start(list(entries(1, 1, 3))));
  ASSERT_TRUE(persistence->compact(Index(0)));
  EXPECT_EQ(persistence->finish().value(), 0U) << "not the reactor's to write";
  EXPECT_EQ(finish_thread(), 1U);
  EXPECT_EQ(wal->last().index, Index(3));
  EXPECT_EQ(persistence->counters().inline_batches, 0U);
}

TEST_F(NodePersistence, BatchWithoutWritesIsDurableAtOnceWhenNothingIsInFlight) {
  start();
  ASSERT_TRUE(persistence->start(list(without_writes(1))));
  EXPECT_EQ(persistence->finish().value(), 1U);
  EXPECT_EQ(persistence->counters().syncs, 0U);
}

TEST_F(NodePersistence, BatchWithoutWritesWaitsForTheOneBefore) {
  start();
  ASSERT_TRUE(persistence->start(list(entries(1, 1, 200))));
  ASSERT_TRUE(persistence->start(list(without_writes(2))));
  EXPECT_EQ(persistence->finish().value(), 0U);
  EXPECT_EQ(finish_thread(), 2U);
}

TEST_F(NodePersistence, NothingIsToldTwice) {
  start();
  ASSERT_TRUE(persistence->start(list(entries(1, 1, 1))));
  EXPECT_EQ(persistence->finish().value(), 1U);
  EXPECT_EQ(persistence->finish().value(), 0U);
}

TEST_F(NodePersistence, BatchThatFindsNoRoomWaitsAndIsTriedAgain) {
  start();
  disk.set_capacity(0);
  raft::PersistBatch big;
  big.sequence = 1;
  big.entries.push_back(entry(1, 1, Bytes(12'000, 'x')));
  ASSERT_TRUE(persistence->start(list(std::move(big))));
  EXPECT_EQ(persistence->finish().value(), 0U);
  EXPECT_TRUE(persistence->disk_full());
  EXPECT_EQ(persistence->reported(reports.next()), 0U);
  EXPECT_TRUE(persistence->disk_full());
  EXPECT_FALSE(persistence->idle());
}

TEST_F(NodePersistence, FailedSyncEndsTheLog) {
  start();
  disk.fail_from(disk.operations());
  ASSERT_TRUE(persistence->start(list(entries(1, 1, 1))));
  const auto durable = persistence->finish();
  ASSERT_FALSE(durable);
  EXPECT_EQ(durable.error().code, ErrorCode::kIo);
}

TEST_F(NodePersistence, FailedSyncOnTheThreadIsReported) {
  start();
  disk.fail_from(disk.operations());
  ASSERT_TRUE(persistence->start(list(entries(1, 1, 200))));
  const WalReport report = reports.next();
  ASSERT_TRUE(report.error.has_value());
  EXPECT_EQ(report.sequence, 0U);
}

TEST_F(NodePersistence, LogResetIsFollowedByTheEntriesOfItsBatch) {
  start();
  ASSERT_TRUE(persistence->start(list(entries(1, 1, 3))));
  ASSERT_EQ(persistence->finish().value(), 1U);
  raft::PersistBatch reset;
  reset.sequence = 2;
  reset.log_reset = raft::EntryId{Term(4), Index(50)};
  reset.hard_state = vote(4, 2, 50);
  reset.entries.push_back(entry(4, 51));
  ASSERT_TRUE(persistence->start(list(std::move(reset))));
  ASSERT_EQ(persistence->finish().value(), 0U) << "it takes several syncs: the thread's work";
  EXPECT_EQ(finish_thread(), 2U);
  EXPECT_EQ(wal->base().index, Index(50));
  EXPECT_EQ(wal->last().index, Index(51));
  EXPECT_EQ(wal->hard_state(), vote(4, 2, 50));
}

}  // namespace
}  // namespace kvcluster::server
