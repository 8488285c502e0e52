#include "base/bytes.hpp"

#include <gtest/gtest.h>

#include "base/ids.hpp"

namespace kvcluster {
namespace {

TEST(Slice, KeepsItsBufferAlive) {
  Slice part;
  {
    const auto owner = std::make_shared<const Bytes>("a long enough string for the heap, surely");
    part = Slice(owner, BytesView(*owner).substr(2, 4));
  }
  EXPECT_EQ(part.view(), "long");
}

TEST(Slice, ComparesByContent) {
  EXPECT_EQ(Slice::copy_of("abc"), Slice::of("abc"));
  EXPECT_NE(Slice::copy_of("abc"), Slice::of("abz"));
  EXPECT_TRUE(Slice().empty());
}

TEST(Slice, CopiesShareTheBytes) {
  const Slice first = Slice::of(Bytes(1000, 'x'));
  Slice second = first;
  EXPECT_EQ(first.view().data(), second.view().data());
  second = {};
  EXPECT_EQ(first.view().size(), 1000U);
}

TEST(StrongId, CountsAndCompares) {
  EXPECT_EQ(Index(4).next(), Index(5));
  EXPECT_EQ(Index(4).prev(), Index(3));
  EXPECT_EQ(Index(4).plus(10), Index(14));
  EXPECT_LT(Term(1), Term(2));
  EXPECT_EQ(kNoNode, NodeId(0));
}

}  // namespace
}  // namespace kvcluster
