// Whole nodes: born together, electing, replicating, stopping and coming back.
#include "server/node_cluster.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace kvcluster::server {
namespace {

using ::testing::HasSubstr;
using testing::RespClient;

class NodeCluster : public testing::NodeClusterTest {};

TEST_F(NodeCluster, SingleNodeFormsItsClusterAtOnce) {
  start(1, 1);
  ASSERT_EQ(leader(), 1U);
  RespClient client(port(1));
  EXPECT_EQ(client.text({"SET", "key", "value"}), "OK");
  EXPECT_EQ(client.text({"GET", "key"}), "value");
}

TEST_F(NodeCluster, FirstStartWaitsForAllInitialMembers) {
  start(1);
  start(2);
  EXPECT_TRUE(eventually([&] {
    return nodes.at(1)->why().value().find("cannot be reached") != std::string::npos &&
           nodes.at(1)->why().value().find("node(s) 3") != std::string::npos;
  })) << nodes.at(1)->why().value();
  EXPECT_EQ(status(1).phase, Phase::kBootstrapping);
  start(3);
  EXPECT_NE(leader(), 0U);
}

TEST_F(NodeCluster, ForcedClusterIsJoinedByTheMemberThatWasAway) {
  configure = [](NodeOptions& options) { options.bootstrap = options.id == NodeId(2); };
  start(1);
  start(2);
  ASSERT_NE(leader(), 0U);
  write(leader(), "key", 10);
  start(3);
  EXPECT_TRUE(eventually([&] { return converged(10); }));
  stop(3);
  start(3);
  EXPECT_TRUE(eventually([&] { return converged(10); })) << "it is bound to its directory";
}

TEST_F(NodeCluster, ThreeNodesElectAndReplicate) {
  start_all();
  ASSERT_NE(leader(), 0U);
  write(leader(), "key", 50);
  EXPECT_TRUE(eventually([&] { return converged(50); }));
  const NodeStatus one = status(1);
  EXPECT_EQ(one.phase, Phase::kServing);
  ASSERT_EQ(one.members.size(), 3U);
  for (const MemberStatus& member : one.members) {
    EXPECT_TRUE(member.connected);
    EXPECT_EQ(member.client_address, "127.0.0.1:" + std::to_string(port(member.id.value())));
  }
}

TEST_F(NodeCluster, FollowerPassesCommandsOnToTheLeader) {
  start_all();
  const std::uint64_t other = follower();
  RespClient client(port(other));
  EXPECT_EQ(client.text({"SET", "key", "value"}), "OK");
  EXPECT_EQ(client.text({"GET", "key"}), "value");
}

TEST_F(NodeCluster, ElectionCanBeReadInTheLog) {
  start_all();
  const std::uint64_t leading = leader();
  const std::string log = log_of(leading);
  EXPECT_THAT(log, HasSubstr("election timeout after"));
  EXPECT_THAT(log, HasSubstr("pre-candidate for term 2"));
  EXPECT_THAT(log, HasSubstr("candidate in term 2"));
  EXPECT_THAT(log, HasSubstr("2 of 2 needed"));
  EXPECT_THAT(log, HasSubstr("became LEADER for term 2"));
}

TEST_F(NodeCluster, KilledLeaderIsReplacedAndLosesNothing) {
  start_all();
  const std::uint64_t first = leader();
  write(first, "before", 20);
  kill(first);
  const std::uint64_t second = leader();
  ASSERT_NE(second, first);
  write(second, "after", 20);
  start(first);
  EXPECT_TRUE(eventually([&] { return converged(40); }));
}

TEST_F(NodeCluster, GracefulStopHandsTheLeadershipOver) {
  start_all();
  const std::uint64_t first = leader();
  const Term term = status(first).core.term;
  stop(first);
  const std::uint64_t second = leader();
  ASSERT_NE(second, 0U);
  EXPECT_EQ(status(second).core.term, term.next());
  EXPECT_THAT(log_of(first), HasSubstr("handing the leadership over to node"));
  for (const auto& [id, node] : nodes) {
    EXPECT_EQ(log_of(id).find("election timeout", log_of(id).find("became LEADER")),
              std::string::npos);
  }
}

TEST_F(NodeCluster, RestartOfAllKeepsEverything) {
  start_all();
  write(leader(), "key", 30);
  for (const std::uint64_t id : {1U, 2U, 3U}) kill(id);
  start_all();
  ASSERT_NE(leader(), 0U);
  EXPECT_TRUE(eventually([&] { return converged(30); }));
  RespClient client(port(leader()));
  EXPECT_EQ(client.text({"GET", "key7"}), "value");
}

TEST_F(NodeCluster, ReturningNodeCatchesUpByItsLog) {
  start_all();
  const std::uint64_t away = follower();
  stop(away);
  write(leader(), "key", 100);
  start(away);
  EXPECT_TRUE(eventually([&] { return converged(100); }));
  EXPECT_EQ(status(away).storage.snapshots_installed, 0U);
}

TEST_F(NodeCluster, ReturningNodeCatchesUpByASnapshotWhenTheLogIsGone) {
  configure = [](NodeOptions& options) {
    options.memtable_bytes = 64U << 10U;
    options.wal_checkpoint_bytes = 64U << 10U;
    options.retained_log_bytes = 16U << 10U;
    options.snapshot_chunk_bytes = 8U << 10U;
  };
  start_all();
  const std::uint64_t away = follower();
  stop(away);
  write(leader(), "key", 400, std::string(1000, 'v'));
  ASSERT_TRUE(eventually([&] { return status(leader()).core.first_index > Index(100); }));
  start(away);
  EXPECT_TRUE(eventually([&] { return converged(400); }));
  EXPECT_GE(status(away).storage.snapshots_installed, 1U);
  kill(away);
  start(away);
  EXPECT_TRUE(eventually([&] { return converged(400); })) << "what was installed is durable";
}

TEST_F(NodeCluster, CheckpointsShortenWhatARestartReplays) {
  configure = [](NodeOptions& options) { options.memtable_bytes = 32U << 10U; };
  start(1, 1);
  ASSERT_EQ(leader(), 1U);
  write(1, "key", 300, std::string(500, 'v'));
  ASSERT_TRUE(eventually([&] { return status(1).storage.checkpoints >= 2; }));
  const kv::Digests before = status(1).digests;
  kill(1);
  start(1, 1);
  ASSERT_EQ(leader(), 1U);
  EXPECT_EQ(status(1).digests.keys, before.keys);
  EXPECT_GT(status(1).storage.checkpoint_index, Index(100));
}

TEST_F(NodeCluster, OneDirectoryIsOpenedByOneNode) {
  start(1, 1);
  NodeOptions second = options(1, 1);
  second.port = 0;
  const auto refused = Node::start(second);
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, ErrorCode::kBusy);
}

