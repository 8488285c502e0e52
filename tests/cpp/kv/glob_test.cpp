#include "kv/glob.hpp"

#include <gtest/gtest.h>

namespace kvcluster::kv {
namespace {

TEST(Glob, WithoutSpecialBytesComparesAll) {
  EXPECT_TRUE(glob_matches("abc", "abc"));
  EXPECT_FALSE(glob_matches("abc", "abcd"));
  EXPECT_FALSE(glob_matches("abcd", "abc"));
}

TEST(Glob, AStarTakesAnyBytesAlsoNone) {
  EXPECT_TRUE(glob_matches("*", "x"));
  EXPECT_TRUE(glob_matches("a*", "a"));
  EXPECT_TRUE(glob_matches("a*c*", "abbcbb"));
  EXPECT_FALSE(glob_matches("a*c", "abcb"));
  EXPECT_TRUE(glob_matches("**b", "aab"));
}

TEST(Glob, AQuestionMarkTakesOneByte) {
  EXPECT_TRUE(glob_matches("a?c", "abc"));
  EXPECT_FALSE(glob_matches("a?c", "ac"));
}

TEST(Glob, AClassTakesOneOfItsBytes) {
  EXPECT_TRUE(glob_matches("[ab]x", "bx"));
  EXPECT_FALSE(glob_matches("[ab]x", "cx"));
  EXPECT_TRUE(glob_matches("[a-c]", "b"));
  EXPECT_FALSE(glob_matches("[a-c]", "d"));
}

TEST(Glob, AReversedRangeIsTurnedRound) { EXPECT_TRUE(glob_matches("[c-a]", "b")); }

TEST(Glob, ANegatedClassTakesAllOthers) {
  EXPECT_TRUE(glob_matches("[^a]", "b"));
  EXPECT_FALSE(glob_matches("[^a]", "a"));
}

TEST(Glob, AnOpenClassEndsWithThePattern) {
  EXPECT_TRUE(glob_matches("[ab", "a"));
  EXPECT_FALSE(glob_matches("[", "["));
}

TEST(Glob, ABackslashTakesTheSpecialMeaningAway) {
  EXPECT_TRUE(glob_matches("a\\*", "a*"));
  EXPECT_FALSE(glob_matches("a\\*", "ab"));
  EXPECT_TRUE(glob_matches("[\\]]", "]"));
  EXPECT_TRUE(glob_matches("a\\", "a\\"));
}

TEST(Glob, ManyStarsStayCheap) {
  std::string pattern;
  for (int i = 0; i < 500; ++i) pattern += "a*";
  EXPECT_FALSE(glob_matches(pattern + "b", std::string(511, 'a')));
}

TEST(Glob, ThePrefixEndsAtTheFirstSpecialByte) {
  EXPECT_EQ(glob_prefix("user:*"), "user:");
  EXPECT_EQ(glob_prefix("a\\*b?"), "a*b");
  EXPECT_EQ(glob_prefix("[a]"), "");
  EXPECT_EQ(glob_prefix("plain"), "plain");
}

}  // namespace
}  // namespace kvcluster::kv
