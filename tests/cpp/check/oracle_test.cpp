// The checker against a judge that tries every order, over thousands of small histories.
#include <gtest/gtest.h>

#include <set>
#include <string>

#include "check/describe.hpp"
#include "check/linearizability.hpp"
#include "check/plain_store.hpp"

namespace kvcluster::check {
namespace {

std::string table(const History& history) {
  std::vector<const Operation*> operations;
  for (const Operation& each : history) operations.push_back(&each);
  return describe_table(operations);
}

struct Mixture {
  std::string name;
  Mix mix;
};

class Oracle : public testing::TestWithParam<Mixture> {};

TEST_P(Oracle, AgreesOnHistoriesThatHappenedAndOnNearlyRightOnes) {
  constexpr int kHistories = 5'000;
  int violations = 0;
  for (int seed = 0; seed < kHistories; ++seed) {
    Random random(static_cast<std::uint64_t>(seed));
    Mix mix = GetParam().mix;
    mix.operations = 2 + random.below(mix.operations - 1);
    const History good = happened(random, mix);
    ASSERT_TRUE(check_linearizable(good).linearizable())
        << "seed " << seed << "\n"
        << table(good) << check_linearizable(good).explanation;
    const History changed = nearly_right(random, good);
    const Verdict verdict = check_linearizable(changed);
    ASSERT_EQ(verdict.linearizable(), some_order_explains(changed))
        << "seed " << seed << "\n"
        << table(changed) << verdict.explanation;
    if (verdict.linearizable()) continue;
    ++violations;
    ASSERT_EQ(verdict.finding, Finding::kViolation);
    ASSERT_NE(verdict.explanation, "");
    // The piece, by itself, is a violation too; a call that was cut short is whole again in it.
    History piece;
    for (const std::size_t position : verdict.piece) piece.push_back(changed[position]);
    ASSERT_FALSE(some_order_explains(piece)) << "seed " << seed << "\n"
                                             << table(changed) << verdict.explanation;
  }
  EXPECT_GT(violations, kHistories / 20);  // both verdicts were put to the test
  EXPECT_LT(violations, kHistories);
}

INSTANTIATE_TEST_SUITE_P(
    Mixtures, Oracle,
    testing::Values(
        Mixture{"Registers", {.operations = 8, .only_registers = true}},
        Mixture{"FreshRegisters", {.operations = 8, .values = 0, .only_registers = true}},
        Mixture{"AllKinds", {.operations = 8}},
        Mixture{"FreshValues", {.operations = 8, .values = 0}},
        Mixture{"UnknownOutcomes", {.operations = 8, .unknown_per_mille = 300}},
        Mixture{"UnknownFreshRegisters",
                {.operations = 8, .values = 0, .unknown_per_mille = 300, .only_registers = true}},
        Mixture{"Transactions",
                {.operations = 7, .keys = 2, .unknown_per_mille = 150, .with_transactions = true}},
        Mixture{"FreshTransactions",
                {.operations = 7,
                 .keys = 2,
                 .values = 0,
                 .unknown_per_mille = 150,
                 .with_transactions = true}}),
    [](const auto& each) { return each.param.name; });

}  // namespace
}  // namespace kvcluster::check
