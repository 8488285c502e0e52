#include "base/digest.hpp"

#include <blake2.h>
#include <gtest/gtest.h>

#include <array>
#include <string>
#include <vector>

#include "base/random.hpp"

namespace kvcluster {
namespace {

HashKey key_of(std::uint8_t byte) {
  HashKey key;
  key.fill(byte);
  return key;
}

// b2sum -l 256
TEST(Digest, AgreesWithPublishedBlake2bValues) {
  EXPECT_EQ(blake2b_256("").hex(),
            "0e5751c026e543b2e8ab2eb06099daa1d1e5df47778f7787faab45cdf12fe3a8");
  EXPECT_EQ(blake2b_256("abc").hex(),
            "bddd813c634239723171ef3fee98579b94964e3bb1cb3e427262c8c068d52319");
}

TEST(Digest, AStreamEqualsTheWhole) {
  Blake2b256 stream;
  stream.update("ab");
  stream.update("");
  stream.update("c");
  EXPECT_EQ(stream.finish(), blake2b_256("abc"));
}

TEST(Digest, AKeyChangesTheValue) {
  EXPECT_NE(blake2b_256_keyed(key_of(1), "abc"), blake2b_256_keyed(key_of(2), "abc"));
  EXPECT_NE(blake2b_256_keyed(key_of(1), "abc"), blake2b_256("abc"));
}

TEST(Digest, ComesBackFromItsBytes) {
  const Digest digest = blake2b_256("abc");
  EXPECT_EQ(Digest::from(digest.view()), digest);
}

TEST(Digest, AChainDependsOnOrder) {
  const Digest start{};
  EXPECT_NE(chain(chain(start, "a"), "b"), chain(chain(start, "b"), "a"));
  EXPECT_EQ(chain(start, "a"), blake2b_256(Bytes(start.view()) + "a"));
}

// Every length around BLAKE2b's blocks, against the library's own keyed hash: the sum of one
// element is its hash.
TEST(MultisetHash, OfOneElementIsItsKeyedBlake2b512) {
  const HashKey key = key_of(9);
  for (const std::size_t length : {0U, 1U, 127U, 128U, 129U, 255U, 256U, 257U, 384U, 385U, 5000U}) {
    const Bytes element(length, 'e');
    MultisetHash hash(key);
    hash.add(element);
    Bytes shown;
    hash.encode(shown);
    std::array<std::uint8_t, 64> expected{};
    ASSERT_EQ(blake2b(expected.data(), element.data(), key.data(), 64, length, 32), 0);
    EXPECT_EQ(shown.substr(0, 64), Bytes(expected.begin(), expected.end())) << length;
  }
}

TEST(MultisetHash, DoesNotDependOnOrder) {
  MultisetHash forward(key_of(1));
  MultisetHash backward(key_of(1));
  for (int i = 0; i < 100; ++i) forward.add(std::to_string(i));
  for (int i = 99; i >= 0; --i) backward.add(std::to_string(i));
  EXPECT_EQ(forward, backward);
  EXPECT_EQ(forward.root(5), backward.root(5));
}

TEST(MultisetHash, RemovingUndoesAdding) {
  MultisetHash hash(key_of(1));
  hash.add("kept");
  const Digest before = hash.root(1);
  hash.add("gone");
  EXPECT_NE(hash.root(1), before);
  hash.remove("gone");
  EXPECT_EQ(hash.root(1), before);
}

TEST(MultisetHash, AnyHistoryEqualsTheRecomputedHash) {
  Random random(42);
  MultisetHash incremental(key_of(3));
  std::vector<std::string> present;
  for (int step = 0; step < 500; ++step) {
    if (present.empty() || random.chance(2, 3)) {
      present.push_back(std::to_string(random.below(50)));
      incremental.add(present.back());
    } else {
      const std::size_t at = random.below(present.size());
      incremental.remove(present[at]);
      present.erase(present.begin() + static_cast<std::ptrdiff_t>(at));
    }
  }
  MultisetHash recomputed(key_of(3));
  for (const std::string& element : present) recomputed.add(element);
  EXPECT_EQ(incremental, recomputed);
}

TEST(MultisetHash, CountsRepeatedElements) {
  MultisetHash once(key_of(1));
  MultisetHash twice(key_of(1));
  once.add("a");
  twice.add("a");
  twice.add("a");
  EXPECT_NE(once.root(0), twice.root(0));
  EXPECT_EQ(twice.count(), 2U);
}

TEST(MultisetHash, TheRootBindsTheIndex) {
  MultisetHash hash(key_of(1));
  hash.add("a");
  EXPECT_NE(hash.root(1), hash.root(2));
}

TEST(MultisetHash, ComesBackFromItsBytes) {
  MultisetHash hash(key_of(1));
  hash.add("a");
  hash.add("b");
  Bytes bytes;
  hash.encode(bytes);
  ASSERT_EQ(bytes.size(), MultisetHash::kEncodedSize);
  MultisetHash again(key_of(1));
  again.decode(bytes);
  EXPECT_EQ(again, hash);
}

TEST(MultisetHashDeathTest, RemovesNothingFromNothing) {
  MultisetHash hash(key_of(1));
  EXPECT_DEATH(hash.remove("a"), "can be removed");
}

}  // namespace
}  // namespace kvcluster
