#include "net/read_buffer.hpp"

#include <gtest/gtest.h>

#include <cstring>
#include <string>

#include "base/random.hpp"

namespace kvcluster::net {
namespace {

void put(ReadBuffer& buffer, BytesView bytes) {
  while (!bytes.empty()) {
    const auto space = buffer.prepare();
    ASSERT_GT(space.size, 0U);
    const std::size_t size = std::min(space.size, bytes.size());
    std::memcpy(space.data, bytes.data(), size);
    buffer.commit(size);
    bytes.remove_prefix(size);
  }
}

TEST(ReadBuffer, HoldsWhatWasReadInOrder) {
  ReadBuffer buffer(1000);
  put(buffer, "abc");
  put(buffer, "def");
  EXPECT_EQ(buffer.view(), "abcdef");
}

TEST(ReadBuffer, ConsumesFromTheFront) {
  ReadBuffer buffer(1000);
  put(buffer, "abcdef");
  buffer.consume(4);
  EXPECT_EQ(buffer.view(), "ef");
}

TEST(ReadBuffer, StartsWithWhatWasReadBefore) {
  ReadBuffer buffer(100'000);
  buffer.assign("before ");
  put(buffer, "after");
  EXPECT_EQ(buffer.view(), "before after");
}

TEST(ReadBuffer, GrowsToItsBoundAndNotBeyond) {
  ReadBuffer buffer(50'000);
  put(buffer, std::string(50'000, 'x'));
  EXPECT_EQ(buffer.view().size(), 50'000U);
  EXPECT_EQ(buffer.prepare().size, 0U);
}

TEST(ReadBuffer, HasRoomAgainAtItsBoundWhenBytesAreUsedUp) {
  ReadBuffer buffer(50'000);
  put(buffer, std::string(50'000, 'x'));
  buffer.consume(1);
  EXPECT_EQ(buffer.prepare().size, 1U);
}

TEST(ReadBuffer, GivesMemoryOfALargeMessageBack) {
  ReadBuffer buffer(64U << 20U);
  put(buffer, std::string(10U << 20U, 'x'));
  buffer.consume(buffer.view().size());
  EXPECT_LE(buffer.prepare().size, 256U << 10U);
}

TEST(ReadBuffer, OffersLargerReadsToABusyConnection) {
  ReadBuffer buffer(1U << 20U);
  const std::size_t first = buffer.prepare().size;
  for (int i = 0; i < 10; ++i) {
    buffer.commit(buffer.prepare().size);
    buffer.consume(buffer.view().size());
  }
  EXPECT_GT(buffer.prepare().size, first);
  EXPECT_LE(buffer.prepare().size, 64U << 10U);
}

TEST(ReadBuffer, IsAQueueOfBytesWhateverTheSizes) {
  for (std::uint64_t seed = 1; seed <= 50; ++seed) {
    Random random(seed);
    ReadBuffer buffer(20'000);
    std::string model;
    char next = 0;
    for (int i = 0; i < 500; ++i) {
      std::string piece(random.below(20'000 - model.size() + 1), '\0');
      for (char& c : piece) c = next++;
      put(buffer, piece);
      model += piece;
      ASSERT_EQ(buffer.view(), model) << "seed " << seed;
      const std::size_t used = random.below(model.size() + 1);
      buffer.consume(used);
      model.erase(0, used);
      ASSERT_EQ(buffer.view(), model) << "seed " << seed;
    }
  }
}

}  // namespace
}  // namespace kvcluster::net
