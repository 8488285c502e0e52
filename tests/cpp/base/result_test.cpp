#include "base/result.hpp"

#include <gtest/gtest.h>

#include <set>
#include <string>

#include "base/check.hpp"

namespace kvcluster {
namespace {

Status refuse() { return fail(ErrorCode::kDiskFull, "wal: no room"); }

Result<int> through(bool refused) {
  if (refused) KV_TRY(refuse());
  return 7;
}

TEST(Result, AnErrorSaysItsCodeAndItsContext) {
  EXPECT_NE(refuse().error().message().find("wal: no room"), std::string::npos);
  EXPECT_EQ(refuse().error().message().find(to_string(ErrorCode::kDiskFull)), 0U);
}

TEST(Result, TryHandsAnErrorOn) {
  EXPECT_EQ(through(false).value(), 7);
  EXPECT_EQ(through(true).error().code, ErrorCode::kDiskFull);
}

TEST(Result, EveryCodeHasANameOfItsOwn) {
  std::set<std::string> names;
  for (int code = 0; code <= static_cast<int>(ErrorCode::kClosed); ++code) {
    names.emplace(to_string(static_cast<ErrorCode>(code)));
  }
  EXPECT_EQ(names.size(), static_cast<std::size_t>(ErrorCode::kClosed) + 1);
}

TEST(CheckDeathTest, ABrokenInvariantEndsTheProcessAndSaysWhich) {
  EXPECT_DEATH(KV_CHECK(1 + 1 == 3, "arithmetic holds"), "arithmetic holds");
}

}  // namespace
}  // namespace kvcluster
