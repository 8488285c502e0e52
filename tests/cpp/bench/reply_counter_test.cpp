#include "bench/reply_counter.hpp"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

namespace kvcluster::bench {
namespace {

using Seen = std::vector<std::pair<ReplyKind, std::string>>;

Seen feed(ReplyCounter& counter, std::string_view bytes, bool expected = true) {
  Seen seen;
  const bool parsed = counter.feed(bytes, [&](ReplyKind kind, std::string_view text) {
    seen.emplace_back(kind, std::string(text));
  });
  EXPECT_EQ(parsed, expected) << bytes;
  return seen;
}

Seen whole(std::string_view bytes) {
  ReplyCounter counter;
  return feed(counter, bytes);
}

TEST(ReplyCounter, CountsEachKindOfOneLine) {
  EXPECT_EQ(whole("+OK\r\n:12\r\n-ERR no\r\n_\r\n"), (Seen{{ReplyKind::kValue, "OK"},
                                                           {ReplyKind::kValue, "12"},
                                                           {ReplyKind::kError, "ERR no"},
                                                           {ReplyKind::kNull, ""}}));
}

TEST(ReplyCounter, SkipsAPayloadThatLooksLikeReplies) {
  EXPECT_EQ(whole("$6\r\n+a\r\n-b\r\n+OK\r\n"),
            (Seen{{ReplyKind::kValue, "6"}, {ReplyKind::kValue, "OK"}}));
}

TEST(ReplyCounter, TakesAnEmptyBulkStringForAValueAndAMissingOneForNull) {
  EXPECT_EQ(whole("$0\r\n\r\n$-1\r\n*-1\r\n"),
            (Seen{{ReplyKind::kValue, "0"}, {ReplyKind::kNull, "-1"}, {ReplyKind::kNull, "-1"}}));
}

TEST(ReplyCounter, CountsAnArrayOnce) {
  EXPECT_EQ(whole("*3\r\n$1\r\na\r\n*2\r\n:1\r\n-ERR x\r\n*0\r\n+next\r\n"),
            (Seen{{ReplyKind::kValue, "3"}, {ReplyKind::kValue, "next"}}));
}

TEST(ReplyCounter, CountsAnEmptyArray) {
  EXPECT_EQ(whole("*0\r\n+OK\r\n"), (Seen{{ReplyKind::kValue, "0"}, {ReplyKind::kValue, "OK"}}));
}

TEST(ReplyCounter, CountsBothSidesOfAMap) {
  EXPECT_EQ(whole("%1\r\n+k\r\n*1\r\n+v\r\n:1\r\n"),
            (Seen{{ReplyKind::kValue, "1"}, {ReplyKind::kValue, "1"}}));
}

TEST(ReplyCounter, SeesTheSameHoweverTheStreamIsCut) {
  const std::string stream =
      "+OK\r\n*2\r\n$3\r\na\r\n\r\n*0\r\n-MOVED 1 h:2\r\n$-1\r\n%1\r\n:1\r\n:2\r\n";
  const Seen expected = whole(stream);
  EXPECT_EQ(expected.size(), 5U);
  for (std::size_t piece = 1; piece < stream.size(); ++piece) {
    ReplyCounter counter;
    Seen seen;
    for (std::size_t at = 0; at < stream.size(); at += piece) {
      for (auto& one : feed(counter, std::string_view(stream).substr(at, piece))) {
        seen.push_back(std::move(one));
      }
    }
    EXPECT_EQ(seen, expected) << piece;
  }
}

TEST(ReplyCounter, RefusesWhatIsNoResp) {
  for (const char* text :
       {"hello\r\n", "+OK\n", "$x\r\n", "$-2\r\n", "*99999999999999999999\r\n"}) {
    ReplyCounter counter;
    feed(counter, text, false);
  }
}

TEST(ReplyCounter, RefusesALineWithoutEnd) {
  ReplyCounter counter;
  feed(counter, std::string(ReplyCounter::kMaxLine + 1, 'a'), false);
}

}  // namespace
}  // namespace kvcluster::bench
