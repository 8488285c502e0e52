#include "net/endpoint.hpp"

#include <gtest/gtest.h>

namespace kvcluster::net {
namespace {

TEST(Endpoint, ReadsHostAndPort) {
  EXPECT_EQ(parse_endpoint("localhost:9001"), (Endpoint{"localhost", 9001}));
}

TEST(Endpoint, ReadsAnIpv6AddressInBrackets) {
  EXPECT_EQ(parse_endpoint("[::1]:9001"), (Endpoint{"::1", 9001}));
}

TEST(Endpoint, WritesWhatItReads) {
  for (const char* text : {"127.0.0.1:9001", "[::1]:65535"}) {
    EXPECT_EQ(parse_endpoint(text)->text(), text);
  }
}

TEST(Endpoint, RefusesAnIpv6AddressWithoutBrackets) { EXPECT_FALSE(parse_endpoint("::1:9001")); }

TEST(Endpoint, RefusesAMissingPort) {
  EXPECT_FALSE(parse_endpoint("localhost"));
  EXPECT_FALSE(parse_endpoint("localhost:"));
}

TEST(Endpoint, RefusesAMissingHost) {
  EXPECT_FALSE(parse_endpoint(":9001"));
  EXPECT_FALSE(parse_endpoint("[]:9001"));
}

TEST(Endpoint, RefusesAPortThatIsNone) {
  for (const char* text : {"h:0", "h:65536", "h:-1", "h:+1", "h: 1", "h:1x", "h:99999999999"}) {
    EXPECT_FALSE(parse_endpoint(text)) << text;
  }
}

}  // namespace
}  // namespace kvcluster::net
