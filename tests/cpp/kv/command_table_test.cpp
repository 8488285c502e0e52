#include "kv/command_table.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include "kv/request.hpp"

namespace kvcluster::kv {
namespace {

TEST(CommandTable, IsSortedByNameWithoutRepeats) {
  EXPECT_TRUE(
      std::ranges::is_sorted(data_commands(), std::ranges::less_equal{}, &CommandSpec::name));
}

TEST(CommandTable, FindsEveryCommandInAnyCase) {
  for (const CommandSpec& spec : data_commands()) {
    std::string upper(spec.name);
    std::ranges::transform(upper, upper.begin(), [](char byte) {
      return byte >= 'a' && byte <= 'z' ? static_cast<char>(byte - 'a' + 'A') : byte;
    });
    EXPECT_EQ(find_data_command(spec.name), &spec) << spec.name;
    EXPECT_EQ(find_data_command(upper), &spec) << upper;
  }
}

TEST(CommandTable, DoesNotFindWhatIsNotThere) {
  for (const char* name : {"", "ge", "gett", "ping", "xgroup", "a-name-longer-than-any-command"}) {
    EXPECT_EQ(find_data_command(name), nullptr) << name;
    EXPECT_FALSE(is_data_command(name)) << name;
  }
}

TEST(CommandTable, EveryCommandEitherReadsOrWrites) {
  for (const CommandSpec& spec : data_commands()) {
    EXPECT_NE(spec.has(CommandSpec::kWrite), spec.has(CommandSpec::kReadonly)) << spec.name;
    EXPECT_FALSE(spec.summary.empty()) << spec.name;
    EXPECT_FALSE(spec.group.empty()) << spec.name;
  }
}

TEST(CommandTable, KeysStandWithinTheArguments) {
  for (const CommandSpec& spec : data_commands()) {
    const int least = spec.arity < 0 ? -spec.arity : spec.arity;
    EXPECT_LT(spec.first_key, std::max(least, 1)) << spec.name;
    EXPECT_EQ(spec.first_key == 0, spec.key_step == 0) << spec.name;
  }
}

}  // namespace
}  // namespace kvcluster::kv
