// No byte of a checkpoint can be damaged so that it is served: it is noticed before LMDB follows a
// pointer, or what is read is what was written.
#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>

#include "base/random.hpp"
#include "storage/checkpoint_fixture.hpp"
#include "storage/memory_disk.hpp"
#include "storage/page_check.hpp"
#include "storage/page_format.hpp"
#include "storage/record_checksum.hpp"
#include "storage/stopping_disk.hpp"

namespace kvcluster::storage::testing {
namespace {

using ::testing::HasSubstr;

constexpr std::size_t kPageBytes = 4096;
constexpr const char* kPages = "checkpoint-1/data.mdb";

class CheckpointDamage : public CheckpointTest {
 protected:
  // Several checkpoints of a few hundred records in all spaces, some of them large, some erased: a
  // tree of several levels, overflow pages and a list of free pages.
  void fill(int rounds = 4) {
    Random random(7);
    for (int round = 1; round <= rounds; ++round) {
      for (int i = 0; i < 100; ++i) {
        const std::string key = "key" + std::to_string(random.below(900));
        const auto space = static_cast<kv::Space>(random.below(kv::kSpaceCount));
        const std::size_t size = random.chance(1, 12) ? random.below(20000) : random.below(90);
        table->put(space, key + std::string(random.below(60), 'k'), Bytes(size, 'v'));
        if (random.chance(1, 3)) table->erase(kv::Space::kData, "key" + std::to_string(i));
      }
      checkpoint(meta_at(static_cast<std::uint64_t>(round)));
    }
    for (std::size_t i = 0; i < kv::kSpaceCount; ++i) {
      expected.push_back(contents_of(*table, static_cast<kv::Space>(i)));
    }
    meta = *store->meta();
    table.reset();
    store.reset();
  }

