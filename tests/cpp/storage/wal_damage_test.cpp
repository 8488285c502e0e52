// A torn tail is cut; damage to what was durable is refused.
#include <gmock/gmock.h>

#include "base/codec.hpp"
#include "base/crc32c.hpp"
#include "storage/wal_fixture.hpp"
#include "storage/wal_format.hpp"

namespace kvcluster::storage::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class WalDamage : public WalTest {
 protected:
  // Replaces the disk by a copy of it as it was remembered.
  void expect_refused(MemoryDisk& damaged, ErrorCode code, const std::string& said) {
    const auto opened = Wal::open(damaged, options, identity);
    ASSERT_FALSE(opened.has_value());
    EXPECT_EQ(opened.error().code, code) << opened.error().message();
    EXPECT_THAT(opened.error().context, HasSubstr(said));
  }
};

TEST_F(WalDamage, ATailThatIsTornAtAnyByteIsCut) {
  create_and_open();
  write(batch({entry(1, 1)}));
  const std::uint64_t whole = wal->appended_position().offset;
  write(batch({entry(1, 2, "the last record")}));
  const std::uint64_t end = wal->appended_position().offset;
  for (std::uint64_t torn = whole; torn < end; ++torn) {
    SCOPED_TRACE(torn);
    const auto copy = disk.clone();
    copy->overwrite(segment(1), torn, Bytes(static_cast<std::size_t>(end - torn), '\0'));
    const auto opened = Wal::open(*copy, options, identity);
    ASSERT_TRUE(opened.has_value()) << opened.error().message();
    ASSERT_EQ(opened->entries.size(), 1U);
    EXPECT_EQ(opened->entries[0], entry(1, 1));
  }
}

TEST_F(WalDamage, AFlippedBitInTheUnmarkedTailIsCutAtItsRecord) {
  create_and_open();
  write(batch({entry(1, 1), entry(1, 2), entry(1, 3)}));
  disk.flip_bit(segment(1), wal->appended_position().offset - 1, 0);
  open();
  EXPECT_THAT(found_indices(), ElementsAre(1, 2));
  EXPECT_GT(found.torn_bytes, 0U);
}

TEST_F(WalDamage, WritingGoesOnAfterACutTail) {
  create_and_open();
  write(batch({entry(1, 1)}));
  const std::uint64_t whole = wal->appended_position().offset;
  write(batch({entry(1, 2), entry(1, 3)}));
  disk.flip_bit(segment(1), whole, 0);
  open();
  ASSERT_THAT(found_indices(), ElementsAre(1));
  write(batch({entry(2, 2, "new")}));
  open();
  ASSERT_THAT(found_indices(), ElementsAre(1, 2));
  EXPECT_EQ(found.entries[1], entry(2, 2, "new"));
}

// The lost write's later records are still in the file, at the very offset where the new record
// ends; only the chain of checksums tells that they do not follow it.
TEST_F(WalDamage, RecordsOfALostWriteDoNotFollowTheRecordThatTakesItsPlace) {
  create_and_open();
  write(batch({entry(1, 1)}));
  const std::uint64_t whole = wal->appended_position().offset;
  write(batch({entry(1, 2, "lost"), entry(1, 3, "stale")}));
  disk.flip_bit(segment(1), whole, 0);
  open();
  ASSERT_THAT(found_indices(), ElementsAre(1));
  write(batch({entry(2, 2, "LOST")}));
  open();
  EXPECT_THAT(found_indices(), ElementsAre(1, 2));
}

TEST_F(WalDamage, AFlippedBitAnywhereBelowTheDurableMarkIsRefused) {
  create_and_open();
  write(vote_batch(vote(1, 1)));
  write(batch({entry(1, 1), entry(1, 2)}));
  write(replace_batch(2, {entry(2, 2)}));
  const std::uint64_t durable = wal->durable_position().offset;
  EXPECT_FALSE(wal->all_marked());
  ASSERT_TRUE(wal->write_mark().has_value());
  EXPECT_TRUE(wal->all_marked());
  for (std::uint64_t at = 0; at < durable; ++at) {
    SCOPED_TRACE(at);
    const auto copy = disk.clone();
    copy->flip_bit(segment(1), at, static_cast<unsigned>(at));
    const auto opened = Wal::open(*copy, options, identity);
    ASSERT_FALSE(opened.has_value());
    EXPECT_EQ(opened.error().code, ErrorCode::kCorruption) << opened.error().message();
    EXPECT_THAT(opened.error().context, HasSubstr("segment-0000000001"));
    EXPECT_THAT(opened.error().context, HasSubstr("offset"));
  }
}

