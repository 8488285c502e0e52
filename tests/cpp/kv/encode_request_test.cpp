// What is refused before a request exists, and in which words.
#include "kv/machine_fixture.hpp"

namespace kvcluster::kv {
namespace {

std::string refusal(const Words& words, const Limits& limits = {}) {
  Bytes out = "kept";
  const auto info = encode_words(words, out, limits);
  EXPECT_EQ(out == "kept", !info) << "nothing is appended exactly when it is refused";
  return info ? "accepted" : info.error().context;
}

constexpr const char* kSyntax = "ERR syntax error";
constexpr const char* kNoInteger = "ERR value is not an integer or out of range";

TEST(EncodeRequest, AnEmptyCommandIsRefused) {
  EXPECT_EQ(refusal({}), "ERR a command must not be empty");
}

TEST(EncodeRequest, AnUnknownCommandIsNamedWithItsArguments) {
  EXPECT_EQ(refusal({"NoSuch", "a", "b"}),
            "ERR unknown command 'NoSuch', with args beginning with: 'a' 'b' ");
}

TEST(EncodeRequest, TheErrorOfAnUnknownCommandIsBounded) {
  EXPECT_LT(refusal({std::string(10'000, 'n'), std::string(10'000, 'a'), "b"}).size(), 400U);
}

TEST(EncodeRequest, TooFewArgumentsAreRefused) {
  EXPECT_EQ(refusal({"GET"}), "ERR wrong number of arguments for 'get' command");
  EXPECT_EQ(refusal({"Kv.Cas", "a", "1"}), "ERR wrong number of arguments for 'kv.cas' command");
}

TEST(EncodeRequest, TooManyArgumentsAreRefused) {
  EXPECT_EQ(refusal({"GET", "a", "b"}), "ERR wrong number of arguments for 'get' command");
}

TEST(EncodeRequest, AKeyOfMsetWithoutAValueIsRefused) {
  EXPECT_EQ(refusal({"MSET", "a", "1", "b"}), "ERR wrong number of arguments for 'mset' command");
}

TEST(EncodeRequest, ConditionsThatExcludeEachOtherAreRefused) {
  EXPECT_EQ(refusal({"SET", "a", "1", "NX", "XX"}), kSyntax);
  EXPECT_EQ(refusal({"SET", "a", "1", "XX", "NX"}), kSyntax);
}

TEST(EncodeRequest, TwoWaysToExpireAreRefused) {
  EXPECT_EQ(refusal({"SET", "a", "1", "EX", "1", "PX", "1"}), kSyntax);
  EXPECT_EQ(refusal({"SET", "a", "1", "KEEPTTL", "EX", "1"}), kSyntax);
  EXPECT_EQ(refusal({"SET", "a", "1", "EX", "1", "KEEPTTL"}), kSyntax);
  EXPECT_EQ(refusal({"GETEX", "a", "PERSIST", "EX", "1"}), kSyntax);
}

TEST(EncodeRequest, AnExpiryWithoutItsNumberIsRefused) {
  EXPECT_EQ(refusal({"SET", "a", "1", "EX"}), kSyntax);
}

TEST(EncodeRequest, AnOptionOfAnotherCommandIsRefused) {
  EXPECT_EQ(refusal({"SET", "a", "1", "PERSIST"}), kSyntax);
  EXPECT_EQ(refusal({"GETEX", "a", "KEEPTTL"}), kSyntax);
  EXPECT_EQ(refusal({"FLUSHALL", "NOW"}), kSyntax);
}

TEST(EncodeRequest, OptionsAreReadInAnyCase) {
  EXPECT_EQ(refusal({"set", "a", "1", "nX", "eX", "10"}), "accepted");
}

TEST(EncodeRequest, AnExpiryMustBePositive) {
  EXPECT_EQ(refusal({"SET", "a", "1", "EX", "0"}), "ERR invalid expire time in 'set' command");
  EXPECT_EQ(refusal({"SETEX", "a", "-1", "1"}), "ERR invalid expire time in 'setex' command");
  EXPECT_EQ(refusal({"GETEX", "a", "PXAT", "0"}), "ERR invalid expire time in 'getex' command");
}

TEST(EncodeRequest, AnExpiryThatOverflowsIsRefused) {
  EXPECT_EQ(refusal({"SET", "a", "1", "EX", "9223372036854776"}),
            "ERR invalid expire time in 'set' command");
  EXPECT_EQ(refusal({"PSETEX", "a", "9223372036854775807", "1"}),
            "ERR invalid expire time in 'psetex' command");
  EXPECT_EQ(refusal({"EXPIRE", "a", "-9223372036854776"}),
            "ERR invalid expire time in 'expire' command");
  EXPECT_EQ(refusal({"PEXPIRE", "a", "9223372036854775807"}),
            "ERR invalid expire time in 'pexpire' command");
}

TEST(EncodeRequest, AnExpiryThatIsNoNumberIsRefused) {
  EXPECT_EQ(refusal({"SET", "a", "1", "EX", "1.5"}), kNoInteger);
  EXPECT_EQ(refusal({"EXPIRE", "a", ""}), kNoInteger);
}

TEST(EncodeRequest, ConditionsOfExpireThatExcludeEachOtherAreRefused) {
  EXPECT_EQ(refusal({"EXPIRE", "a", "1", "NX", "GT"}),
            "ERR NX and XX, GT or LT options at the same time are not compatible");
  EXPECT_EQ(refusal({"EXPIRE", "a", "1", "GT", "LT"}),
            "ERR GT and LT options at the same time are not compatible");
  EXPECT_EQ(refusal({"EXPIRE", "a", "1", "SOON"}), "ERR Unsupported option SOON");
}

TEST(EncodeRequest, TheSmallestNumberCannotBeNegated) {
  EXPECT_EQ(refusal({"DECRBY", "a", "-9223372036854775808"}), "ERR decrement would overflow");
}

TEST(EncodeRequest, AnEmptyKeyIsRefused) {
  EXPECT_EQ(refusal({"GET", ""}), "ERR a key must not be empty");
  EXPECT_EQ(refusal({"MSET", "a", "1", "", "2"}), "ERR a key must not be empty");
}

TEST(EncodeRequest, AKeyOf511BytesIsTheLongest) {
  EXPECT_EQ(refusal({"GET", std::string(511, 'k')}), "accepted");
  EXPECT_EQ(refusal({"GET", std::string(512, 'k')}), "ERR a key of 512 bytes: the limit is 511");
}

TEST(EncodeRequest, NoSettingMakesKeysLongerThanTheTableTakes) {
  EXPECT_EQ(refusal({"GET", std::string(512, 'k')}, {.max_key_bytes = 1000}),
            "ERR a key of 512 bytes: the limit is 511");
}

TEST(EncodeRequest, AValueBeyondTheLimitIsRefused) {
  const Limits limits{.max_value_bytes = 4};
  EXPECT_EQ(refusal({"SET", "a", "1234"}, limits), "accepted");
  EXPECT_EQ(refusal({"SET", "a", "12345"}, limits), "ERR a value of 5 bytes: the limit is 4");
  EXPECT_EQ(refusal({"MSET", "a", "1", "b", "12345"}, limits),
            "ERR a value of 5 bytes: the limit is 4");
}

TEST(EncodeRequest, TheLimitOfARangeIsBounded) {
  EXPECT_EQ(refusal({"KV.RANGE", "", "", "LIMIT", "0"}), "ERR LIMIT must be from 1 to 10000");
  EXPECT_EQ(refusal({"KV.RANGE", "", "", "LIMIT", "10001"}), "ERR LIMIT must be from 1 to 10000");
  EXPECT_EQ(refusal({"KV.RANGE", "", "", "LIMIT"}), kSyntax);
}

TEST(EncodeRequest, ANegativeRevisionIsRefused) {
  EXPECT_EQ(refusal({"KV.CAS", "a", "-1", "v"}), "ERR a revision must not be negative");
}

TEST(EncodeRequest, OnceNeedsAClientOfBoundedLength) {
  const std::string text = "ERR the client of KV.ONCE must have 1 to 128 bytes";
  EXPECT_EQ(refusal({"KV.ONCE", "", "1", "INCR", "a"}), text);
  EXPECT_EQ(refusal({"KV.ONCE", std::string(129, 'c'), "1", "INCR", "a"}), text);
}

TEST(EncodeRequest, OnceNeedsAPositiveSequence) {
  const std::string text = "ERR the sequence of KV.ONCE must be from 1 to 9223372036854775807";
  EXPECT_EQ(refusal({"KV.ONCE", "c", "0", "INCR", "a"}), text);
  EXPECT_EQ(refusal({"KV.ONCE", "c", "x", "INCR", "a"}), text);
}

TEST(EncodeRequest, OnceCarriesNeitherItselfNorWhatIsNoDataCommand) {
  EXPECT_EQ(refusal({"KV.ONCE", "c", "1", "KV.ONCE", "c", "2", "GET", "a"}),
            "ERR KV.ONCE carries a data command, not 'KV.ONCE'");
  EXPECT_EQ(refusal({"KV.ONCE", "c", "1", "PING"}),
            "ERR KV.ONCE carries a data command, not 'PING'");
  EXPECT_EQ(refusal({"KV.ONCE", "c", "1", "KV.HASH"}),
            "ERR KV.ONCE carries a data command, not 'KV.HASH'");
}

TEST(EncodeRequest, OnceRefusesWhatItsCommandRefuses) {
  EXPECT_EQ(refusal({"KV.ONCE", "c", "1", "GET"}),
            "ERR wrong number of arguments for 'get' command");
  EXPECT_EQ(refusal({"KV.ONCE", "c", "1", "SET", "a", "1", "EX", "x"}), kNoInteger);
}

TEST(EncodeRequest, TellsWritesFromReadsAndTheFirstKey) {
  Bytes out;
  const Words words = {"MSET", "first", "1", "second", "2"};
  const std::vector<BytesView> args(words.begin(), words.end());
  const auto write = encode_request(args, {}, out);
  ASSERT_TRUE(write);
  EXPECT_TRUE(write->is_write);
  EXPECT_EQ(write->key, "first");
  EXPECT_EQ(write->key.data(), args[1].data()) << "the key lives as long as the arguments";
  const auto read = encode_words({"DBSIZE"}, out);
  ASSERT_TRUE(read);
  EXPECT_FALSE(read->is_write);
  EXPECT_TRUE(read->key.empty());
}

TEST(EncodeRequest, OnceIsAlwaysAWriteAndHasTheKeyOfItsCommand) {
  Bytes out;
  const Words words = {"KV.ONCE", "c", "1", "GET", "a"};
  const std::vector<BytesView> args(words.begin(), words.end());
  const auto info = encode_request(args, {}, out);
  ASSERT_TRUE(info);
  EXPECT_TRUE(info->is_write);
  EXPECT_EQ(info->key, "a");
}

}  // namespace
}  // namespace kvcluster::kv
