#include "storage/layered_table.hpp"

#include <gmock/gmock.h>

#include "base/random.hpp"
#include "storage/checkpoint_fixture.hpp"

namespace kvcluster::storage::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;

using LayeredTableTest = CheckpointTest;

TEST_F(LayeredTableTest, ReadsFromEveryLayer) {
  put("base", "1");
  checkpoint(meta_at(1));
  put("frozen", "2");
  const auto frozen = table->freeze();
  put("active", "3");
  EXPECT_EQ(get("base"), "1");
  EXPECT_EQ(get("frozen"), "2");
  EXPECT_EQ(get("active"), "3");
  EXPECT_EQ(get("absent"), "(none)");
  EXPECT_THAT(contents_of(*table),
              ElementsAre(Pair("active", "3"), Pair("base", "1"), Pair("frozen", "2")));
}

TEST_F(LayeredTableTest, TheUpperLayerCounts) {
  put("key", "base");
  checkpoint(meta_at(1));
  put("key", "frozen");
  const auto frozen = table->freeze();
  EXPECT_EQ(get("key"), "frozen");
  put("key", "active");
  EXPECT_EQ(get("key"), "active");
  EXPECT_THAT(contents_of(*table), ElementsAre(Pair("key", "active")));
}

TEST_F(LayeredTableTest, AnErasedKeyIsHiddenInEveryLayer) {
  put("a", "1");
  put("b", "2");
  checkpoint(meta_at(1));
  erase("a");
  EXPECT_EQ(get("a"), "(none)");
  const auto frozen = table->freeze();
  EXPECT_EQ(get("a"), "(none)");
  erase("b");
  EXPECT_THAT(contents_of(*table), IsEmpty());
  put("a", "again");
  EXPECT_THAT(contents_of(*table), ElementsAre(Pair("a", "again")));
}

TEST_F(LayeredTableTest, AnErasedKeyIsGoneAfterTheCheckpoint) {
  put("a", "1");
  put("b", "2");
  checkpoint(meta_at(1));
  erase("a");
  checkpoint(meta_at(2));
  EXPECT_THAT(contents_of(*table), ElementsAre(Pair("b", "2")));
  EXPECT_EQ(table->memory_bytes(), 0U);
}

TEST_F(LayeredTableTest, ClearHidesAllBelowAndIsCheckpointed) {
  put("a", "1");
  checkpoint(meta_at(1));
  put("b", "2");
  const auto frozen = table->freeze();
  table->clear();
  put("c", "3");
  EXPECT_THAT(contents_of(*table), ElementsAre(Pair("c", "3")));
  EXPECT_EQ(get("a"), "(none)");
  EXPECT_EQ(get("b"), "(none)");
  ASSERT_TRUE(store->write({frozen, meta_at(2), 1}).has_value());
  ASSERT_TRUE(table->checkpoint_done().has_value());
  EXPECT_THAT(contents_of(*table), ElementsAre(Pair("c", "3")));
  checkpoint(meta_at(3));
  open();
  EXPECT_THAT(contents_of(*table), ElementsAre(Pair("c", "3")));
}

TEST_F(LayeredTableTest, ANoteIsThatOfTheUppermostValue) {
  const kv::Table::Note note = {7, 7, 7, 7, 7, 7, 7, 7};
  const auto noted = [&](const char* key) {
    const kv::Table::Note* found = table->note(kv::Space::kData, key);
    return found != nullptr && *found == note;
  };
  table->put_noted(kv::Space::kData, "a", "1", note);
  table->put_noted(kv::Space::kData, "b", "1", note);
  table->put_noted(kv::Space::kData, "c", "1", note);
  const auto frozen = table->freeze();
  EXPECT_TRUE(noted("a"));
  put("b", "2");
  erase("c");
  EXPECT_FALSE(noted("b"));
  EXPECT_FALSE(noted("c"));
  EXPECT_FALSE(noted("d"));
  table->clear();
  EXPECT_FALSE(noted("a"));
}

