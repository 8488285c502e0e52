#include "replica/pending_reads.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <vector>

namespace kvcluster::replica {
namespace {

Instant at(int ms) { return Instant(std::chrono::milliseconds(ms)); }

// Answers every read with the index where the state stands.
class PendingReadsTest : public testing::Test {
 protected:
  PendingReads::Read read(std::uint64_t id, std::uint64_t index) {
    return {Origin{kNoNode, id, 1}, Slice::copy_of("get"), Index(index)};
  }
  void stand_at(std::uint64_t index) {
    standing = static_cast<std::int64_t>(index);
    reads.applied(Index(index));
  }
  std::vector<std::pair<std::uint64_t, std::int64_t>> answers() {
    std::vector<std::pair<std::uint64_t, std::int64_t>> list;
    for (const auto& answer : reads.take_answers()) {
      list.emplace_back(answer.origin.id, std::get<std::int64_t>(answer.reply.value));
    }
    return list;
  }
  using Answers = std::vector<std::pair<std::uint64_t, std::int64_t>>;

  std::int64_t standing = 10;
  PendingReads reads{[this](BytesView) { return kv::Reply::integer(standing); }};
};

// Dissertation, 6.4: the leader must hear from a majority after the read arrived.
TEST_F(PendingReadsTest, AnswersNothingBeforeItsRoundIsConfirmed) {
  reads.add(1, {read(1, 10)}, Index(10), at(100));
  EXPECT_EQ(answers(), Answers{});
  reads.confirmed(1);
  EXPECT_EQ(answers(), (Answers{{1, 10}}));
  EXPECT_EQ(reads.size(), 0U);
}

TEST_F(PendingReadsTest, SeesTheStateAtItsIndexAndNotALaterOne) {
  reads.add(1, {read(1, 10), read(2, 12)}, Index(10), at(100));
  stand_at(11);
  stand_at(12);
  stand_at(13);
  reads.confirmed(1);
  EXPECT_EQ(answers(), (Answers{{1, 10}, {2, 12}}));
}

TEST_F(PendingReadsTest, WaitsForItsIndexAlsoWhenConfirmedEarly) {
  reads.add(1, {read(1, 12)}, Index(10), at(100));
  reads.confirmed(1);
  stand_at(11);
  EXPECT_EQ(answers(), Answers{});
  stand_at(12);
  EXPECT_EQ(answers(), (Answers{{1, 12}}));
}

TEST_F(PendingReadsTest, GivesTheReadsOfARejectedRoundBackUnanswered) {
  reads.add(1, {read(1, 10), read(2, 12)}, Index(10), at(100));
  EXPECT_EQ(reads.rejected(1).size(), 2U);
  stand_at(12);
  EXPECT_EQ(answers(), Answers{});
  EXPECT_EQ(reads.size(), 0U);
}

TEST_F(PendingReadsTest, LocalReadsNeedNoRound) {
  reads.add(PendingReads::kLocalRound, {read(1, 0)}, Index(10), at(100));
  EXPECT_EQ(answers(), (Answers{{1, 10}}));
}

TEST_F(PendingReadsTest, ALocalReadWaitsForTheIndexItAsksFor) {
  reads.add(PendingReads::kLocalRound, {read(1, 11)}, Index(10), at(100));
  reads.add(PendingReads::kLocalRound, {read(2, 10)}, Index(10), at(100));
  EXPECT_EQ(answers(), (Answers{{2, 10}}));
  stand_at(11);
  EXPECT_EQ(answers(), (Answers{{1, 11}}));
}

TEST_F(PendingReadsTest, ExpiresAtItsDeadline) {
  reads.add(1, {read(1, 10)}, Index(10), at(100));
  EXPECT_EQ(reads.next_deadline(), at(100));
  EXPECT_TRUE(reads.expired(at(99)).empty());
  EXPECT_EQ(reads.expired(at(100)).size(), 1U);
  reads.confirmed(1);
  EXPECT_EQ(answers(), Answers{});
}

TEST_F(PendingReadsTest, AReadThatASnapshotCarriedPastItsIndexIsStillAnswered) {
  reads.add(1, {read(1, 12)}, Index(10), at(100));
  reads.confirmed(1);
  stand_at(50);
  EXPECT_EQ(answers(), (Answers{{1, 50}}));
}

}  // namespace
}  // namespace kvcluster::replica
