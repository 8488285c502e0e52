#include "wire/inline_command.hpp"

#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <vector>

namespace kvcluster::wire {
namespace {

using namespace std::string_literals;
using Words = std::optional<std::vector<std::string>>;

Words split(BytesView line) {
  Bytes storage;
  std::vector<BytesView> args;
  if (!split_inline_command(line, storage, args)) return std::nullopt;
  return std::vector<std::string>(args.begin(), args.end());
}

Words words(std::vector<std::string> list) { return list; }

TEST(InlineCommand, SplitsAtBlanks) { EXPECT_EQ(split("\tSET  a b "), words({"SET", "a", "b"})); }

TEST(InlineCommand, HasNoWordsInABlankLine) { EXPECT_EQ(split("  \t\v\f"), words({})); }

TEST(InlineCommand, KeepsBlanksInsideQuotes) {
  EXPECT_EQ(split("a \"b c\" 'd e'"), words({"a", "b c", "d e"}));
}

TEST(InlineCommand, KnowsEmptyWordsInQuotes) { EXPECT_EQ(split("\"\" ''"), words({"", ""})); }

TEST(InlineCommand, UnescapesInsideDoubleQuotes) {
  EXPECT_EQ(split(R"("\n\r\t\b\a\\\"\q")"), words({"\n\r\t\b\a\\\"q"}));
}

TEST(InlineCommand, UnescapesHexadecimalBytes) {
  EXPECT_EQ(split(R"("\x00\xfF\x4a")"), words({"\0\xffJ"s}));
}

TEST(InlineCommand, KeepsAnIncompleteHexadecimalEscapeAsItsLetters) {
  EXPECT_EQ(split(R"("\xg1\x1")"), words({"xg1x1"}));
}

TEST(InlineCommand, KnowsOnlyTheQuoteEscapeInsideSingleQuotes) {
  EXPECT_EQ(split(R"('a\'b\n')"), words({"a'b\\n"}));
}

TEST(InlineCommand, OpensAQuoteInsideAWord) { EXPECT_EQ(split("ab\"c d\""), words({"abc d"})); }

TEST(InlineCommand, RefusesAQuoteThatIsNotClosed) {
  EXPECT_EQ(split("\"abc"), std::nullopt);
  EXPECT_EQ(split("'abc"), std::nullopt);
  EXPECT_EQ(split("\"abc\\\""), std::nullopt);
  EXPECT_EQ(split("\"abc\\"), std::nullopt);
}

TEST(InlineCommand, RefusesAWordThatGoesOnAfterAQuote) {
  EXPECT_EQ(split("\"abc\"d"), std::nullopt);
  EXPECT_EQ(split("'abc'd"), std::nullopt);
}

TEST(InlineCommand, KeepsNulBytes) { EXPECT_EQ(split("a\0b c"s), words({"a\0b"s, "c"})); }

}  // namespace
}  // namespace kvcluster::wire
