// The configuration and its bytes.
#include "raft/configuration.hpp"

#include <gtest/gtest.h>

namespace kvcluster::raft {
namespace {

Configuration sample() {
  Configuration configuration;
  for (std::uint64_t n = 1; n <= 4; ++n) {
    Member member;
    member.id = NodeId(n * 10);
    member.role = n == 4 ? MemberRole::kLearner : MemberRole::kVoter;
    member.incarnation.fill(static_cast<std::uint8_t>(n));
    member.address = std::to_string(n) + ":9001";
    configuration.members.push_back(std::move(member));
  }
  return configuration;
}

Bytes encoded(const Configuration& configuration) {
  Bytes bytes;
  encode(configuration, bytes);
  return bytes;
}

TEST(RaftConfiguration, FindsMembersAndCountsVoters) {
  const Configuration configuration = sample();
  EXPECT_EQ(configuration.find(NodeId(20))->address, "2:9001");
  EXPECT_EQ(configuration.find(NodeId(15)), nullptr);
  EXPECT_TRUE(configuration.is_voter(NodeId(30)));
  EXPECT_FALSE(configuration.is_voter(NodeId(40)));
  EXPECT_EQ(configuration.voter_count(), 3U);
  EXPECT_EQ(configuration.quorum(), 2U);
}

TEST(RaftConfiguration, ComesBackFromItsBytes) {
  EXPECT_EQ(decode_configuration(encoded(sample())).value(), sample());
  EXPECT_EQ(decode_configuration(encoded({})).value(), Configuration{});
}

TEST(RaftConfiguration, EveryCutIsCorruption) {
  const Bytes bytes = encoded(sample());
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    const auto decoded = decode_configuration(BytesView(bytes).substr(0, size));
    ASSERT_FALSE(decoded.has_value()) << size << " bytes";
    EXPECT_EQ(decoded.error().code, ErrorCode::kCorruption);
  }
}

TEST(RaftConfiguration, MoreBytesThanMembersAreCorruption) {
  EXPECT_FALSE(decode_configuration(encoded(sample()) + "x").has_value());
}

TEST(RaftConfiguration, TooManyMembersAreCorruption) {
  Bytes bytes = encoded(sample());
  bytes[0] = 32;
  EXPECT_FALSE(decode_configuration(bytes).has_value());
}

TEST(RaftConfiguration, MembersOutOfOrderAreCorruption) {
  Configuration configuration = sample();
  std::swap(configuration.members[0], configuration.members[1]);
  EXPECT_FALSE(decode_configuration(encoded(configuration)).has_value());
}

TEST(RaftConfiguration, AMemberTwiceIsCorruption) {
  Configuration configuration = sample();
  configuration.members[1].id = configuration.members[0].id;
  EXPECT_FALSE(decode_configuration(encoded(configuration)).has_value());
}

TEST(RaftConfiguration, AnUnknownRoleIsCorruption) {
  Bytes bytes = encoded(sample());
  bytes[1 + 8] = 7;
  EXPECT_FALSE(decode_configuration(bytes).has_value());
}

}  // namespace
}  // namespace kvcluster::raft
