#include "wire/resp_parser.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "base/random.hpp"
#include "wire/resp_encoder.hpp"
#include "wire/resp_feed.hpp"

namespace kvcluster::wire {
namespace {

using namespace std::string_literals;

// Whatever the pieces, the same commands come out and nothing is left over.
void expect_commands(BytesView input, const std::vector<Command>& expected,
                     const RespLimits& limits = {}) {
  for (const std::size_t piece : piece_sizes(input)) {
    const Fed fed = feed(input, piece, limits);
    EXPECT_EQ(fed.error, "") << "in pieces of " << piece;
    EXPECT_EQ(fed.commands, expected) << "in pieces of " << piece;
    EXPECT_EQ(fed.left, 0U) << "in pieces of " << piece;
  }
}

void expect_error(BytesView input, const std::string& what, const RespLimits& limits = {}) {
  for (const std::size_t piece : piece_sizes(input)) {
    EXPECT_EQ(feed(input, piece, limits).error, "ERR Protocol error: " + what)
        << "in pieces of " << piece;
  }
}

void expect_unfinished(BytesView input) {
  for (const std::size_t piece : piece_sizes(input)) {
    const Fed fed = feed(input, piece);
    EXPECT_EQ(fed.error, "") << "in pieces of " << piece;
    EXPECT_TRUE(fed.commands.empty()) << "in pieces of " << piece;
    EXPECT_EQ(fed.left, input.size()) << "in pieces of " << piece;
    EXPECT_GT(fed.wanted, input.size()) << "in pieces of " << piece;
  }
}

TEST(RespParser, ReadsAnArrayOfBulkStrings) {
  expect_commands("*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$5\r\nvalue\r\n", {{"SET", "k", "value"}});
}

TEST(RespParser, ReadsPipelinedCommandsInOrder) {
  expect_commands("*1\r\n$4\r\nPING\r\n*2\r\n$3\r\nGET\r\n$1\r\nk\r\nECHO hi\r\n",
                  {{"PING"}, {"GET", "k"}, {"ECHO", "hi"}});
}

TEST(RespParser, KeepsLineBreaksAndNulsInsideBulkStrings) {
  expect_commands("*2\r\n$4\r\nECHO\r\n$8\r\na\r\n\0\n$*b\r\n"s, {{"ECHO", "a\r\n\0\n$*b"s}});
}

TEST(RespParser, ReadsAnEmptyBulkString) {
  expect_commands("*2\r\n$4\r\nECHO\r\n$0\r\n\r\n", {{"ECHO", ""}});
}

TEST(RespParser, SkipsAnArrayOfNothing) {
  expect_commands("*0\r\n*1\r\n$4\r\nPING\r\n", {{"PING"}});
}

TEST(RespParser, SkipsArraysOfNegativeLength) {
  expect_commands("*-1\r\n*-10\r\n*1\r\n$4\r\nPING\r\n", {{"PING"}});
}

TEST(RespParser, SkipsBlankLines) {
  expect_commands("\r\n\n   \r\n*1\r\n$4\r\nPING\r\n\r\n", {{"PING"}});
}

TEST(RespParser, ConsumesBlankLinesAtOnceSoThatTheyNeverFillTheBuffer) {
  RespParser parser;
  ASSERT_EQ(parser.parse("\r\n\r\n*0\r\n*1\r"), RespParser::Outcome::kNeedMore);
  EXPECT_EQ(parser.consumed(), 8U);
}

TEST(RespParser, RefusesACountBeyondTheLimit) {
  expect_error("*1048577\r\n", "invalid multibulk length");
}

TEST(RespParser, RefusesACountOf32Bits) {
  expect_error("*4294967295\r\n", "invalid multibulk length");
}

TEST(RespParser, RefusesACountBeyond64Bits) {
  expect_error("*99999999999999999999\r\n", "invalid multibulk length");
}

TEST(RespParser, RefusesACountThatIsNoNumber) {
  expect_error("*x\r\n", "invalid multibulk length");
}

TEST(RespParser, RefusesAnEmptyCount) { expect_error("*\r\n", "invalid multibulk length"); }

TEST(RespParser, RefusesACountWithASecondSpelling) {
  expect_error("*+1\r\n", "invalid multibulk length");
  expect_error("*01\r\n", "invalid multibulk length");
  expect_error("* 1\r\n", "invalid multibulk length");
}

TEST(RespParser, RefusesACountLineWithoutCarriageReturn) {
  expect_error("*1\n$4\r\nPING\r\n", "invalid multibulk length");
}

TEST(RespParser, RefusesACountLineWithoutEnd) {
  expect_error("*" + std::string(70'000, '1'), "too big mbulk count string");
}

TEST(RespParser, RefusesABulkLengthLineWithoutEnd) {
  expect_error("*1\r\n$" + std::string(70'000, '1'), "too big bulk count string");
}

TEST(RespParser, RefusesANegativeBulkLength) {
  expect_error("*1\r\n$-10\r\n", "invalid bulk length");
  expect_error("*1\r\n$-1\r\n", "invalid bulk length");
}

TEST(RespParser, RefusesABulkLengthBeyondTheLimitBeforeItsBytesArrive) {
  expect_error("*1\r\n$2000000000\r\n", "invalid bulk length");
}

TEST(RespParser, RefusesABulkLengthBeyond64Bits) {
  expect_error("*1\r\n$18446744073709551617\r\n", "invalid bulk length");
}

TEST(RespParser, RefusesAnotherTypeThanABulkString) {
  expect_error("*1\r\n:1\r\n", "expected '$', got ':'");
  expect_error("*1\r\n*1\r\n", "expected '$', got '*'");
}

TEST(RespParser, ShowsAnUnprintableTypeByItsCode) {
  expect_error("*1\r\n\n\n", "expected '$', got '\\x0a'");
  expect_error("*1\r\n\0\n"s, "expected '$', got '\\x00'");
}

TEST(RespParser, RefusesABulkStringThatIsLongerThanItSaid) {
  expect_error("*1\r\n$4\r\nPINGS\r\n", "a bulk string does not end with CRLF");
}

TEST(RespParser, RefusesACommandBeyondTheQueryBuffer) {
  RespLimits limits;
  limits.max_query_buffer = 64;
  expect_error("*2\r\n$20\r\naaaaaaaaaaaaaaaaaaaa\r\n$40\r\n", "a command of more than 64 bytes",
               limits);
}

TEST(RespParser, RefusesManySmallArgumentsBeyondTheQueryBuffer) {
  RespLimits limits;
  limits.max_query_buffer = 64;
  std::string input = "*100\r\n";
  for (int i = 0; i < 100; ++i) input += "$0\r\n\r\n";
  expect_error(input, "a command of more than 64 bytes", limits);
}

TEST(RespParser, NeverWantsMoreThanTheQueryBuffer) {
  RespLimits limits;
  limits.max_query_buffer = 64;
  limits.max_inline_bytes = 1000;
  expect_error(std::string(100, 'x'), "a command of more than 64 bytes", limits);
}

TEST(RespParser, TakesACommandThatFillsTheQueryBuffer) {
  RespLimits limits;
  limits.max_query_buffer = 64;
  const std::string value(64 - 4 - 5 - 2, 'v');  // after "*1\r\n", "$53\r\n", before "\r\n"
  expect_commands("*1\r\n$53\r\n" + value + "\r\n", {{value}}, limits);
}

TEST(RespParser, GivesAStrangerFewArguments) {
  expect_error("*11\r\n", "unauthenticated multibulk length", RespLimits::before_auth());
}

TEST(RespParser, GivesAStrangerShortBulkStrings) {
  expect_error("*1\r\n$16385\r\n", "unauthenticated bulk length", RespLimits::before_auth());
}

TEST(RespParser, TakesAStrangersAuth) {
  expect_commands("*2\r\n$4\r\nAUTH\r\n$6\r\nsecret\r\n", {{"AUTH", "secret"}},
                  RespLimits::before_auth());
}

TEST(RespParser, AppliesNewLimitsToTheNextCommandOfTheSameBuffer) {
  RespParser parser(RespLimits::before_auth());
  const std::string input = "AUTH x\r\n*11\r\n";
  ASSERT_EQ(parser.parse(input), RespParser::Outcome::kCommand);
  parser.set_limits({});
  EXPECT_EQ(parser.parse(BytesView(input).substr(parser.consumed())),
            RespParser::Outcome::kNeedMore);
}

TEST(RespParser, RepeatsAnErrorForEver) {
  RespParser parser;
  ASSERT_EQ(parser.parse("*x\r\n"), RespParser::Outcome::kError);
  EXPECT_EQ(parser.parse("*1\r\n$4\r\nPING\r\n"), RespParser::Outcome::kError);
  EXPECT_EQ(parser.error(), "ERR Protocol error: invalid multibulk length");
}

TEST(RespParser, WaitsForTheRestAtEveryByte) {
  const std::string whole = "*2\r\n$3\r\nGET\r\n$3\r\nkey\r\n";
  for (std::size_t size = 1; size < whole.size(); ++size) expect_unfinished(whole.substr(0, size));
}

TEST(RespParser, WantsAWholeBulkStringAtOnce) {
  RespParser parser;
  const std::string head = "*2\r\n$3\r\nSET\r\n$1000\r\n";
  ASSERT_EQ(parser.parse(head), RespParser::Outcome::kNeedMore);
  EXPECT_EQ(parser.bytes_wanted(), head.size() + 1000 + 2);
}

TEST(RespParser, ReadsAMebibyteThatArrivesByteByByteInLinearTime) {
  // Quadratic rescanning would look at half a tera of bytes here and never end.
  const std::string value(1U << 20U, '\n');
  const std::string input = "*1\r\n$1048576\r\n" + value + "\r\n";
  RespParser parser;
  for (std::size_t size = 1; size < input.size(); ++size) {
    ASSERT_EQ(parser.parse(BytesView(input).substr(0, size)), RespParser::Outcome::kNeedMore);
  }
  ASSERT_EQ(parser.parse(input), RespParser::Outcome::kCommand);
  EXPECT_EQ(parser.args()[0], value);
}

TEST(RespParser, ReadsManyArgumentsThatArriveByteByByteInLinearTime) {
  std::string input = "*100000\r\n";
  for (int i = 0; i < 100'000; ++i) input += "$1\r\nx\r\n";
  RespParser parser;
  for (std::size_t size = 1; size < input.size(); ++size) {
    ASSERT_EQ(parser.parse(BytesView(input).substr(0, size)), RespParser::Outcome::kNeedMore);
  }
  ASSERT_EQ(parser.parse(input), RespParser::Outcome::kCommand);
  EXPECT_EQ(parser.args().size(), 100'000U);
}

TEST(RespParser, ArgumentsOfAnArrayAreViewsIntoTheInput) {
  RespParser parser;
  const std::string input = "*1\r\n$4\r\nPING\r\n";
  ASSERT_EQ(parser.parse(input), RespParser::Outcome::kCommand);
  EXPECT_EQ(parser.args()[0].data(), input.data() + 8);
}

TEST(RespParser, ReadsBackWhatTheEncoderWrites) {
  const std::uint64_t seed = 20'260'101;
  SCOPED_TRACE("seed " + std::to_string(seed));
  Random random(seed);
  Bytes input;
  std::vector<Command> expected;
  for (int i = 0; i < 300; ++i) {
    Command command;
    for (std::uint64_t n = random.between(1, 8); n > 0; --n) {
      std::string arg(random.below(40), '\0');
      for (char& c : arg) c = static_cast<char>(random.below(256));
      command.push_back(arg);
    }
    encode_command(std::vector<BytesView>(command.begin(), command.end()), input);
    expected.push_back(command);
  }
  expect_commands(input, expected);
}

TEST(RespParser, SurvivesGarbageTheSameWayWhateverThePieces) {
  for (std::uint64_t seed = 1; seed <= 3000; ++seed) {
    Random random(seed);
    static constexpr char kLikely[] = "*$\r\n-0123456789 \"'\\xPING\0\x1B";
    std::string input(random.below(60), '\0');
    for (char& c : input) c = kLikely[random.below(sizeof(kLikely) - 1)];
    const Fed whole = feed(input, input.size() + 1);
    for (const std::size_t piece : {std::size_t{1}, std::size_t{3}}) {
      const Fed fed = feed(input, piece);
      ASSERT_EQ(fed.commands, whole.commands) << "seed " << seed;
      ASSERT_EQ(fed.error, whole.error) << "seed " << seed;
      ASSERT_EQ(fed.left, whole.left) << "seed " << seed;
    }
  }
}

TEST(RespParser, ReadsAnInlineCommand) {
  expect_commands("PING\r\nset k  v \n", {{"PING"}, {"set", "k", "v"}});
}

TEST(RespParser, RefusesAnInlineCommandWithoutEnd) {
  expect_error(std::string(70'000, 'x'), "too big inline request");
}

TEST(RespParser, RefusesUnbalancedQuotes) {
  expect_error("SET k \"v\r\n", "unbalanced quotes in request");
}

TEST(RespParser, RefusesTooManyWordsFromAStranger) {
  expect_error("1 2 3 4 5 6 7 8 9 10 11\r\n", "too many arguments in inline request",
               RespLimits::before_auth());
}

}  // namespace
}  // namespace kvcluster::wire
