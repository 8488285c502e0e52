#include "base/crc32c.hpp"

#include <gtest/gtest.h>

namespace kvcluster {
namespace {

// RFC 3720, appendix B.4.
TEST(Crc32c, AgreesWithThePublishedVectors) {
  EXPECT_EQ(crc32c("123456789"), 0xE3069283U);
  EXPECT_EQ(crc32c(Bytes(32, '\0')), 0x8A9136AAU);
  EXPECT_EQ(crc32c(Bytes(32, '\xFF')), 0x62A8AB43U);
  Bytes ascending;
  for (char c = 0; c < 32; ++c) ascending.push_back(c);
  EXPECT_EQ(crc32c(ascending), 0x46DD794EU);
}

TEST(Crc32c, OfNothingIsZero) { EXPECT_EQ(crc32c(""), 0U); }

TEST(Crc32c, ContinuesOverPieces) {
  const Bytes whole = "the quick brown fox jumps over the lazy dog";
  for (std::size_t cut = 0; cut <= whole.size(); ++cut) {
    const std::uint32_t first = crc32c(BytesView(whole).substr(0, cut));
    EXPECT_EQ(crc32c(BytesView(whole).substr(cut), first), crc32c(whole));
  }
}

TEST(Crc32c, NoticesEveryFlippedBit) {
  const Bytes good = "some record of the log";
  for (std::size_t bit = 0; bit < good.size() * 8; ++bit) {
    Bytes bad = good;
    bad[bit / 8] = static_cast<char>(bad[bit / 8] ^ (1 << (bit % 8)));
    EXPECT_NE(crc32c(bad), crc32c(good)) << "bit " << bit;
  }
}

}  // namespace
}  // namespace kvcluster