TEST_F(NodeCluster, DirectoryOfAnotherNodeIsRefused) {
  start(1, 1);
  stop(1);
  NodeOptions other = options(1, 1);
  other.id = NodeId(2);
  const auto refused = Node::start(other);
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, ErrorCode::kWrongIdentity);
}

TEST_F(NodeCluster, PortInUseIsRefused) {
  start(1, 1);
  NodeOptions second = options(2, 1);
  second.peers.clear();
  second.port = port(1);
  const auto refused = Node::start(second);
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, ErrorCode::kBusy);
  EXPECT_THAT(refused.error().context, HasSubstr(std::to_string(port(1))));
}

TEST_F(NodeCluster, EmptiedDiskIsRefusedWithASentence) {
  start_all();
  const std::uint64_t away = follower();
  write(leader(), "key", 5);
  stop(away);
  std::filesystem::remove_all(directory(away));
  start(away);
  EXPECT_TRUE(eventually([&] {
    return nodes.at(away)->why().value().find("emptied or foreign data directory") !=
           std::string::npos;
  })) << nodes.at(away)->why().value();
  EXPECT_EQ(status(away).phase, Phase::kBootstrapping);
  write(leader(), "more", 5);
}

TEST_F(NodeCluster, NodeThatListensEverywhereTellsWhereItIsReached) {
  configure = [](NodeOptions& options) {
    options.host = "0.0.0.0";
    options.password = "needed there";
    options.advertise = "localhost";
  };
  start_all();
  ASSERT_NE(leader(), 0U);
  for (const MemberStatus& member : status(1).members) {
    EXPECT_EQ(member.client_address, "localhost:" + std::to_string(port(member.id.value())));
  }
  NodeOptions silent = options(4, 1);
  silent.advertise.clear();
  const auto refused = Node::start(silent);
  ASSERT_FALSE(refused.has_value());
  EXPECT_THAT(refused.error().context, HasSubstr("listens everywhere"));
  silent.advertise = std::string(256, 'h');
  EXPECT_THAT(Node::start(silent).error().context, HasSubstr("at most 255 bytes"));
}

TEST_F(NodeCluster, StoppedNodeAnswersNothingAnyMore) {
  start(1, 1);
  Node& node = *nodes.at(1);
  node.stop();
  EXPECT_FALSE(node.running());
  EXPECT_FALSE(node.failed().has_value());
  EXPECT_EQ(node.status().error().code, ErrorCode::kClosed);
  node.stop();
}

}  // namespace
}  // namespace kvcluster::server
