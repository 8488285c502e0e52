#include "client/address.hpp"

#include <gtest/gtest.h>

namespace kvcluster::client {
namespace {

TEST(Address, ParsesHostAndPort) {
  EXPECT_EQ(parse_address("db.example:9001", ""), (Address{"db.example", 9001}));
}

TEST(Address, TakesTheDefaultHostForABarePort) {
  EXPECT_EQ(parse_address("9001", "127.0.0.1"), (Address{"127.0.0.1", 9001}));
}

TEST(Address, ParsesAnIpv6AddressInBrackets) {
  EXPECT_EQ(parse_address("[::1]:9001", ""), (Address{"::1", 9001}));
}

TEST(Address, WritesAnIpv6AddressInBrackets) {
  EXPECT_EQ((Address{"::1", 9001}).text(), "[::1]:9001");
}

class BadAddress : public testing::TestWithParam<const char*> {};

TEST_P(BadAddress, IsRefusedByName) {
  const auto parsed = parse_address(GetParam(), "");
  ASSERT_FALSE(parsed);
  EXPECT_EQ(parsed.error().code, ErrorCode::kInvalidArgument);
  EXPECT_NE(parsed.error().context.find(GetParam()), std::string::npos);
}

INSTANTIATE_TEST_SUITE_P(Texts, BadAddress,
                         testing::Values("", ":9001", "host:", "host:0", "host:65536", "host:-1",
                                         "host:90x", "::1:9001", "[]:9001", "9001"));

TEST(Addresses, ParsesAListByCommas) {
  EXPECT_EQ(parse_addresses("a:1,2", "b"), (std::vector<Address>{{"a", 1}, {"b", 2}}));
}

TEST(Addresses, RefusesAnEmptyItem) { EXPECT_FALSE(parse_addresses("a:1,,b:2", "c")); }

}  // namespace
}  // namespace kvcluster::client
