#include "bench/workload.hpp"

#include <gtest/gtest.h>

#include <map>
#include <set>
#include <string>

#include "wire/resp_parser.hpp"

namespace kvcluster::bench {
namespace {

// How often each command comes among many.
std::map<std::string, int> commands(Workload& workload, int count) {
  std::map<std::string, int> seen;
  for (int i = 0; i < count; ++i) {
    std::string text;
    workload.append_next(text);
    const std::size_t at = text.find("\r\n", text.find('$')) + 2;
    ++seen[text.substr(at, text.find("\r\n", at) - at)];
  }
  return seen;
}

TEST(Workload, WritesASetAsRedisBenchmarkSpellsIt) {
  WorkloadOptions options;
  options.keys = 1;
  options.value_bytes = 3;
  Workload workload(options);
  std::string text;
  EXPECT_EQ(workload.append_next(text), Asked::kWrite);
  EXPECT_TRUE(text.starts_with("*3\r\n$3\r\nSET\r\n$16\r\nkey:000000000000\r\n$3\r\n")) << text;
  EXPECT_TRUE(text.ends_with("\r\n"));
  EXPECT_EQ(text.size(), 45U);
}

TEST(Workload, WritesAGet) {
  WorkloadOptions options;
  ASSERT_TRUE(use_command("get", options));
  options.keys = 1;
  Workload workload(options);
  std::string text;
  EXPECT_EQ(workload.append_next(text), Asked::kRead);
  EXPECT_EQ(text, "*2\r\n$3\r\nGET\r\n$16\r\nkey:000000000000\r\n");
}

TEST(Workload, FillsEveryKeyOnce) {
  WorkloadOptions options;
  ASSERT_TRUE(use_command("fill", options));
  options.keys = 500;
  Workload workload(options);
  std::set<std::string> keys;
  for (int i = 0; i < 500; ++i) {
    std::string text;
    EXPECT_EQ(workload.append_next(text), Asked::kWrite);
    keys.insert(text.substr(text.find("key:"), 16));
  }
  EXPECT_EQ(keys.size(), 500U);
}

TEST(Workload, GivesDifferentValues) {
  Workload workload({});
  std::set<std::string> values;
  for (int i = 0; i < 100; ++i) {
    std::string text;
    workload.append_next(text);
    values.insert(text.substr(text.size() - 102));
  }
  EXPECT_GT(values.size(), 90U);
}

TEST(Workload, KeepsTheSharesOfYcsb) {
  WorkloadOptions options;
  ASSERT_TRUE(use_ycsb('b', options));
  Workload b(options);
  EXPECT_NEAR(commands(b, 10'000)["SET"], 500, 100);
  ASSERT_TRUE(use_ycsb('e', options));
  Workload e(options);
  auto seen = commands(e, 10'000);
  EXPECT_NEAR(seen["KV.RANGE"], 9'500, 100);
  EXPECT_EQ(seen["KV.RANGE"] + seen["SET"], 10'000);
}

TEST(Workload, WritesTheKeyThatItReadBeforeInYcsbF) {
  WorkloadOptions options;
  ASSERT_TRUE(use_ycsb('f', options));
  options.mix = {.read_modify_writes = 100};
  Workload workload(options);
  for (int i = 0; i < 100; ++i) {
    std::string read;
    std::string write;
    EXPECT_EQ(workload.append_next(read), Asked::kRead);
    EXPECT_EQ(workload.append_next(write), Asked::kWrite);
    EXPECT_EQ(read.substr(read.find("key:"), 16), write.substr(write.find("key:"), 16));
  }
}

TEST(Workload, RefusesWhatItDoesNotKnow) {
  WorkloadOptions options;
  EXPECT_FALSE(use_ycsb('g', options));
  EXPECT_FALSE(use_command("sett", options));
}

TEST(Workload, WritesWhatTheServersParserTakes) {
  for (const char letter : {'a', 'd', 'e', 'f'}) {
    WorkloadOptions options;
    ASSERT_TRUE(use_ycsb(letter, options));
    Workload workload(options);
    std::string text;
    for (int i = 0; i < 50; ++i) workload.append_next(text);
    wire::RespParser parser;
    int parsed = 0;
    BytesView input(text);
    while (!input.empty() && parser.parse(input) == wire::RespParser::Outcome::kCommand) {
      input.remove_prefix(parser.consumed());
      ++parsed;
    }
    EXPECT_EQ(parsed, 50) << letter;
    EXPECT_TRUE(input.empty()) << letter;
  }
}

}  // namespace
}  // namespace kvcluster::bench
