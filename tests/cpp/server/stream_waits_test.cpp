#include "server/stream_waits.hpp"

#include <gtest/gtest.h>

namespace kvcluster::server {
namespace {

using Connections = std::vector<std::uint64_t>;
using Keys = std::vector<BytesView>;

Instant at(int ms) { return Instant{} + std::chrono::milliseconds(ms); }

TEST(StreamWaits, NamesThoseWhoWaitForAStream) {
  StreamWaits waits(10);
  EXPECT_TRUE(waits.add(1, Keys{"a", "b"}, Instant::max()));
  EXPECT_TRUE(waits.add(2, Keys{"b", "b"}, Instant::max()));
  EXPECT_EQ(waits.for_stream("a"), (Connections{1}));
  EXPECT_EQ(waits.for_stream("b"), (Connections{1, 2}));
  EXPECT_EQ(waits.for_stream("c"), Connections{});
  waits.remove(2);
  waits.remove(2);
  EXPECT_EQ(waits.for_stream("b"), (Connections{1}));
  waits.remove(1);
  EXPECT_TRUE(waits.empty());
  EXPECT_EQ(waits.for_stream("a"), Connections{});
}

TEST(StreamWaits, KeepsTheirDeadlines) {
  StreamWaits waits(10);
  EXPECT_EQ(waits.next_deadline(), Instant::max());
  EXPECT_TRUE(waits.add(1, Keys{"a"}, at(30)));
  EXPECT_TRUE(waits.add(2, Keys{"a"}, at(10)));
  EXPECT_TRUE(waits.add(3, Keys{"a"}, Instant::max()));
  EXPECT_EQ(waits.next_deadline(), at(10));
  EXPECT_EQ(waits.overdue(at(9)), Connections{});
  EXPECT_EQ(waits.overdue(at(30)), (Connections{2, 1}));
  waits.remove(2);
  EXPECT_EQ(waits.next_deadline(), at(30));
  EXPECT_EQ(waits.all(), (Connections{1, 3}));
}

TEST(StreamWaits, AreBounded) {
  StreamWaits waits(1);
  EXPECT_TRUE(waits.add(1, Keys{"a"}, at(1)));
  EXPECT_FALSE(waits.add(2, Keys{"a"}, at(1)));
  waits.remove(1);
  EXPECT_TRUE(waits.add(2, Keys{"a"}, at(1)));
}

}  // namespace
}  // namespace kvcluster::server
