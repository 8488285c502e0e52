#include "storage/log_terms.hpp"

#include <gtest/gtest.h>

namespace kvcluster::storage {
namespace {

LogTerms terms_1_1_2_2_5() {
  LogTerms terms;
  terms.append({Term(1), Index(1)});
  terms.append({Term(1), Index(2)});
  terms.append({Term(2), Index(3)});
  terms.append({Term(2), Index(4)});
  terms.append({Term(5), Index(5)});
  return terms;
}

TEST(LogTermsLookup, GivesTheTermOfEveryEntryAndOfTheBase) {
  const LogTerms terms = terms_1_1_2_2_5();
  EXPECT_EQ(terms.term_at(Index(0)), Term(0));
  EXPECT_EQ(terms.term_at(Index(2)), Term(1));
  EXPECT_EQ(terms.term_at(Index(4)), Term(2));
  EXPECT_EQ(terms.term_at(Index(5)), Term(5));
  EXPECT_EQ(terms.term_at(Index(6)), std::nullopt);
}

TEST(LogTermsTruncation, InTheMiddleOfATermKeepsItsBeginning) {
  LogTerms terms = terms_1_1_2_2_5();
  terms.truncate_from(Index(4));
  EXPECT_EQ(terms.last(), (raft::EntryId{Term(2), Index(3)}));
  EXPECT_EQ(terms.term_at(Index(4)), std::nullopt);
}

TEST(LogTermsTruncation, OfEverythingLeavesTheBase) {
  LogTerms terms = terms_1_1_2_2_5();
  terms.truncate_from(Index(1));
  EXPECT_EQ(terms.last(), raft::EntryId{});
}

TEST(LogTermsBase, AdvancesIntoTheMiddleOfATerm) {
  LogTerms terms = terms_1_1_2_2_5();
  terms.advance_base(Index(3));
  EXPECT_EQ(terms.base(), (raft::EntryId{Term(2), Index(3)}));
  EXPECT_EQ(terms.term_at(Index(2)), std::nullopt);
  EXPECT_EQ(terms.term_at(Index(4)), Term(2));
  EXPECT_EQ(terms.last(), (raft::EntryId{Term(5), Index(5)}));
}

TEST(LogTermsBase, AdvancesToTheEnd) {
  LogTerms terms = terms_1_1_2_2_5();
  terms.advance_base(Index(5));
  EXPECT_EQ(terms.base(), (raft::EntryId{Term(5), Index(5)}));
  EXPECT_EQ(terms.last(), terms.base());
}

}  // namespace
}  // namespace kvcluster::storage
