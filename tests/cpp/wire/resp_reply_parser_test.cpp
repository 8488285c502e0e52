#include "wire/resp_reply_parser.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "base/random.hpp"
#include "wire/resp_encoder.hpp"

namespace kvcluster::wire {
namespace {

using kv::Reply;
using Outcome = RespReplyParser::Outcome;

struct Fed {
  std::vector<Reply> replies;
  std::string error;
  bool unfinished = false;
};

Fed feed(BytesView input, std::size_t piece, const ReplyLimits& limits = {}) {
  RespReplyParser parser(limits);
  Bytes buffer;
  Fed fed;
  for (std::size_t at = 0; at < input.size(); at += piece) {
    buffer += input.substr(at, piece);
    Outcome outcome = Outcome::kReply;
    while (outcome == Outcome::kReply) {
      outcome = parser.parse(buffer);
      if (outcome == Outcome::kError) {
        fed.error = parser.error();
        return fed;
      }
      if (outcome == Outcome::kReply) fed.replies.push_back(parser.take_reply());
      buffer.erase(0, parser.consumed());
    }
  }
  fed.unfinished = !buffer.empty();
  return fed;
}

void expect_replies(BytesView input, const std::vector<Reply>& expected) {
  for (const std::size_t piece : {std::size_t{1}, std::size_t{2}, std::size_t{5}, input.size()}) {
    const Fed fed = feed(input, piece);
    EXPECT_EQ(fed.error, "") << "in pieces of " << piece;
    EXPECT_TRUE(fed.replies == expected) << "in pieces of " << piece;
    EXPECT_FALSE(fed.unfinished) << "in pieces of " << piece;
  }
}

void expect_error(BytesView input, const std::string& what, const ReplyLimits& limits = {}) {
  for (const std::size_t piece : {std::size_t{1}, std::size_t{3}, input.size()}) {
    EXPECT_EQ(feed(input, piece, limits).error, "the server's reply breaks the protocol: " + what)
        << "in pieces of " << piece;
  }
}

TEST(RespReplyParser, ReadsLines) {
  expect_replies("+OK\r\n-ERR no\r\n:-7\r\n+\r\n",
                 {Reply::ok(), Reply::error("ERR no"), Reply::integer(-7), Reply::simple("")});
}

TEST(RespReplyParser, ReadsBulkStrings) {
  expect_replies("$4\r\na\r\nb\r\n$0\r\n\r\n", {Reply::bulk("a\r\nb"), Reply::bulk("")});
}

TEST(RespReplyParser, ReadsAllThreeNils) {
  expect_replies("$-1\r\n*-1\r\n_\r\n", {Reply::nil(), Reply::nil(), Reply::nil()});
}

TEST(RespReplyParser, ReadsNestedArrays) {
  expect_replies("*2\r\n*1\r\n:1\r\n*0\r\n",
                 {Reply::array({Reply::array({Reply::integer(1)}), Reply::array({})})});
}

TEST(RespReplyParser, ReadsMaps) {
  expect_replies("%2\r\n+a\r\n:1\r\n+b\r\n*1\r\n#t\r\n",
                 {Reply::map({{Reply::simple("a"), Reply::integer(1)},
                              {Reply::simple("b"), Reply::array({Reply{true}})}})});
}

TEST(RespReplyParser, ReadsBooleansAndDoubles) {
  expect_replies("#f\r\n,0.5\r\n,-inf\r\n",
                 {Reply{false}, Reply{0.5}, Reply{-std::numeric_limits<double>::infinity()}});
}

TEST(RespReplyParser, FoldsTheOtherTypesOfResp3) {
  expect_replies("~1\r\n:1\r\n>1\r\n:2\r\n(123\r\n=5\r\ntxt:x\r\n!5\r\nERR y\r\n",
                 {Reply::array({Reply::integer(1)}), Reply::array({Reply::integer(2)}),
                  Reply::bulk("123"), Reply::bulk("x"), Reply::error("ERR y")});
}

TEST(RespReplyParser, DropsAttributes) {
  expect_replies("|1\r\n+ttl\r\n:5\r\n*1\r\n|1\r\n+a\r\n+b\r\n:9\r\n",
                 {Reply::array({Reply::integer(9)})});
}

TEST(RespReplyParser, RefusesAnUnknownType) { expect_error("?x\r\n", "not a reply"); }

TEST(RespReplyParser, RefusesAnEmptyLine) {
  expect_error("\r\n", "a line is empty or does not end with CRLF");
}

TEST(RespReplyParser, RefusesALineWithoutCarriageReturn) {
  expect_error("+OK\n", "a line is empty or does not end with CRLF");
}

TEST(RespReplyParser, RefusesALineWithoutEnd) {
  expect_error("+" + std::string(70'000, 'x'), "a line is too long");
}

TEST(RespReplyParser, RefusesInvalidNumbers) {
  expect_error(":1x\r\n", "not an integer");
  expect_error(",1x\r\n", "not a double");
  expect_error("#x\r\n", "not a boolean");
  expect_error("_x\r\n", "not a nil");
}

TEST(RespReplyParser, RefusesBulkLengthsOutOfRange) {
  expect_error("$-2\r\n", "an invalid bulk length");
  expect_error("$2000000000\r\n", "an invalid bulk length");
  expect_error("!-1\r\n", "an invalid bulk length");
}

TEST(RespReplyParser, RefusesABulkStringThatIsLongerThanItSaid) {
  expect_error("$1\r\nabc\r\n", "a bulk string does not end with CRLF");
}

TEST(RespReplyParser, RefusesCountsThatNoReplyCouldHold) {
  expect_error("*4294967295\r\n", "an invalid count of elements");
  expect_error("*-2\r\n", "an invalid count of elements");
  expect_error("%-1\r\n", "an invalid count of elements");
  expect_error("*?\r\n", "an invalid count of elements");
}

TEST(RespReplyParser, BoundsTheNesting) {
  std::string input;
  for (int i = 0; i < 33; ++i) input += "*1\r\n";
  expect_error(input, "nested too deeply");
}

TEST(RespReplyParser, BoundsTheWholeReply) {
  ReplyLimits limits;
  limits.max_reply_bytes = 40;
  expect_error("*10\r\n+aaaaaaaaaa\r\n+aaaaaaaaaa\r\n+aaaaaaaaaa\r\n+a\r\n",
               "a reply of more than 40 bytes", limits);
}

TEST(RespReplyParser, BoundsEachReplyAndNotTheirSum) {
  ReplyLimits limits;
  limits.max_reply_bytes = 40;
  std::string input;
  for (int i = 0; i < 20; ++i) input += "+aaaaaaaaaa\r\n";
  EXPECT_EQ(feed(input, input.size(), limits).replies.size(), 20U);
}

TEST(RespReplyParser, ConsumesFinishedElementsOfAnUnfinishedReply) {
  RespReplyParser parser;
  ASSERT_EQ(parser.parse("*3\r\n:1\r\n:2\r\n:"), Outcome::kNeedMore);
  EXPECT_EQ(parser.consumed(), 12U);
}

Reply random_reply(Random& random, int depth) {
  switch (random.below(depth > 0 ? 9 : 7)) {
    case 0:
      return Reply::nil();
    case 1:
      return Reply::simple("text " + std::to_string(random.below(10)));
    case 2:
      return Reply::error("ERR " + std::to_string(random.below(10)));
    case 3:
      return Reply::integer(static_cast<std::int64_t>(random.next()));
    case 4:
      return Reply{random.chance(1, 2)};
    case 5:
      return Reply{static_cast<double>(random.below(1000)) / 7.0};
    case 6:
      return Reply::bulk(std::string(random.below(50), static_cast<char>(random.below(256))));
    case 7: {
      std::vector<Reply> items;
      for (std::uint64_t n = random.below(5); n > 0; --n) {
        items.push_back(random_reply(random, depth - 1));
      }
      return Reply::array(std::move(items));
    }
    default: {
      std::vector<std::pair<Reply, Reply>> items;
      for (std::uint64_t n = random.below(5); n > 0; --n) {
        Reply key = random_reply(random, depth - 1);
        items.emplace_back(std::move(key), random_reply(random, depth - 1));
      }
      return Reply::map(std::move(items));
    }
  }
}

TEST(RespReplyParser, ReadsBackWhatTheEncoderWrites) {
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Random random(seed);
    std::vector<Reply> replies;
    Bytes input;
    for (int i = 0; i < 5; ++i) {
      replies.push_back(random_reply(random, 3));
      encode_reply(replies.back(), RespVersion::kResp3, input);
    }
    expect_replies(input, replies);
  }
}

}  // namespace
}  // namespace kvcluster::wire