  [[nodiscard]] Bytes pages() const {
    std::ifstream file(directory.file(kPages), std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  void set_pages(const Bytes& bytes) const {
    std::ofstream file(directory.file(kPages), std::ios::binary | std::ios::trunc);
    file << bytes;
  }

  // What check_pages() says of these bytes, without a real file.
  static Result<PageCheck> checked(const Bytes& bytes) {
    MemoryDisk memory;
    EXPECT_TRUE(memory.make_directory("checkpoint-1").has_value());
    auto file = memory.open(kPages, OpenMode::kCreateNew);
    EXPECT_TRUE(file.has_value() && (*file)->write_at(0, bytes).has_value());
    return check_pages(memory, kPages);
  }

  // LMDB may open what was found whole, and gives the very records that were written.
  void expect_same() {
    ASSERT_NO_FATAL_FAILURE(open());
    EXPECT_EQ(store->meta(), meta);
    for (std::size_t i = 0; i < kv::kSpaceCount; ++i) {
      EXPECT_EQ(contents_of(*table, static_cast<kv::Space>(i)), expected[i]);
    }
    EXPECT_TRUE(table->damage().empty()) << table->damage();
    table.reset();
    store.reset();
  }

  std::vector<Contents> expected;
  std::optional<CheckpointMeta> meta;
};

TEST_F(CheckpointDamage, AWholeCheckpointPassesAndEveryRecordIsRead) {
  fill();
  const auto check = check_pages(*disk, kPages);
  ASSERT_TRUE(check.has_value()) << check.error().message();
  std::size_t records = 1;  // the meta record
  for (const Contents& space : expected) records += space.size();
  EXPECT_EQ(check->records, records);
  EXPECT_GT(check->pages, 10U);
  expect_same();
}

TEST_F(CheckpointDamage, AnEmptyCheckpointPasses) {
  store.reset();
  table.reset();
  EXPECT_TRUE(check_pages(*disk, kPages).has_value());
}

// What LMDB itself does to its file must never be taken for damage.
TEST_F(CheckpointDamage, AfterEveryCheckpointOfALongLifeThePagesPass) {
  Random random(11);
  std::optional<ReadTransaction> reader;  // holds pages back, as a snapshot that is sent does
  for (std::uint64_t round = 1; round <= 80; ++round) {
    if (round % 7 == 0) reader = std::move(*ReadTransaction::begin(store->environment()));
    if (round % 13 == 0) reader.reset();
    if (round % 40 == 0) table->clear();
    const bool erases = random.chance(1, 3);
    for (std::uint64_t i = random.below(300); i > 0; --i) {
      const auto space = static_cast<kv::Space>(random.below(kv::kSpaceCount));
      const std::string key = std::to_string(random.below(2000)) + Bytes(random.below(400), 'k');
      const std::size_t size = random.chance(1, 20) ? random.below(40000) : random.below(200);
      table->put(space, key, Bytes(size, 'v'));
      if (erases) table->erase(space, std::to_string(random.below(2000)));
    }
    if (erases) {
      std::vector<Bytes> keys;
      table->scan(kv::Space::kData, {}, [&](BytesView key, BytesView) {
        if (random.chance(2, 3)) keys.emplace_back(key);
        return true;
      });
      for (const Bytes& key : keys) table->erase(kv::Space::kData, key);
    }
    checkpoint(meta_at(round));
    const auto check = check_pages(*disk, kPages);
    ASSERT_TRUE(check.has_value()) << "round " << round << ": " << check.error().message();
  }
}

// Each page, at many bytes: what is not noticed must not change anything.
TEST_F(CheckpointDamage, AFlippedBitInAnyPageIsNoticedOrChangesNothing) {
  fill();
  const Bytes whole = pages();
  ASSERT_EQ(whole.size() % kPageBytes, 0U);
  Random random(3);
  std::size_t noticed = 0;
  std::size_t harmless = 0;
  for (std::size_t page = 0; page < whole.size() / kPageBytes; ++page) {
    std::vector<std::size_t> places;
    places.reserve(44);
    for (std::size_t at = 0; at < 28; ++at) places.push_back(at);  // the header and first pointers
    for (int i = 0; i < 16; ++i) places.push_back(random.below(kPageBytes));
    for (const std::size_t at : places) {
      SCOPED_TRACE("page " + std::to_string(page) + ", byte " + std::to_string(at));
      Bytes damaged = whole;
      const std::size_t place = page * kPageBytes + at;
      damaged[place] = static_cast<char>(damaged[place] ^ (1 << random.below(8)));
      const auto check = checked(damaged);
      if (!check) {
        ++noticed;
        ASSERT_EQ(check.error().code, ErrorCode::kCorruption) << check.error().message();
        ASSERT_THAT(check.error().context, HasSubstr("checkpoint-1/data.mdb, offset "));
        continue;
      }
      ++harmless;
      // The older meta page, free pages, and what lies between and behind the nodes.
      if (harmless % 40 != 0) continue;
      set_pages(damaged);
      ASSERT_NO_FATAL_FAILURE(expect_same());
    }
  }
  EXPECT_GT(noticed, 500U);
  RecordProperty("noticed", static_cast<int>(noticed));
  RecordProperty("harmless", static_cast<int>(harmless));
}

TEST_F(CheckpointDamage, EveryBitOfTheMetaPagesIsNoticedOrChangesNothing) {
  fill();
  const Bytes whole = pages();
  for (std::size_t page = 0; page < 2; ++page) {
    for (std::size_t at = 0; at < lmdb::Meta::kBytes; ++at) {
      for (auto bit = static_cast<unsigned>(at % 3); bit < 8; bit += 3) {
        SCOPED_TRACE("page " + std::to_string(page) + ", byte " + std::to_string(at));
        Bytes damaged = whole;
        const std::size_t place = page * kPageBytes + at;
        damaged[place] = static_cast<char>(damaged[place] ^ (1 << bit));
        const auto check = checked(damaged);
        if (!check) continue;
        set_pages(damaged);
        ASSERT_NO_FATAL_FAILURE(open());
        // The checkpoint before may come back: the log must then say what follows it.
        ASSERT_TRUE(store->meta().has_value());
        if (*store->meta() == *meta) {
          ASSERT_NO_FATAL_FAILURE(expect_same());
        } else {
          EXPECT_EQ(store->meta()->applied.index.next(), meta->applied.index);
        }
        table.reset();
        store.reset();
      }
    }
  }
}

TEST_F(CheckpointDamage, APageThatIsZeroedOrHoldsAnotherOneIsNoticed) {
  fill();
  const Bytes whole = pages();
  std::size_t noticed = 0;
  for (std::size_t page = 2; page < whole.size() / kPageBytes; ++page) {
    Bytes zeroed = whole;
    zeroed.replace(page * kPageBytes, kPageBytes, kPageBytes, '\0');
    Bytes moved = whole;
    const std::size_t from = page == 2 ? 3 : page - 1;
    moved.replace(page * kPageBytes, kPageBytes, whole, from * kPageBytes, kPageBytes);
    const bool zero_passes = checked(zeroed).has_value();
    // A page that is free, or the tail of a large value that ended before it.
    if (zero_passes) {
      set_pages(zeroed);
      ASSERT_NO_FATAL_FAILURE(expect_same());
      continue;
    }
    ++noticed;
    EXPECT_FALSE(checked(moved).has_value() && moved != whole) << "page " << page;
  }
  EXPECT_GT(noticed, 10U);
}

TEST_F(CheckpointDamage, AFileThatIsCutOffAnywhereIsNoticed) {
  fill();
  const Bytes whole = pages();
  for (std::size_t size = 0; size < whole.size(); size += 3000) {
    SCOPED_TRACE(size);
    const auto check = checked(whole.substr(0, size));
    if (!check) {
      EXPECT_EQ(check.error().code, ErrorCode::kCorruption);
      continue;
    }
    set_pages(whole.substr(0, size));
    ASSERT_NO_FATAL_FAILURE(expect_same());
  }
}

TEST_F(CheckpointDamage, ARandomFileEndsNothing) {
  for (std::uint64_t seed = 0; seed < 500; ++seed) {
    Random random(seed);
    Bytes bytes(kPageBytes * (1 + random.below(6)), '\0');
    for (char& byte : bytes) byte = static_cast<char>(random.below(256));
    EXPECT_FALSE(checked(bytes).has_value());
  }
}

TEST_F(CheckpointDamage, AKillAtAnyStepOfABeginAnewLeavesTheDamageOrAnEmptyCheckpoint) {
  fill(1);
  Bytes damaged = pages();
  damaged[16] = '\x7f';  // the magic of a meta page
  for (std::uint64_t at = 0;; ++at) {
    SCOPED_TRACE(at);
    set_pages(damaged);
    bool finished = false;
    {
      StoppingDisk stopping(*disk);
      stopping.stop_at(at);
      const auto anew = CheckpointStore::begin_anew(stopping, directory.path(), options);
      finished = anew.has_value();
    }
    if (auto opened = CheckpointStore::open(*disk, directory.path(), options); opened) {
      EXPECT_FALSE((*opened)->meta().has_value());
    } else {
      EXPECT_EQ(opened.error().code, ErrorCode::kCorruption);
      opened = CheckpointStore::begin_anew(*disk, directory.path(), options);
      ASSERT_TRUE(opened.has_value()) << opened.error().message();
      EXPECT_FALSE((*opened)->meta().has_value());
    }
    if (finished) break;
    ASSERT_LT(at, 100U);
    for (const auto& name : std::filesystem::directory_iterator(directory.path())) {
      std::filesystem::remove_all(name.path());
    }
    ASSERT_TRUE(CheckpointStore::create(*disk, directory.path(), options).has_value());
  }
}

// What is damaged while the node runs is noticed when it is read.
TEST_F(CheckpointDamage, ADamagedRecordIsAbsentAndNotedWhenItIsRead) {
  put("a", "one");
  put("b", "the value in question");
  put("c", "three");
  checkpoint(meta_at(1));
  Bytes whole = pages();
  const std::size_t at = whole.rfind("the value in question");
  ASSERT_NE(at, Bytes::npos);
  std::fstream file(directory.file(kPages), std::ios::in | std::ios::out | std::ios::binary);
  file.seekp(static_cast<std::streamoff>(at));
  file.put('T');
  file.close();
  EXPECT_EQ(get("a"), "one");
  EXPECT_TRUE(table->damage().empty());
  EXPECT_EQ(get("b"), "(none)");
  EXPECT_THAT(table->damage(), HasSubstr("checkpoint-1/data.mdb"));
  EXPECT_EQ(contents_of(*table).size(), 1U) << "a scan ends where it would be wrong";
}

TEST(RecordChecksum, BindsAValueToItsSpaceAndItsKey) {
  Bytes stored = "value";
  const std::uint32_t checksum = record_checksum(0, "key", "value");
  stored.append(reinterpret_cast<const char*>(&checksum), sizeof(checksum));
  EXPECT_EQ(checked_value(0, "key", stored), "value");
  EXPECT_EQ(checked_value(1, "key", stored), std::nullopt);
  EXPECT_EQ(checked_value(0, "kex", stored), std::nullopt);
  EXPECT_EQ(checked_value(0, "ke", stored), std::nullopt);
  EXPECT_EQ(checked_value(0, "key", "abc"), std::nullopt);
}

}  // namespace
}  // namespace kvcluster::storage::testing