TEST_F(WalDamage, AFlippedBitAnywhereInAnOlderSegmentIsRefused) {
  create_and_open();
  for (std::uint64_t i = 1; wal->segment_count() < 2; ++i) {
    write(batch({entry(1, i, Bytes(900, 'x'))}));
  }
  const std::size_t used = disk.contents(segment(1)).find_last_not_of('\0') + 1;
  for (std::size_t at = 0; at < used; at += 7) {
    SCOPED_TRACE(at);
    const auto copy = disk.clone();
    copy->flip_bit(segment(1), at, 3);
    expect_refused(*copy, ErrorCode::kCorruption, "segment-0000000001");
  }
}

TEST_F(WalDamage, AVoteIsMarkedAsDurableAtOnce) {
  create_and_open();
  const std::uint64_t start = wal->appended_position().offset;
  write(vote_batch(vote(3, 2)));
  disk.flip_bit(segment(1), start + kMarkBytes + kHardStateBytes - 1, 0);
  expect_refused(disk, ErrorCode::kCorruption, "offset");
}

TEST_F(WalDamage, AMarkOfWhatComesAfterItIsNone) {
  create_and_open();
  write(batch({entry(1, 1)}));
  const auto end = static_cast<std::size_t>(wal->appended_position().offset);
  std::uint32_t chain = chain_start(1);
  for (std::size_t at = kSegmentHeaderBytes; at < end;) {
    const auto record = parse_record(disk.contents(segment(1)), at, 1, chain);
    ASSERT_TRUE(record.has_value());
    chain = record->checksum;
    at += record->size;
  }
  Bytes forged;
  encode_mark(1, {.durable = end + 1, .hard_state = {}, .last = {}}, end, forged, chain);
  disk.overwrite(segment(1), end, forged);
  open();
  EXPECT_THAT(found_indices(), ElementsAre(1));
  EXPECT_GT(found.torn_bytes, 0U);
}

TEST_F(WalDamage, AMissingSegmentIsRefused) {
  create_and_open();
  for (std::uint64_t i = 1; wal->segment_count() < 3; ++i) {
    write(batch({entry(1, i, Bytes(900, 'x'))}));
  }
  ASSERT_TRUE(disk.remove(segment(2)).has_value());
  expect_refused(disk, ErrorCode::kCorruption, "segment-0000000002");
}

TEST_F(WalDamage, ASegmentInAnothersPlaceIsRefused) {
  create_and_open();
  ASSERT_TRUE(disk.rename(segment(1), segment(2)).has_value());
  expect_refused(disk, ErrorCode::kCorruption, "the header says segment 1");
}

TEST_F(WalDamage, ACutOffHeaderIsRefused) {
  create();
  auto file = disk.open(segment(1), OpenMode::kCreateNew);
  ASSERT_TRUE(file.has_value());
  ASSERT_TRUE((*file)->write_at(0, "KVWL").has_value());
  expect_refused(disk, ErrorCode::kCorruption, "header");
}

TEST_F(WalDamage, ANewerFormatIsRefusedByItsVersion) {
  create();
  Bytes header = disk.contents(segment(1)).substr(0, kSegmentHeaderBytes);
  header[8] = 3;
  Bytes checksum;
  Encoder(checksum).u32(crc32c(BytesView(header).substr(8)));
  header.replace(4, 4, checksum);
  disk.overwrite(segment(1), 0, header);
  expect_refused(disk, ErrorCode::kVersionMismatch, "format 3");
}

}  // namespace
}  // namespace kvcluster::storage::testing
