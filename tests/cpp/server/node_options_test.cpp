// The settings that no node starts with, whoever starts it: the command line, Python, a test.
#include "server/node_options.hpp"

#include <gtest/gtest.h>

#include <string>

#include "raft/configuration.hpp"

namespace kvcluster::server {
namespace {

NodeOptions usable() {
  NodeOptions options;
  options.id = NodeId(1);
  options.data_dir = "data";
  return options;
}

std::string refusal(const NodeOptions& options) {
  const Status checked = check(options);
  if (checked) return "accepted";
  EXPECT_EQ(checked.error().code, ErrorCode::kInvalidArgument);
  return checked.error().context;
}

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

TEST(NodeOptionsCheck, TheDefaultsOfANodeAloneAreFine) { EXPECT_EQ(refusal(usable()), "accepted"); }

TEST(NodeOptionsCheck, AHostThatOthersReachNeedsAPassword) {
  for (const std::string host : {"10.0.0.1", "kv1.local", "0.0.0.0", "::"}) {
    NodeOptions options = usable();
    options.host = host;
    options.advertise = "kv1.local";
    EXPECT_TRUE(contains(refusal(options), "give a password")) << host;
    options.password = "secret";
    EXPECT_EQ(refusal(options), "accepted") << host;
  }
}

TEST(NodeOptionsCheck, AHostOfThisMachineAloneNeedsNone) {
  for (const std::string host : {"127.0.0.1", "127.1.2.3", "::1", "localhost"}) {
    NodeOptions options = usable();
    options.host = host;
    EXPECT_EQ(refusal(options), "accepted") << host;
  }
}

TEST(NodeOptionsCheck, AWildcardIsNoAddressToBeReachedAt) {
  NodeOptions options = usable();
  options.host = "0.0.0.0";
  options.password = "secret";
  EXPECT_TRUE(contains(refusal(options), "advertise"));
  options.advertise = "::";
  EXPECT_TRUE(contains(refusal(options), "nobody can dial"));
}

TEST(NodeOptionsCheck, AHostNameHasABound) {
  NodeOptions options = usable();
  options.advertise = std::string(256, 'h');
  EXPECT_TRUE(contains(refusal(options), "255"));
}

TEST(NodeOptionsCheck, ANodeHasAnIdAndADirectory) {
  NodeOptions nobody = usable();
  nobody.id = kNoNode;
  EXPECT_TRUE(contains(refusal(nobody), "node id"));
  NodeOptions nowhere = usable();
  nowhere.data_dir.clear();
  EXPECT_TRUE(contains(refusal(nowhere), "data directory"));
}

TEST(NodeOptionsCheck, PeersAreOthersAndEachIsThereOnce) {
  NodeOptions options = usable();
  options.peers = {{NodeId(1), "127.0.0.1", 9001}};
  EXPECT_TRUE(contains(refusal(options), "its own peers"));
  options.peers = {{NodeId(2), "127.0.0.1", 0}};
  EXPECT_TRUE(contains(refusal(options), "port"));
  options.peers = {{NodeId(2), "127.0.0.1", 9002}, {NodeId(2), "127.0.0.1", 9003}};
  EXPECT_TRUE(contains(refusal(options), "twice"));
}

TEST(NodeOptionsCheck, AClusterHasABound) {
  NodeOptions options = usable();
  for (std::uint64_t id = 2; id <= raft::kMaxMembers + 1; ++id) {
    options.peers.push_back({NodeId(id), "127.0.0.1", 9000});
  }
  EXPECT_TRUE(contains(refusal(options), "at most"));
  options.peers.pop_back();
  EXPECT_EQ(refusal(options), "accepted");
}

TEST(NodeOptionsCheck, ALeaderIsHeardBeforeAnyoneCampaigns) {
  NodeOptions options = usable();
  options.heartbeat_interval = options.election_timeout_min;
  EXPECT_TRUE(contains(refusal(options), "heartbeat"));
  options.heartbeat_interval = Duration::zero();
  EXPECT_TRUE(contains(refusal(options), "heartbeat"));
}

}  // namespace
}  // namespace kvcluster::server