TEST_F(LayeredTableTest, SpacesAreApart) {
  table->put(kv::Space::kData, "key", "data");
  table->put(kv::Space::kSession, "key", "session");
  checkpoint(meta_at(1));
  table->erase(kv::Space::kData, "key");
  EXPECT_EQ(get("key"), "(none)");
  EXPECT_EQ(*table->get(kv::Space::kSession, "key"), "session");
}

TEST_F(LayeredTableTest, AScanBeginsAtItsKeyAndEndsWhenTold) {
  for (const char* key : {"a", "c", "e"}) put(key, "base");
  checkpoint(meta_at(1));
  for (const char* key : {"b", "d"}) put(key, "active");
  std::vector<Bytes> seen;
  table->scan(kv::Space::kData, "b", [&](BytesView key, BytesView) {
    seen.emplace_back(key);
    return seen.size() < 3;
  });
  EXPECT_THAT(seen, ElementsAre("b", "c", "d"));
}

TEST_F(LayeredTableTest, ScansInTheOrderOfUnsignedBytes) {
  put("\xFFz", "active");
  put("a", "active");
  checkpoint(meta_at(1));
  put("\x80", "active");
  put(Bytes("\0", 1), "active");
  std::vector<Bytes> seen;
  table->scan(kv::Space::kData, {}, [&](BytesView key, BytesView) {
    seen.emplace_back(key);
    return true;
  });
  EXPECT_THAT(seen, ElementsAre(Bytes("\0", 1), "a", "\x80", "\xFFz"));
}

TEST_F(LayeredTableTest, AnEmptyValueIsAValue) {
  put("key", "");
  checkpoint(meta_at(1));
  EXPECT_EQ(get("key"), "");
}

TEST_F(LayeredTableTest, TheLongestKeyIsStored) {
  const Bytes key(kv::kMaxKeyBytes, 'k');
  put(key, "value");
  checkpoint(meta_at(1));
  EXPECT_EQ(get(key), "value");
}

TEST_F(LayeredTableTest, ReadsDuringACheckpointSeeTheStateAsItIs) {
  put("key", "old");
  checkpoint(meta_at(1));
  put("key", "new");
  const CheckpointJob job{table->freeze(), meta_at(2), table->environment_number()};
  ASSERT_TRUE(store->write(job).has_value());
  EXPECT_EQ(get("key"), "new");  // written, not yet read from there
  ASSERT_TRUE(table->checkpoint_done().has_value());
  EXPECT_EQ(get("key"), "new");
  EXPECT_EQ(table->memory_bytes(), 0U);
}

TEST_F(LayeredTableTest, AgreesWithAnOrderedMapOverRandomHistories) {
  Random random(5);
  Contents model;
  std::uint64_t index = 0;
  std::optional<CheckpointJob> job;
  for (int step = 0; step < 20'000; ++step) {
    const Bytes key = "key" + std::to_string(random.below(300));
    switch (random.below(100)) {
      case 0:
        if (!job) job = CheckpointJob{table->freeze(), meta_at(++index), 1};
        break;
      case 1:
        if (job) {
          ASSERT_TRUE(store->write(*job).has_value());
          ASSERT_TRUE(table->checkpoint_done().has_value());
          job.reset();
        }
        break;
      case 2:
        if (random.chance(1, 20)) {
          table->clear();
          model.clear();
        }
        break;
      default:
        if (random.chance(1, 3)) {
          erase(key);
          model.erase(key);
        } else {
          const Bytes value = "value" + std::to_string(step);
          put(key, value);
          model[key] = value;
        }
    }
    const auto found = model.find(key);
    ASSERT_EQ(get(key), found == model.end() ? "(none)" : found->second) << step;
    if (step % 500 == 0) {
      ASSERT_EQ(contents_of(*table), model) << step;
    }
  }
  EXPECT_EQ(contents_of(*table), model);
}

}  // namespace
}  // namespace kvcluster::storage::testing
