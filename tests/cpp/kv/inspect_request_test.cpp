// Requests that come from a peer.
#include "base/random.hpp"
#include "kv/machine_fixture.hpp"
#include "kv/request_format.hpp"

namespace kvcluster::kv {
namespace {

std::vector<Bytes> samples() {
  const std::vector<Words> commands = {
      {"GET", "a"},
      {"SET", "a", "value", "PX", "100", "NX", "GET"},
      {"SET", "a", "value", "KEEPTTL"},
      {"SETNX", "a", "value"},
      {"SETEX", "a", "10", "value"},
      {"DEL", "a", "b", "c"},
      {"MSET", "a", "1", "b", "2"},
      {"INCRBY", "a", "-300"},
      {"GETEX", "a", "PERSIST"},
      {"GETRANGE", "a", "-5", "100"},
      {"SETRANGE", "a", "5", "x"},
      {"APPEND", "a", "x"},
      {"EXPIREAT", "a", "-5", "XX", "GT"},
      {"TTL", "a"},
      {"PEXPIRETIME", "a"},
      {"KEYS", "a*"},
      {"KV.RANGE", "a", "z", "LIMIT", "5"},
      {"KV.CAS", "a", "5", "x"},
      {"KV.HASH"},
      {"KV.HASH", "FULL"},
      {"FLUSHALL"},
      {"DBSIZE"},
      {"KV.ONCE", "client", "300", "SET", "a", "b"},
  };
  std::vector<Bytes> encoded(commands.size());
  for (std::size_t i = 0; i < commands.size(); ++i) {
    EXPECT_TRUE(encode_words(commands[i], encoded[i])) << commands[i][0];
  }
  Bytes transaction;
  const std::vector<Watched> watched = {{"w", 5}, {"x", 0}};
  EXPECT_TRUE(encode_transaction(watched, encoded, {}, transaction));
  Bytes scan;
  encode_scan_page("after", "p*", 10, "string", scan);
  Bytes revisions;
  const std::vector<BytesView> keys = {"a", "b"};
  encode_revisions(keys, revisions);
  for (Bytes& extra : std::vector<Bytes>{transaction, scan, revisions}) encoded.push_back(extra);
  return encoded;
}

TEST(InspectRequest, AcceptsEverythingThatIsEncodedHere) {
  for (const Bytes& encoded : samples()) EXPECT_TRUE(inspect_request(encoded));
}

TEST(InspectRequest, TellsTheSameAsEncoding) {
  Bytes encoded;
  const auto info = encode_words({"SET", "a", "1"}, encoded);
  const auto inspected = inspect_request(encoded);
  ASSERT_TRUE(info && inspected);
  EXPECT_TRUE(inspected->is_write);
  EXPECT_EQ(inspected->key, "a");
}

TEST(InspectRequest, RefusesEveryTruncation) {
  for (const Bytes& encoded : samples()) {
    for (std::size_t size = 0; size < encoded.size(); ++size) {
      const auto info = inspect_request(BytesView(encoded).substr(0, size));
      ASSERT_FALSE(info) << size << " of " << encoded.size();
      EXPECT_EQ(info.error().code, ErrorCode::kCorruption);
    }
  }
}

TEST(InspectRequest, RefusesBytesAfterTheEnd) {
  for (const Bytes& encoded : samples()) EXPECT_FALSE(inspect_request(encoded + '\0'));
}

TEST(InspectRequest, RefusesANumberThatIsNotInItsShortestForm) {
  // GET, no flags, a count of one in two bytes, the key.
  EXPECT_TRUE(
      inspect_request(std::string("\x01\x00\x01\x01"
                                  "a",
                                  5)));
  EXPECT_FALSE(
      inspect_request(std::string("\x01\x00\x81\x00\x01"
                                  "a",
                                  6)));
}

TEST(InspectRequest, RefusesANumberThatNeverEnds) {
  // INCRBY, no flags, an amount whose every byte says that another follows.
  EXPECT_FALSE(inspect_request("\x26" + Bytes(1, '\0') + Bytes(100, '\x8a')));
}

TEST(InspectRequest, RefusesACountThatTheBytesCannotHold) {
  EXPECT_FALSE(inspect_request(std::string("\x02\x00\xff\xff\xff\xff\x0f", 7)));
}

TEST(InspectRequest, RefusesATransactionInsideATransaction) {
  Bytes inner;
  ASSERT_TRUE(encode_transaction({}, {}, {}, inner));
  const std::string outer =
      std::string("\x41\x00\x01", 3) + static_cast<char>(inner.size()) + inner;
  EXPECT_FALSE(inspect_request(outer));
}

TEST(InspectRequest, RefusesOnceInsideOnce) {
  Bytes inner;
  ASSERT_TRUE(encode_words({"KV.ONCE", "c", "1", "GET", "a"}, inner));
  Bytes outer;
  encode_once_header("d", 1, outer);
  EXPECT_FALSE(inspect_request(outer + inner));
}

TEST(InspectRequest, RefusesKeysThatTheTableCannotHold) {
  Bytes encoded;
  Request request{.operation = Operation::kGet};
  request.args = {BytesView()};
  encode(request, encoded);
  EXPECT_FALSE(inspect_request(encoded));
  const std::string long_key(512, 'k');
  request.args = {long_key};
  encoded.clear();
  encode(request, encoded);
  EXPECT_FALSE(inspect_request(encoded));
}

TEST(InspectRequest, RefusesAResultBeyondTheHardLimit) {
  Request request{.operation = Operation::kSetRange};
  request.numbers = {0, static_cast<std::int64_t>(kHardMaxValueBytes) + 1};
  request.args = {"a", "x"};
  Bytes encoded;
  encode(request, encoded);
  EXPECT_FALSE(inspect_request(encoded));
}

TEST(InspectRequest, RefusesFlagsThatExcludeEachOther) {
  Request request{.operation = Operation::kSet};
  request.args = {"a", "x"};
  const std::uint8_t wrong[] = {flag::kIfMissing | flag::kIfPresent,
                                flag::kRelative | flag::kAbsolute, flag::kPersist,
                                flag::kIntegerReply, flag::kRelative};
  for (const std::uint8_t flags : wrong) {
    request.flags = flags;
    Bytes encoded;
    encode(request, encoded);
    EXPECT_FALSE(inspect_request(encoded)) << static_cast<int>(flags);
  }
}

// Whatever is accepted must be safe to apply and have only one encoding.
TEST(InspectRequest, ChangedBytesAreRefusedOrApplySafely) {
  const std::uint64_t seed = 20'240'501;
  Random random(seed);
  Machine machine;
  const std::vector<Bytes> all = samples();
  for (int round = 0; round < 20'000; ++round) {
    Bytes encoded = all[random.below(all.size())];
    for (std::uint64_t changes = random.between(1, 3); changes > 0; --changes) {
      encoded[random.below(encoded.size())] = static_cast<char>(random.below(256));
    }
    const auto info = inspect_request(encoded);
    if (!info) continue;
    // A large offset of SETRANGE is legal, and slow in a loop.
    const auto plain = decode_request(encoded);
    if (plain && plain->operation == Operation::kSetRange) continue;
    if (plain) {
      Bytes again;
      encode(*plain, again);
      ASSERT_EQ(again, encoded) << "seed " << seed << " round " << round;
    }
    machine.run_encoded(encoded, info->is_write);
  }
  EXPECT_TRUE(machine.hash_is_exact()) << "seed " << seed;
}

}  // namespace
}  // namespace kvcluster::kv
