#include "server/reply_queue.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "base/random.hpp"
#include "server/hash_slot.hpp"
#include "server/scan_cursors.hpp"

namespace kvcluster::server {
namespace {

constexpr std::uint64_t kMask = 0xFF;

void fill(ReplyQueue& queue, std::uint64_t number, BytesView text) {
  ASSERT_NE(queue.find(number & kMask, kMask), nullptr);
  queue.fill(number & kMask, kMask).append(text);
  queue.filled();
}

TEST(ReplyQueue, AReadyReplyGoesOutAtOnceWhenNothingIsDue) {
  Bytes out;
  ReplyQueue queue(out);
  queue.add_ready().append("a");
  EXPECT_EQ(out, "a");
  EXPECT_TRUE(queue.empty());
}

TEST(ReplyQueue, AReadyReplyWaitsBehindOneThatIsDue) {
  Bytes out;
  ReplyQueue queue(out);
  const auto number = queue.add_waiting({});
  queue.add_ready().append("b");
  EXPECT_EQ(out, "");
  EXPECT_EQ(queue.held_bytes(), 1U);
  fill(queue, number, "a");
  EXPECT_EQ(out, "ab");
  EXPECT_EQ(queue.held_bytes(), 0U);
}

TEST(ReplyQueue, APlaceIsFoundUntilItIsFilled) {
  Bytes out;
  ReplyQueue queue(out);
  queue.add_waiting({});
  const auto second = queue.add_waiting({.hash_slot = 7});
  ASSERT_NE(queue.find(second, kMask), nullptr);
  EXPECT_EQ(queue.find(second, kMask)->hash_slot, 7);
  fill(queue, second, "b");
  EXPECT_EQ(queue.find(second, kMask), nullptr);
  EXPECT_EQ(queue.find(second + 1, kMask), nullptr);
}

TEST(ReplyQueue, AnyOrderOfCompletionsGivesTheOrderOfTheCommands) {
  const std::uint64_t seed = 20'251'120;
  Random random(seed);
  Bytes out;
  Bytes expected;
  ReplyQueue queue(out);
  std::vector<std::uint64_t> due;
  for (int step = 0; step < 20'000; ++step) {
    if (queue.size() < 200 && random.chance(1, 2)) {
      const auto number = queue.add_waiting({});
      due.push_back(number);
      expected += std::to_string(number) + ",";
    } else if (!due.empty()) {
      const std::size_t at = random.below(due.size());
      fill(queue, due[at], std::to_string(due[at]) + ",");
      due.erase(due.begin() + static_cast<std::ptrdiff_t>(at));
    }
  }
  while (!due.empty()) {
    fill(queue, due.back(), std::to_string(due.back()) + ",");
    due.pop_back();
  }
  EXPECT_EQ(out, expected) << "seed " << seed;
  EXPECT_EQ(queue.held_bytes(), 0U);
}

TEST(HashSlot, IsThatOfTheClusterSpecification) {
  EXPECT_EQ(hash_slot("123456789"), 0x31C3 % kHashSlots);
  EXPECT_EQ(hash_slot("foo"), 12182);
  EXPECT_EQ(hash_slot(""), 0);
}

TEST(HashSlot, OnlyTheFirstTagThatIsNotEmptyCounts) {
  EXPECT_EQ(hash_slot("{user1000}.following"), hash_slot("user1000"));
  EXPECT_EQ(hash_slot("foo{bar}{zap}"), hash_slot("bar"));
  EXPECT_EQ(hash_slot("foo{{bar}}zap"), hash_slot("{bar"));
  EXPECT_NE(hash_slot("foo{}{bar}"), hash_slot("bar"));
  EXPECT_NE(hash_slot("foo{bar"), hash_slot("bar"));
}

TEST(ScanCursors, AreFoundUntilTooManyNewerOnesCame) {
  ScanCursors cursors(1, 2);
  const auto a = cursors.remember("a");
  const auto b = cursors.remember("b");
  EXPECT_EQ(cursors.find(a), "a");
  const auto c = cursors.remember("c");
  EXPECT_EQ(cursors.find(a), std::nullopt);
  EXPECT_EQ(cursors.find(b), "b");
  EXPECT_EQ(cursors.find(c), "c");
  EXPECT_EQ(cursors.size(), 2U);
}

TEST(ScanCursors, OfAnotherNodeAreUnknown) {
  ScanCursors mine(1, 10);
  ScanCursors yours(2, 10);
  EXPECT_EQ(yours.find(mine.remember("a")), std::nullopt);
}

TEST(ScanCursors, FitIntoADouble) {
  ScanCursors cursors(~std::uint64_t{0}, 1);
  EXPECT_LT(cursors.remember("a"), std::uint64_t{1} << 53U);
}

}  // namespace
}  // namespace kvcluster::server
