// What is durable while writes are in flight (dissertation, 10.2.1).
#include "raft/persist_tracker.hpp"

#include <gtest/gtest.h>

namespace kvcluster::raft {
namespace {

TEST(RaftPersistTracker, ACompletionCoversAllBatchesBefore) {
  PersistTracker tracker(Index(3));
  EXPECT_EQ(tracker.open(Index(5), Instant{}), 1U);
  EXPECT_EQ(tracker.open(Index(9), Instant{}), 2U);
  tracker.complete(2);
  EXPECT_EQ(tracker.durable_index(), Index(9));
  EXPECT_EQ(tracker.completed(), 2U);
  EXPECT_EQ(tracker.oldest_since(), std::nullopt);
}

TEST(RaftPersistTracker, ATruncationTakesBackWhatIsDurableAndWhatIsInFlight) {
  PersistTracker tracker(Index(3));
  tracker.open(Index(9), Instant{});
  tracker.truncated(Index(3));
  EXPECT_EQ(tracker.durable_index(), Index(2));
  tracker.open(Index(6), Instant{});
  tracker.complete(1);
  EXPECT_EQ(tracker.durable_index(), Index(2)) << "the first write held what was cut";
  tracker.complete(2);
  EXPECT_EQ(tracker.durable_index(), Index(6));
}

TEST(RaftPersistTracker, ARepeatedCompletionChangesNothing) {
  PersistTracker tracker(Index(0));
  tracker.open(Index(4), Instant{});
  tracker.complete(1);
  tracker.truncated(Index(3));
  tracker.complete(1);
  EXPECT_EQ(tracker.durable_index(), Index(2));
}

TEST(RaftPersistTracker, KnowsSinceWhenTheDiskHasNotAnswered) {
  PersistTracker tracker(Index(0));
  const Instant first = Instant{} + std::chrono::seconds(1);
  tracker.open(Index(1), first);
  tracker.open(Index(2), first + std::chrono::seconds(1));
  EXPECT_EQ(tracker.oldest_since(), first);
}

TEST(RaftPersistTrackerDeathTest, ABatchThatWasNeverOpenedIsNeverComplete) {
  PersistTracker tracker(Index(0));
  EXPECT_DEATH(tracker.complete(1), "handed out");
}

}  // namespace
}  // namespace kvcluster::raft
