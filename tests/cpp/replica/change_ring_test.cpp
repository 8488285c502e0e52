#include "replica/change_ring.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "base/random.hpp"

namespace kvcluster::replica {
namespace {

using kv::ChangeKind;
using Cursor = ChangeRing::Cursor;

class ChangeRingTest : public ::testing::Test {
 protected:
  static void apply(ChangeRing& ring, const std::vector<std::string>& keys,
                    const std::string& value = "v") {
    for (const std::string& key : keys) ring.changed({ChangeKind::kPut, key, value});
    ring.applied(ring.last().next());
  }
  // "revision:key,key" of the next revision that has changes; empty: none.
  static std::string next(const ChangeRing& ring, Cursor& cursor) {
    std::string keys;
    const auto revision = ring.read(cursor, [&keys](const kv::Change& change) {
      keys += (keys.empty() ? "" : ",") + std::string(change.key);
    });
    return revision ? std::to_string(revision->value()) + ":" + keys : std::string();
  }
};

TEST_F(ChangeRingTest, GivesTheChangesOfOneRevisionTogether) {
  ChangeRing ring(1 << 20);
  apply(ring, {"a", "b"});
  apply(ring, {});
  apply(ring, {"c"});
  Cursor cursor{.next = Index(1)};
  EXPECT_EQ(next(ring, cursor), "1:a,b");
  EXPECT_EQ(next(ring, cursor), "3:c");
  EXPECT_EQ(next(ring, cursor), "");
  EXPECT_EQ(cursor.next, Index(4));
  apply(ring, {"d"});
  EXPECT_EQ(next(ring, cursor), "4:d");
}

TEST_F(ChangeRingTest, BeginsInTheMiddleOrInTheFuture) {
  ChangeRing ring(1 << 20);
  for (const char* key : {"a", "b", "c"}) apply(ring, {key});
  Cursor middle{.next = Index(2)};
  EXPECT_EQ(next(ring, middle), "2:b");
  Cursor future{.next = Index(5)};
  EXPECT_EQ(next(ring, future), "");
  EXPECT_EQ(future.next, Index(5));
  apply(ring, {"d"});
  EXPECT_EQ(next(ring, future), "");
  apply(ring, {"e"});
  EXPECT_EQ(next(ring, future), "5:e");
}

TEST_F(ChangeRingTest, KeepsKindKeyAndValue) {
  ChangeRing ring(1 << 20);
  ring.changed({ChangeKind::kStream, "room", "5-0"});
  ring.changed({ChangeKind::kExpire, "gone", ""});
  ring.applied(Index(1));
  Cursor cursor{.next = Index(1)};
  std::vector<std::string> seen;
  ring.read(cursor, [&](const kv::Change& change) {
    seen.push_back(std::to_string(static_cast<int>(change.kind)) + std::string(change.key) +
                   std::string(change.value));
  });
  EXPECT_EQ(seen, (std::vector<std::string>{"3room5-0", "2gone"}));
}

TEST_F(ChangeRingTest, ForgetsTheOldestAndSaysSo) {
  ChangeRing ring(4096);
  EXPECT_EQ(ring.oldest(), Index(1));
  for (int i = 0; i < 1000; ++i) apply(ring, {"key" + std::to_string(i)}, std::string(40, 'v'));
  EXPECT_GT(ring.oldest(), Index(900));
  EXPECT_LE(ring.oldest(), ring.last());
  EXPECT_LE(ring.bytes(), 4096U);
  Cursor cursor{.next = ring.oldest()};
  EXPECT_TRUE(next(ring, cursor).starts_with(std::to_string(ring.oldest().value()) + ":"));
}

TEST_F(ChangeRingTest, ACursorOutlivesTheChunkThatItPointedInto) {
  ChangeRing ring(4096);
  apply(ring, {"a"});
  Cursor cursor{.next = Index(1)};
  EXPECT_EQ(next(ring, cursor), "1:a");
  for (int i = 0; i < 1000; ++i) apply(ring, {});
  for (int i = 0; i < 1000; ++i) apply(ring, {"b"}, std::string(40, 'v'));
  EXPECT_LT(cursor.next, ring.oldest());
  cursor.next = ring.oldest();
  EXPECT_EQ(next(ring, cursor), std::to_string(ring.oldest().value()) + ":b");
}

TEST_F(ChangeRingTest, ARevisionLargerThanAllIsMissingAsAWhole) {
  ChangeRing ring(4096);
  apply(ring, {"before"});
  std::vector<std::string> many(1000, "key");
  apply(ring, many);
  EXPECT_EQ(ring.oldest(), Index(3));
  apply(ring, {"after"});
  Cursor cursor{.next = Index(3)};
  EXPECT_EQ(next(ring, cursor), "3:after");
  apply(ring, {"huge"}, std::string(5000, 'v'));
  EXPECT_EQ(ring.oldest(), Index(5));
  apply(ring, {"again"});
  EXPECT_EQ(next(ring, cursor = {.next = Index(5)}), "5:again");
}

TEST_F(ChangeRingTest, ARestoredStateIsAGap) {
  ChangeRing ring(4096);
  apply(ring, {"a"});
  ring.restored(Index(100));
  EXPECT_EQ(ring.oldest(), Index(101));
  EXPECT_EQ(ring.last(), Index(100));
  apply(ring, {"b"});
  Cursor cursor{.next = Index(101)};
  EXPECT_EQ(next(ring, cursor), "101:b");
}

TEST_F(ChangeRingTest, NothingIsKeptWithoutRoom) {
  ChangeRing ring(0);
  apply(ring, {"a"});
  EXPECT_EQ(ring.oldest(), Index(2));
  apply(ring, {});
  EXPECT_EQ(ring.bytes(), 0U);
}

// Readers that stand anywhere and read at any time see each revision once, in order and whole, or
// find that what they want is gone.
TEST_F(ChangeRingTest, RandomReadersMissNothing) {
  for (const std::uint64_t seed : {1U, 2U, 3U}) {
    Random random(seed);
    ChangeRing ring(8192);
    std::vector<std::string> truth;  // by revision - 1
    std::vector<Cursor> readers(5, Cursor{.next = Index(1)});
    for (int step = 0; step < 20'000; ++step) {
      std::string expected;
      for (std::uint64_t changes = random.below(4); changes > 0; --changes) {
        const std::string key = "k" + std::to_string(random.below(1000));
        ring.changed({ChangeKind::kPut, key, std::string(random.below(60), 'v')});
        expected += (expected.empty() ? "" : ",") + key;
      }
      truth.push_back(expected);
      ring.applied(Index(truth.size()));
      Cursor& reader = readers[random.below(readers.size())];
      if (!random.chance(1, 20)) continue;
      if (reader.next < ring.oldest()) reader = {.next = ring.oldest()};
      std::uint64_t at = reader.next.value();
      for (std::string got = next(ring, reader); !got.empty(); got = next(ring, reader)) {
        while (truth[at - 1].empty()) ++at;
        ASSERT_EQ(got, std::to_string(at) + ":" + truth[at - 1]) << "seed " << seed;
        ++at;
        if (random.chance(1, 100)) break;
      }
    }
  }
}

}  // namespace
}  // namespace kvcluster::replica
