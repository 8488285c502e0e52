#include "kv/map_table.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace kvcluster::kv {
namespace {

std::vector<Bytes> keys_from(const MapTable& table, BytesView from) {
  std::vector<Bytes> keys;
  table.scan(Space::kData, from, [&](BytesView key, BytesView) {
    keys.emplace_back(key);
    return true;
  });
  return keys;
}

TEST(MapTable, PutReplacesWhatIsThere) {
  MapTable table;
  table.put(Space::kData, "a", "1");
  table.put(Space::kData, "a", "2");
  EXPECT_EQ(table.get(Space::kData, "a"), "2");
}

TEST(MapTable, SpacesAreSeparate) {
  MapTable table;
  table.put(Space::kData, "a", "1");
  EXPECT_EQ(table.get(Space::kSession, "a"), std::nullopt);
}

TEST(MapTable, ErasingWhatIsNotThereChangesNothing) {
  MapTable table;
  table.put(Space::kData, "a", "1");
  table.erase(Space::kData, "b");
  EXPECT_EQ(keys_from(table, ""), std::vector<Bytes>{"a"});
}

TEST(MapTable, KeysAreOrderedAsUnsignedBytes) {
  MapTable table;
  for (const char* key : {"\xff", "a", "\x01", "\x80", "aa"}) table.put(Space::kData, key, "");
  EXPECT_EQ(keys_from(table, ""), (std::vector<Bytes>{"\x01", "a", "aa", "\x80", "\xff"}));
}

TEST(MapTable, AScanStartsAtTheFirstKeyNotBelow) {
  MapTable table;
  for (const char* key : {"a", "c", "d"}) table.put(Space::kData, key, "");
  EXPECT_EQ(keys_from(table, "b"), (std::vector<Bytes>{"c", "d"}));
  EXPECT_EQ(keys_from(table, "c"), (std::vector<Bytes>{"c", "d"}));
}

TEST(MapTable, AScanEndsWhenTheVisitorSaysSo) {
  MapTable table;
  for (const char* key : {"a", "b", "c"}) table.put(Space::kData, key, "");
  int visited = 0;
  table.scan(Space::kData, "", [&](BytesView, BytesView) { return ++visited < 2; });
  EXPECT_EQ(visited, 2);
}

TEST(MapTable, ClearTakesEverySpace) {
  MapTable table;
  table.put(Space::kData, "a", "1");
  table.put(Space::kExpiry, "b", "1");
  table.clear();
  EXPECT_EQ(table, MapTable());
}

TEST(MapTableDeathTest, AKeyThatIsTooLongBreaksTheContract) {
  MapTable table;
  EXPECT_DEATH(table.put(Space::kData, std::string(512, 'k'), ""), "511");
}

}  // namespace
}  // namespace kvcluster::kv
