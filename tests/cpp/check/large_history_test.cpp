// Histories as large as a chaos run leaves. The bounds are on steps, which no busy machine changes.
#include <gtest/gtest.h>

#include <cstdint>

#include "check/linearizability.hpp"
#include "check/plain_store.hpp"

namespace kvcluster::check {
namespace {

constexpr std::size_t kOperations = 100'000;

Verdict verdict_on(const Mix& mix) {
  Random random(1);
  return check_linearizable(happened(random, mix));
}

TEST(LargeHistory, OverManyKeysTakesAStepOrTwoAnOperation) {
  const Verdict verdict = verdict_on({.operations = kOperations,
                                      .clients = 20,
                                      .keys = 1'000,
                                      .values = 5,
                                      .unknown_per_mille = 5});
  EXPECT_EQ(verdict.finding, Finding::kLinearizable) << verdict.explanation;
  EXPECT_LT(verdict.explored, 3 * kOperations);
}

TEST(LargeHistory, OverTenKeysOfFreshValuesTakesAFewStepsAnOperation) {
  const Verdict verdict =
      verdict_on({.operations = kOperations, .clients = 20, .keys = 10, .values = 0});
  EXPECT_EQ(verdict.finding, Finding::kLinearizable) << verdict.explanation;
  EXPECT_LT(verdict.explored, 5 * kOperations);
}

TEST(LargeHistory, OverOneHotKeyTakesTensOfStepsAnOperation) {
  const Verdict verdict = verdict_on({.operations = kOperations,
                                      .clients = 16,
                                      .values = 0,
                                      .unknown_per_mille = 10,
                                      .only_registers = true});
  EXPECT_EQ(verdict.finding, Finding::kLinearizable) << verdict.explanation;
  EXPECT_LT(verdict.explored, 40 * kOperations);
}

TEST(LargeHistory, WithAStaleReadOnTheHotKeyIsRefusedWithAFewOperations) {
  Random random(2);
  History history = happened(
      random, {.operations = kOperations, .clients = 16, .values = 0, .only_registers = true});
  std::optional<Bytes> old;
  for (std::size_t at = 0; at < history.size(); ++at) {
    Action& action = history[at].actions.front();
    if (action.kind != ActionKind::kGet || !action.result) continue;
    if (at < kOperations / 3) old = action.result;
    if (at < kOperations / 2) continue;
    action.result = old;
    break;
  }
  const Verdict verdict = check_linearizable(history);
  EXPECT_EQ(verdict.finding, Finding::kViolation);
  EXPECT_LE(verdict.piece.size(), 6U) << verdict.explanation;
}

}  // namespace
}  // namespace kvcluster::check
