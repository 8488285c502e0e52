#include "replica/pending_writes.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <utility>
#include <vector>

namespace kvcluster::replica {
namespace {

using std::chrono::milliseconds;

Instant at(int ms) { return Instant(milliseconds(ms)); }

PendingWrites::Write write(std::uint64_t index, std::uint64_t term, std::uint64_t id,
                           int deadline_ms = 1000) {
  return {Index(index), Term(term), Origin{kNoNode, id, 1}, at(deadline_ms)};
}

std::vector<std::pair<std::uint64_t, bool>> apply(PendingWrites& writes, std::uint64_t index,
                                                  std::uint64_t term) {
  std::vector<std::pair<std::uint64_t, bool>> seen;
  writes.applied(Index(index), Term(term), [&](const PendingWrites::Write& done, bool applied) {
    seen.emplace_back(done.origin.id, applied);
  });
  return seen;
}

using Seen = std::vector<std::pair<std::uint64_t, bool>>;

TEST(PendingWrites, SucceedsOnlyWithItsOwnIndexAndTerm) {
  PendingWrites writes;
  writes.add(write(5, 2, 50));
  EXPECT_EQ(apply(writes, 4, 2), Seen{});
  EXPECT_EQ(apply(writes, 5, 2), (Seen{{50, true}}));
  EXPECT_EQ(writes.size(), 0U);
}

TEST(PendingWrites, IsCertainlyNotAppliedWhenAnotherTermsEntryTakesItsIndex) {
  PendingWrites writes;
  writes.add(write(5, 2, 50));
  writes.seal();
  EXPECT_EQ(apply(writes, 5, 3), (Seen{{50, false}}));
}

// Dissertation, 3.6.2: an entry that this node cut may still be committed by a later leader.
TEST(PendingWrites, StaysOpenWhenTheLeadIsLostAndTheSameIndexIsProposedAgain) {
  PendingWrites writes;
  writes.add(write(5, 2, 50));
  writes.seal();
  writes.add(write(5, 4, 51));
  EXPECT_EQ(apply(writes, 5, 2), (Seen{{51, false}, {50, true}}));
}

TEST(PendingWrites, TellsNobodyOfAWriteThatASnapshotJumpedOver) {
  PendingWrites writes;
  writes.add(write(5, 2, 50));
  writes.add(write(9, 2, 90));
  const auto gone = writes.skipped(Index(7));
  ASSERT_EQ(gone.size(), 1U);
  EXPECT_EQ(gone[0].origin.id, 50U);
  EXPECT_EQ(writes.size(), 1U);
}

TEST(PendingWrites, ExpireAtTheirDeadlineAndNotBefore) {
  PendingWrites writes;
  writes.add(write(5, 2, 50, 100));
  writes.seal();
  writes.add(write(6, 3, 60, 200));
  EXPECT_EQ(writes.next_deadline(), at(100));
  EXPECT_TRUE(writes.expired(at(99)).empty());
  EXPECT_EQ(writes.expired(at(100)).size(), 1U);
  EXPECT_EQ(writes.next_deadline(), at(200));
  EXPECT_EQ(writes.expired(at(500)).size(), 1U);
  EXPECT_EQ(writes.next_deadline(), Instant::max());
}

TEST(PendingWrites, AnExpiredWriteDoesNotHideTheNextOne) {
  PendingWrites writes;
  writes.add(write(5, 2, 50, 100));
  writes.add(write(6, 2, 60, 200));
  ASSERT_EQ(writes.expired(at(150)).size(), 1U);
  EXPECT_EQ(apply(writes, 5, 2), Seen{});
  EXPECT_EQ(apply(writes, 6, 2), (Seen{{60, true}}));
}

}  // namespace
}  // namespace kvcluster::replica
