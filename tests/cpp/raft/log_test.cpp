// The log in memory.
#include "raft/log.hpp"

#include <gtest/gtest.h>

namespace kvcluster::raft {
namespace {

Entry entry(std::uint64_t term, std::uint64_t index, std::size_t bytes = 0) {
  return {Term(term), Index(index), EntryKind::kCommand, Slice::of(Bytes(bytes, 'x'))};
}

// Base (2, 10); indices 11 to 16 of terms 2 3 3 5 5 8.
Log sample() {
  return {{Term(2), Index(10)},
          {entry(2, 11), entry(3, 12), entry(3, 13), entry(5, 14), entry(5, 15), entry(8, 16)}};
}

TEST(RaftLog, KnowsTheTermsOfItsBaseAndEntries) {
  const Log log = sample();
  EXPECT_EQ(log.term_at(Index(9)), std::nullopt);
  EXPECT_EQ(log.term_at(Index(10)), Term(2));
  EXPECT_EQ(log.term_at(Index(14)), Term(5));
  EXPECT_EQ(log.term_at(Index(17)), std::nullopt);
  EXPECT_EQ(log.last(), (EntryId{Term(8), Index(16)}));
}

TEST(RaftLog, AnEmptyLogEndsWithItsBase) {
  const Log log({Term(4), Index(7)}, {});
  EXPECT_EQ(log.last(), (EntryId{Term(4), Index(7)}));
  EXPECT_EQ(log.last_index(), Index(7));
}

TEST(RaftLog, FindsTheLargestEntryThatMayAgree) {
  const Log log = sample();
  const auto at_most = [&](std::uint64_t term, std::uint64_t index) {
    return log.largest_at_most({Term(term), Index(index)});
  };
  EXPECT_EQ(at_most(9, 99), (EntryId{Term(8), Index(16)}));
  EXPECT_EQ(at_most(7, 99), (EntryId{Term(5), Index(15)}));
  EXPECT_EQ(at_most(4, 15), (EntryId{Term(3), Index(13)}));
  EXPECT_EQ(at_most(3, 12), (EntryId{Term(3), Index(12)}));
  EXPECT_EQ(at_most(2, 10), (EntryId{Term(2), Index(10)}));
  EXPECT_EQ(at_most(1, 99), std::nullopt);
  EXPECT_EQ(at_most(9, 9), std::nullopt);
}

TEST(RaftLog, CountsBytesOverCompactionAndTruncation) {
  Log log({}, {entry(1, 1, 100), entry(1, 2, 200), entry(1, 3, 300)});
  EXPECT_EQ(log.bytes_between(Index(0), Index(3)), 600 + 3 * kEntryOverheadBytes);
  log.compact(Index(1));
  EXPECT_EQ(log.bytes_between(Index(1), Index(3)), 500 + 2 * kEntryOverheadBytes);
  log.truncate(Index(3));
  log.append(entry(2, 3, 7));
  EXPECT_EQ(log.bytes_between(Index(2), Index(3)), 7 + kEntryOverheadBytes);
}

TEST(RaftLog, AMessageHoldsAtLeastOneEntryAndNoMoreThanItsBytes) {
  const Log log({}, {entry(1, 1, 100), entry(1, 2, 100), entry(1, 3, 100)});
  EXPECT_EQ(log.last_within(Index(1), 1), Index(1));
  EXPECT_EQ(log.last_within(Index(1), 2 * (100 + kEntryOverheadBytes)), Index(2));
  EXPECT_EQ(log.last_within(Index(2), 100000), Index(3));
}

TEST(RaftLog, CompactionKeepsTheTermOfTheLastEntryItDrops) {
  Log log = sample();
  log.compact(Index(14));
  EXPECT_EQ(log.base(), (EntryId{Term(5), Index(14)}));
  EXPECT_EQ(log.at(Index(15)).term, Term(5));
  log.compact(Index(16));
  EXPECT_EQ(log.last(), (EntryId{Term(8), Index(16)}));
}

TEST(RaftLog, AResetLogStartsAfterItsNewBase) {
  Log log = sample();
  log.reset({Term(9), Index(40)});
  log.append(entry(9, 41, 5));
  EXPECT_EQ(log.last_index(), Index(41));
  EXPECT_EQ(log.bytes_between(Index(40), Index(41)), 5 + kEntryOverheadBytes);
}

TEST(RaftLogDeathTest, RefusesAGapAFallingTermAndACutBelowItsBase) {
  Log log = sample();
  EXPECT_DEATH(log.append(entry(8, 18)), "no gaps");
  EXPECT_DEATH(log.append(entry(7, 17)), "never go down");
  EXPECT_DEATH(log.truncate(Index(10)), "never truncated");
}

TEST(RaftLog, CopiesShareTheirPayloads) {
  Log log({}, {entry(1, 1, 1000)});
  std::vector<Entry> copied;
  log.copy(Index(1), Index(1), copied);
  EXPECT_EQ(copied.at(0).payload.view().data(), log.at(Index(1)).payload.view().data());
}

}  // namespace
}  // namespace kvcluster::raft
