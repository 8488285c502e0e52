#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "check/history_builder.hpp"
#include "check/linearizability.hpp"
#include "check/plain_store.hpp"

namespace kvcluster::check {
namespace {

using testing::ElementsAre;

Operation with_index(Operation operation, std::uint64_t index) {
  operation.index = index;
  return operation;
}

TEST(ByIndex, AcceptsAnOrderThatKeepsRealTime) {
  const Verdict verdict = check_by_index({with_index(ok(1, 0, 9, put("x", "1")), 3),
                                          with_index(ok(2, 1, 5, put("x", "2")), 2),
                                          ok(3, 10, 11, at_revision(get("x", "1"), 3))});
  EXPECT_EQ(verdict.finding, Finding::kLinearizable) << verdict.explanation;
}

TEST(ByIndex, FindsTwoWritesAtOneIndex) {
  EXPECT_THAT(check_by_index({with_index(ok(1, 0, 1, put("x", "1")), 3),
                              with_index(ok(2, 2, 3, put("y", "2")), 3)})
                  .piece,
              ElementsAre(0, 1));
}

TEST(ByIndex, FindsAnOrderThatContradictsRealTime) {
  EXPECT_THAT(check_by_index({with_index(ok(1, 0, 1, put("x", "1")), 4),
                              with_index(ok(2, 2, 3, put("y", "2")), 3)})
                  .piece,
              ElementsAre(0, 1));
}

TEST(ByIndex, FindsAReadOfAnotherValueThanTheRevisionHas) {
  EXPECT_EQ(check_by_index({with_index(ok(1, 0, 1, put("x", "1")), 4),
                            ok(2, 2, 3, at_revision(get("x", "2"), 4))})
                .finding,
            Finding::kViolation);
}

TEST(ByIndex, FindsAStaleReadByItsRevision) {
  EXPECT_THAT(check_by_index({with_index(ok(1, 0, 1, put("x", "1")), 4),
                              with_index(ok(1, 2, 3, put("x", "2")), 6),
                              ok(2, 4, 5, at_revision(get("x", "1"), 4))})
                  .piece,
              ElementsAre(1, 2));
}

TEST(ByIndex, FindsReadsThatGoBackInTime) {
  EXPECT_EQ(check_by_index({ok(1, 0, 1, at_revision(get("x", "2"), 6)),
                            ok(2, 2, 3, at_revision(get("x", "1"), 4))})
                .finding,
            Finding::kViolation);
}

TEST(ByIndex, FindsAReadThatReturnedBeforeItsWriteBegan) {
  EXPECT_EQ(check_by_index({ok(1, 0, 1, at_revision(get("x", "1"), 4)),
                            with_index(ok(1, 2, 3, put("x", "1")), 4)})
                .finding,
            Finding::kViolation);
}

TEST(ByIndex, TakesTheRevisionOfACompareAndSetForItsIndex) {
  EXPECT_EQ(check_by_index({ok(1, 0, 1, cas_revision("x", 0, "1", 7)),
                            ok(2, 2, 3, cas_revision("x", 7, "2", 6))})
                .finding,
            Finding::kViolation);
}

}  // namespace
}  // namespace kvcluster::check
