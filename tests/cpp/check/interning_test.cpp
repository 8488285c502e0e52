#include "check/interning.hpp"

#include <gtest/gtest.h>

#include <vector>

#include "base/random.hpp"

namespace kvcluster::check {
namespace {

TEST(WordTable, NumbersWordsInTheOrderInWhichTheyAreFirstSeen) {
  WordTable table;
  EXPECT_EQ(table.intern(7), std::pair(0U, true));
  EXPECT_EQ(table.intern(0), std::pair(1U, true));
  EXPECT_EQ(table.intern(7), std::pair(0U, false));
  EXPECT_EQ(table[1], 0U);
}

TEST(WordTable, KeepsNumbersWhenItGrows) {
  WordTable table;
  for (std::uint64_t word = 0; word < 10'000; ++word)
    ASSERT_EQ(table.intern(word * 64).first, word);
  for (std::uint64_t word = 0; word < 10'000; ++word) {
    ASSERT_EQ(table.intern(word * 64), std::pair(static_cast<std::uint32_t>(word), false));
  }
}

TEST(ConsedArrays, EqualArraysHaveEqualRootsHoweverTheyCameToBe) {
  for (const std::size_t size : {1U, 2U, 3U, 64U, 100U}) {
    ConsedArrays arrays(size);
    Random random(size);
    std::vector<std::uint32_t> plain(size, 0);
    ConsedArrays::Root root = arrays.filled(0);
    for (int step = 0; step < 1'000; ++step) {
      const std::size_t at = random.below(size);
      const auto value = static_cast<std::uint32_t>(random.below(3));
      plain[at] = value;
      root = arrays.set(root, at, value);
      ASSERT_EQ(arrays.get(root, at), value);
    }
    ConsedArrays::Root again = arrays.filled(0);
    for (std::size_t at = size; at-- > 0;) again = arrays.set(again, at, plain[at]);
    EXPECT_EQ(again, root);
    EXPECT_NE(arrays.set(root, 0, 9), root);
  }
}

}  // namespace
}  // namespace kvcluster::check
