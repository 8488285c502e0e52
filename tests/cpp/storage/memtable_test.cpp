#include "storage/memtable.hpp"

#include <gtest/gtest.h>

#include <map>
#include <string>

#include "base/random.hpp"

namespace kvcluster::storage {
namespace {

using kv::Space;

std::string value_of(const Memtable& table, BytesView key) {
  const Cell* cell = table.find(Space::kData, key);
  if (cell == nullptr) return "(unknown)";
  return cell->erased() ? "(erased)" : std::string(cell->value());
}

std::uint64_t all_the_same(BytesView) { return 7; }

TEST(Memtable, KeepsWhatWasPutLast) {
  Memtable table;
  table.put(Space::kData, "a", "one");
  table.put(Space::kData, "b", "two");
  table.put(Space::kData, "a", "three");
  EXPECT_EQ(value_of(table, "a"), "three");
  EXPECT_EQ(value_of(table, "b"), "two");
  EXPECT_EQ(value_of(table, "c"), "(unknown)");
  EXPECT_EQ(table.find(Space::kSession, "a"), nullptr);
}

TEST(Memtable, HoldsValuesThatGrowAndShrink) {
  Memtable table;
  for (const std::size_t size : {0U, 1U, 100U, 5'000U, 4'999U, 3U, 70'000U, 0U}) {
    const std::string value(size, static_cast<char>('a' + size % 26));
    table.put(Space::kData, "key", value);
    table.put(Space::kData, "other", "stays");
    EXPECT_EQ(value_of(table, "key"), value);
    EXPECT_EQ(value_of(table, "other"), "stays");
    EXPECT_EQ(table.entries(), 2U);
  }
}

TEST(Memtable, GivesBackTheMemoryOfALargeValue) {
  Memtable table;
  table.put(Space::kData, "key", "small");
  const std::size_t small = table.memory_bytes();
  table.put(Space::kData, "key", std::string(100'000, 'x'));
  EXPECT_GT(table.memory_bytes(), 100'000U);
  table.put(Space::kData, "key", "small");
  EXPECT_EQ(table.memory_bytes(), small);
  table.put(Space::kData, "key", std::string(100'000, 'x'));
  table.erase(Space::kData, "key");
  EXPECT_LE(table.memory_bytes(), small);
}

TEST(Memtable, RemembersAnErasedKeyOnlyWhileSomethingIsBelow) {
  Memtable table;
  table.put(Space::kData, "key", "value");
  table.erase(Space::kData, "key");
  EXPECT_EQ(value_of(table, "key"), "(erased)");
  EXPECT_EQ(table.entries(), 1U);
  table.clear();
  table.put(Space::kData, "key", "value");
  table.erase(Space::kData, "key");
  EXPECT_EQ(value_of(table, "key"), "(unknown)");
  EXPECT_EQ(table.entries(), 0U);
  EXPECT_EQ(table.memory_bytes(), 0U);
}

TEST(Memtable, TellsKeysOfOneHashApart) {
  Memtable table(all_the_same);
  table.clear();
  for (const char* key : {"a", "b", "c"}) table.put(Space::kData, key, key);
  table.erase(Space::kData, "b");  // in the middle of the chain
  EXPECT_EQ(value_of(table, "a"), "a");
  EXPECT_EQ(value_of(table, "b"), "(unknown)");
  EXPECT_EQ(value_of(table, "c"), "c");
  table.erase(Space::kData, "c");
  table.erase(Space::kData, "a");
  EXPECT_EQ(table.entries(), 0U);
}

// Against a std::map, with every key under one of few hashes.
TEST(Memtable, IsAMapInOrder) {
  Memtable table([](BytesView key) { return static_cast<std::uint64_t>(key.back() % 3); });
  table.clear();
  std::map<std::string, std::string> expected;
  Random random(5);
  for (int step = 0; step < 3'000; ++step) {
    const std::string key = "k" + std::to_string(random.below(40));
    if (random.below(3) == 0) {
      table.erase(Space::kData, key);
      expected.erase(key);
    } else {
      const std::string value(random.below(300), static_cast<char>('a' + step % 26));
      table.put(Space::kData, key, value);
      expected[key] = value;
    }
    ASSERT_EQ(table.entries(), expected.size());
  }
  auto at = expected.begin();
  for (const auto& [key, cell] : table.map(Space::kData)) {
    ASSERT_NE(at, expected.end());
    EXPECT_EQ(key, at->first);
    EXPECT_EQ(cell->key(), at->first);
    EXPECT_EQ(cell->value(), at->second);
    EXPECT_EQ(value_of(table, key), at->second);
    ++at;
  }
  EXPECT_EQ(at, expected.end());
}

TEST(Memtable, KeepsANoteForAsLongAsTheValueIsTheSame) {
  Memtable table;
  const kv::Table::Note note = {1, 2, 3, 4, 5, 6, 7, 8};
  const auto noted = [&] { return table.find(Space::kData, "key")->note(); };
  table.put(Space::kData, "key", "value", note);
  ASSERT_NE(noted(), nullptr);
  EXPECT_EQ(*noted(), note);
  table.put(Space::kData, "key", "other");
  EXPECT_EQ(noted(), nullptr);
  table.put(Space::kData, "key", std::string(5'000, 'x'), note);
  ASSERT_NE(noted(), nullptr);
  table.erase(Space::kData, "key");
  EXPECT_EQ(noted(), nullptr);
}

TEST(Memtable, MayBeAskedToBringAnyKeysNear) {
  Memtable table;
  table.put(Space::kData, "a", "one");
  const std::vector<BytesView> keys(100, "a");
  table.prefetch(Space::kData, keys);
  table.prefetch(Space::kStream, std::array<BytesView, 2>{"a", "unknown"});
  EXPECT_EQ(value_of(table, "a"), "one");
}

}  // namespace
}  // namespace kvcluster::storage
