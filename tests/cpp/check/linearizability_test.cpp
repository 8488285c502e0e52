// Known good and known bad histories, one anomaly a test.
#include "check/linearizability.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "check/history_builder.hpp"

namespace kvcluster::check {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

Finding finding(const History& history) { return check_linearizable(history).finding; }

TEST(Linearizability, AcceptsTheEmptyHistory) {
  EXPECT_EQ(finding({}), Finding::kLinearizable);
  EXPECT_EQ(check_linearizable({}).explanation, "");
}

TEST(Linearizability, AcceptsConcurrentCallsInEitherOrder) {
  EXPECT_EQ(finding({ok(1, 0, 10, put("x", "1")), ok(2, 0, 10, put("x", "2")),
                     ok(3, 11, 12, get("x", "1"))}),
            Finding::kLinearizable);
  EXPECT_EQ(finding({ok(1, 0, 10, put("x", "1")), ok(2, 0, 10, put("x", "2")),
                     ok(3, 11, 12, get("x", "2"))}),
            Finding::kLinearizable);
}

TEST(Linearizability, TakesEqualInstantsForOverlapping) {
  EXPECT_EQ(finding({ok(1, 0, 5, put("x", "1")), ok(2, 5, 6, get("x", std::nullopt))}),
            Finding::kLinearizable);
  EXPECT_EQ(finding({ok(1, 0, 5, put("x", "1")), ok(2, 6, 7, get("x", std::nullopt))}),
            Finding::kViolation);
}

TEST(Linearizability, FindsAStaleRead) {
  const Verdict verdict =
      check_linearizable({ok(9, 0, 1, put("y", "1")), ok(1, 0, 1, put("x", "1")),
                          ok(2, 2, 3, put("x", "2")), ok(3, 6, 7, get("x", "1"))});
  EXPECT_EQ(verdict.finding, Finding::kViolation);
  EXPECT_THAT(verdict.piece, ElementsAre(1, 2, 3));
  EXPECT_THAT(verdict.explanation,
              HasSubstr("\"x\" was \"1\" from the return of #1 until the call of #3, yet #2 shows "
                        "that it was another value in between."));
  EXPECT_THAT(verdict.explanation, HasSubstr("#3       3     6   7  get \"x\"        \"1\""));
}

TEST(Linearizability, FindsTwoReadersThatDisagreeOnTheOrderOfTwoWrites) {
  EXPECT_EQ(finding({ok(1, 0, 100, put("x", "1")), ok(2, 0, 100, put("x", "2")),
                     ok(3, 10, 20, get("x", "1")), ok(3, 30, 40, get("x", "2")),
                     ok(4, 50, 60, get("x", "1"))}),
            Finding::kViolation);
}

TEST(Linearizability, FindsALostUpdate) {
  const Verdict verdict = check_linearizable(
      {ok(1, 0, 1, add("n", 1, 1)), ok(1, 2, 9, add("n", 1, 2)), ok(2, 2, 9, add("n", 1, 2))});
  EXPECT_EQ(verdict.finding, Finding::kViolation);
  EXPECT_THAT(verdict.explanation,
              HasSubstr("#2 and #3 both found \"n\" = \"1\" and replaced it, but it came to be "
                        "written only once."));
}

TEST(Linearizability, FindsAnIncrementThatWasAppliedTwice) {
  const Verdict verdict =
      check_linearizable({ok(1, 0, 1, add("n", 1, 1)), ok(1, 2, 3, add("n", 1, 3))});
  EXPECT_EQ(verdict.finding, Finding::kViolation);
  EXPECT_THAT(verdict.explanation,
              HasSubstr("#1 found \"n\" = \"2\", which no operation can have written."));
}

TEST(Linearizability, FindsAValueThatWasNeverWritten) {
  EXPECT_EQ(finding({ok(1, 0, 1, put("x", "1")), ok(1, 2, 3, get("x", "7"))}), Finding::kViolation);
}

TEST(Linearizability, FindsAValueThatIsReadBeforeItIsWritten) {
  EXPECT_EQ(finding({ok(1, 0, 1, get("x", "1")), ok(1, 2, 3, put("x", "1"))}), Finding::kViolation);
}

TEST(Linearizability, FindsThatOfTwoCompareAndSetsBothSucceeded) {
  EXPECT_EQ(finding({ok(1, 0, 1, put("x", "0")), ok(1, 2, 9, cas("x", "0", "1", true)),
                     ok(2, 2, 9, cas("x", "0", "2", true))}),
            Finding::kViolation);
  EXPECT_EQ(finding({ok(1, 0, 1, put("x", "0")), ok(1, 2, 9, cas("x", "0", "1", true)),
                     ok(2, 2, 9, cas("x", "0", "2", false))}),
            Finding::kLinearizable);
}

TEST(Linearizability, FindsThatACompareAndSetWasRefusedThoughTheValueWasThere) {
  EXPECT_EQ(finding({ok(1, 0, 1, put("x", "0")), ok(1, 2, 3, cas("x", "0", "1", false))}),
            Finding::kViolation);
}

TEST(Linearizability, FindsThatTwoLockedWhatWasAbsent) {
  EXPECT_EQ(finding({ok(1, 0, 9, cas("lock", std::nullopt, "a", true)),
                     ok(2, 0, 9, cas("lock", std::nullopt, "b", true))}),
            Finding::kViolation);
}

TEST(Linearizability, HoldsConditionsOnRevisionsAgainstTheRevisionsThatWereTold) {
  const Operation first = ok(1, 0, 1, cas_revision("x", 0, "a", 5));
  EXPECT_EQ(finding({first, ok(2, 2, 9, cas_revision("x", 5, "b", 6)),
                     ok(3, 2, 9, cas_revision("x", 5, "c", 0))}),
            Finding::kLinearizable);
  EXPECT_EQ(finding({first, ok(2, 2, 9, cas_revision("x", 5, "b", 6)),
                     ok(3, 2, 9, cas_revision("x", 5, "c", 7))}),
            Finding::kViolation);
  EXPECT_EQ(finding({first, ok(2, 2, 3, at_revision(get("x", "a"), 4))}), Finding::kViolation);
}

TEST(Linearizability, FindsThatARevisionWentBack) {
  EXPECT_EQ(finding({ok(1, 0, 1, put("x", "a")), ok(1, 2, 3, at_revision(get("x", "a"), 9)),
                     ok(1, 4, 5, put("x", "b")), ok(1, 6, 7, at_revision(get("x", "b"), 8))}),
            Finding::kViolation);
}

TEST(Linearizability, FindsATransactionOfWhichOneHalfIsSeen) {
  EXPECT_EQ(finding({ok(1, 0, 9, {put("x", "1"), put("y", "1")}),
                     ok(2, 1, 2, {get("x", "1"), get("y", std::nullopt)})}),
            Finding::kViolation);
  EXPECT_EQ(finding({ok(1, 0, 9, {put("x", "1"), put("y", "1")}), ok(2, 1, 2, get("x", "1")),
                     ok(2, 3, 4, get("y", std::nullopt))}),
            Finding::kViolation);
}

TEST(Linearizability, SeesATransactionsOwnWritesInOrder) {
  EXPECT_EQ(finding({ok(1, 0, 1, {put("x", "1"), get("x", "1"), put("x", "2")}),
                     ok(2, 2, 3, get("x", "2"))}),
            Finding::kLinearizable);
  EXPECT_EQ(finding({ok(1, 0, 1, {get("x", "1"), put("x", "1")})}), Finding::kViolation);
}

TEST(Linearizability, FindsWriteSkew) {
  // Each saw the other's key absent and wrote its own: snapshots allow it, one order does not.
  EXPECT_EQ(finding({ok(1, 0, 9, {get("x", std::nullopt), put("y", "1")}),
                     ok(2, 0, 9, {get("y", std::nullopt), put("x", "1")})}),
            Finding::kViolation);
}

TEST(Linearizability, LetsAnUnknownWriteTakeEffectLate) {
  EXPECT_EQ(finding({ok(1, 0, 1, put("x", "1")), unknown(2, 2, put("x", "2")),
                     ok(1, 10, 11, get("x", "1")), ok(1, 12, 13, get("x", "2"))}),
            Finding::kLinearizable);
}

TEST(Linearizability, LetsAnUnknownWriteNeverTakeEffect) {
  EXPECT_EQ(finding({unknown(2, 0, add("n", 1, 0)), ok(1, 10, 11, add("n", 1, 1))}),
            Finding::kLinearizable);
}

TEST(Linearizability, FindsAnUnknownWriteThatTookEffectTwice) {
  EXPECT_EQ(
      finding({ok(1, 0, 1, put("x", "1")), unknown(2, 2, put("x", "2")), ok(1, 4, 5, get("x", "2")),
               ok(1, 6, 7, put("x", "3")), ok(1, 8, 9, get("x", "2"))}),
      Finding::kViolation);
  EXPECT_EQ(finding({unknown(2, 0, add("n", 1, 0)), ok(1, 10, 11, get("n", "2"))}),
            Finding::kViolation);
}

TEST(Linearizability, FindsAnUnknownWriteThatTookEffectBeforeItWasInvoked) {
  EXPECT_EQ(finding({ok(1, 0, 1, get("x", "1")), unknown(2, 2, put("x", "1"))}),
            Finding::kViolation);
}

TEST(Linearizability, LooksAtNoFailedOperationAndAtNoReadOfUnknownOutcome) {
  EXPECT_EQ(finding({failed(1, 0, put("x", "1")), unknown(1, 2, get("x", "8")),
                     ok(1, 3, 4, get("x", std::nullopt))}),
            Finding::kLinearizable);
  EXPECT_EQ(finding({failed(1, 0, put("x", "1")), ok(1, 3, 4, get("x", "1"))}),
            Finding::kViolation);
}

TEST(Linearizability, FollowsDeletesAndAppends) {
  EXPECT_EQ(finding({ok(1, 0, 1, append("x", "ab", 2)), ok(1, 2, 3, append("x", "c", 3)),
                     ok(1, 4, 5, get("x", "abc")), ok(1, 6, 7, remove("x", true)),
                     ok(1, 8, 9, remove("x", false)), ok(1, 10, 11, get("x", std::nullopt))}),
            Finding::kLinearizable);
  EXPECT_EQ(finding({ok(1, 0, 1, put("x", "1")), ok(1, 2, 9, remove("x", true)),
                     ok(2, 2, 9, remove("x", true))}),
            Finding::kViolation);
}

TEST(Linearizability, ShowsOnlyTheKeyThatIsWrong) {
  History history;
  for (std::int64_t at = 0; at < 50; ++at) {
    history.push_back(ok(1, at * 10, at * 10 + 5, put("good", std::to_string(at))));
    history.push_back(ok(2, at * 10, at * 10 + 5, put("bad", std::to_string(at))));
  }
  history.push_back(ok(3, 600, 601, get("bad", "20")));
  const Verdict verdict = check_linearizable(history);
  EXPECT_EQ(verdict.finding, Finding::kViolation);
  EXPECT_LE(verdict.piece.size(), 3U);
  EXPECT_THAT(verdict.explanation, testing::Not(HasSubstr("good")));
}

TEST(Linearizability, MakesAPieceSmallThatOnlyTheSearchFinds) {
  // Twenty rounds of what is fine, then a refusal that cannot be; the values repeat.
  History history;
  for (std::int64_t at = 0; at < 20; ++at) {
    history.push_back(ok(1, at * 10, at * 10 + 6, put("x", std::to_string(at % 2))));
    history.push_back(ok(2, at * 10 + 1, at * 10 + 7, get("x", std::to_string(at % 2))));
  }
  history.push_back(ok(1, 300, 309, put("x", "1")));
  history.push_back(ok(2, 310, 311, get("x", "0")));
  const Verdict verdict = check_linearizable(history);
  EXPECT_EQ(verdict.finding, Finding::kViolation);
  EXPECT_LE(verdict.piece.size(), 25U);
  EXPECT_THAT(verdict.explanation, HasSubstr("not linearizable: "));
}

TEST(Linearizability, SaysUndecidedWhenItsLimitsEndTheSearch) {
  History history;
  for (int at = 0; at < 12; ++at) {
    history.push_back(ok(1, 0, 100, put("x", std::to_string(at % 3))));
    history.push_back(ok(2, 0, 100, cas("x", std::to_string(at % 3), "9", true)));
  }
  const Verdict verdict = check_linearizable(history, {.max_explored = 5});
  EXPECT_EQ(verdict.finding, Finding::kUndecided);
  EXPECT_THAT(verdict.explanation, HasSubstr("undecided"));
  EXPECT_EQ(check_linearizable(history, {.max_memory_bytes = 1}).finding, Finding::kUndecided);
}

}  // namespace
}  // namespace kvcluster::check
