// The switches of base/mutant.hpp are in the simulator's mutant build and nowhere else.
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <string>

#include "base/mutant.hpp"

namespace kvcluster {
namespace {

// In what is compiled as programs are, no switch can be thrown: not even at run time.
static_assert(!mutated(Mutant::kCommitOldTerm) && !mutated(Mutant::kNoSync));

std::string program(const std::string& name) {
  std::ifstream file(std::string(KV_PROGRAM_DIR) + "/" + name, std::ios::binary);
  EXPECT_TRUE(file.good()) << name << " was not built";
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

// The name of the variable that chooses the bug, and one of the sentences that name them.
constexpr const char* kVariable = "active_mutant";
constexpr const char* kSentence = "is reported durable without a sync";

TEST(Mutants, AreInTheSimulatorsMutantBuild) {
  const std::string bytes = program("kv_sim_mutants");
  EXPECT_TRUE(bytes.contains(kVariable));
  EXPECT_TRUE(bytes.contains(kSentence));
}

class ReleasePrograms : public testing::TestWithParam<const char*> {};

TEST_P(ReleasePrograms, HoldNoSwitchOfAMutant) {
  const std::string bytes = program(GetParam());
  EXPECT_TRUE(bytes.contains("kvcluster"));
  EXPECT_FALSE(bytes.contains(kVariable));
  EXPECT_FALSE(bytes.contains(kSentence));
}

INSTANTIATE_TEST_SUITE_P(All, ReleasePrograms,
                         testing::Values("kvstore", "kv_client", "election_test", "kv_sim"));

}  // namespace
}  // namespace kvcluster
