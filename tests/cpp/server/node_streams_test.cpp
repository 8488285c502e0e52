// Streams on whole nodes: waits on any node, over the loss of one, and their way into checkpoints
// and snapshots.
#include "server/node_cluster.hpp"

namespace kvcluster::server {
namespace {

using testing::RespClient;

class NodeStreams : public testing::NodeClusterTest {
 protected:
  // The text of the one message in the answer to an XREAD of one stream; empty: it is none.
  static std::string message_in(const std::optional<kv::Reply>& reply) {
    const auto* streams = reply ? std::get_if<kv::Array>(&reply->value) : nullptr;
    if (streams == nullptr || streams->items.size() != 1) return {};
    // [[stream [[id [field text]]]]]
    const kv::Reply* at = &streams->items[0];
    for (const std::size_t step : {1U, 0U, 1U, 1U}) {
      const auto* array = std::get_if<kv::Array>(&at->value);
      if (array == nullptr || array->items.size() <= step) return {};
      at = &array->items[step];
    }
    const auto* text = std::get_if<kv::BulkString>(&at->value);
    return text == nullptr ? std::string() : text->bytes;
  }

  // One client of this node waits in XREAD BLOCK.
  bool somebody_waits(std::uint64_t id) {
    return eventually([&] {
      RespClient asking(port(id));
      return asking.text({"INFO", "clients"}).find("blocked_clients:1\r\n") != std::string::npos;
    });
  }

  void expect_wait_ends(RespClient& waiting, std::uint64_t writer_node, const std::string& text) {
    RespClient writer(port(writer_node));
    EXPECT_NE(writer.text({"XADD", "room", "*", "text", text}), "(closed)");
    EXPECT_EQ(message_in(waiting.receive()), text);
  }
};

TEST_F(NodeStreams, AFollowerAnswersWhoWaitsOnIt) {
  start_all();
  const std::uint64_t leading = leader();
  const std::uint64_t other = follower();
  RespClient waiting(port(other));
  for (int i = 1; i <= 20; ++i) {
    const std::string after = std::to_string(i - 1);
    ASSERT_TRUE(waiting.send({"XREAD", "BLOCK", "0", "STREAMS", "room", after}));
    expect_wait_ends(waiting, leading, "m" + std::to_string(i));
  }
}

TEST_F(NodeStreams, AWaitOutlivesTheLeader) {
  start_all();
  const std::uint64_t leading = leader();
  RespClient waiting(port(follower()));
  RespClient local(port(follower()));
  EXPECT_EQ(local.text({"READONLY"}), "OK");
  EXPECT_EQ(waiting.text({"XADD", "room", "*", "text", "first"}), "1-0");
  ASSERT_TRUE(waiting.send({"XREAD", "BLOCK", "0", "STREAMS", "room", "1"}));
  ASSERT_TRUE(local.send({"XREAD", "BLOCK", "0", "STREAMS", "room", "1"}));
  kill(leading);
  RespClient writer(port(leader()));
  EXPECT_EQ(writer.text({"XADD", "room", "*", "text", "second"}), "2-0");
  EXPECT_EQ(message_in(waiting.receive()), "second");
  EXPECT_EQ(message_in(local.receive()), "second");
}

TEST_F(NodeStreams, AWaitEndsWhenTheQuorumIsGone) {
  start_all();
  const std::uint64_t other = follower();
  RespClient waiting(port(other));
  ASSERT_TRUE(waiting.send({"XREAD", "BLOCK", "0", "STREAMS", "room", "$"}));
  EXPECT_TRUE(somebody_waits(other));
  for (std::uint64_t id = 1; id <= 3; ++id) {
    if (id != other) kill(id);
  }
  EXPECT_TRUE(RespClient::show(waiting.receive()).starts_with("-CLUSTERDOWN"));
}

TEST_F(NodeStreams, ANodeThatStopsEndsItsWaits) {
  start(1, 1);
  ASSERT_EQ(leader(), 1U);
  RespClient waiting(port(1));
  EXPECT_EQ(waiting.text({"XLEN", "room"}), "0");
  ASSERT_TRUE(waiting.send({"XREAD", "BLOCK", "0", "STREAMS", "room", "$"}));
  EXPECT_TRUE(somebody_waits(1));
  stop(1);
  EXPECT_EQ(RespClient::show(waiting.receive()), "(nil)");
  EXPECT_EQ(RespClient::show(waiting.receive()), "(closed)");
}

TEST_F(NodeStreams, NumbersGoOnAfterARestartFromACheckpoint) {
  configure = [](NodeOptions& options) { options.memtable_bytes = 64U << 10U; };
  start(1, 1);
  ASSERT_EQ(leader(), 1U);
  {
    RespClient client(port(1));
    const std::string text(1000, 'x');
    for (int i = 1; i <= 300; ++i) {
      ASSERT_EQ(client.text({"XADD", "room", "*", "text", text}), std::to_string(i) + "-0");
    }
    EXPECT_TRUE(eventually([&] { return status(1).storage.checkpoints > 0; }));
  }
  const kv::Digests before = status(1).digests;
  stop(1);
  start(1, 1);
  ASSERT_EQ(leader(), 1U);
  RespClient client(port(1));
  EXPECT_EQ(client.text({"XLEN", "room"}), "300");
  EXPECT_EQ(client.text({"XADD", "room", "*", "text", "after"}), "301-0");
  EXPECT_EQ(status(1).digests.keys, before.keys);
}

TEST_F(NodeStreams, ASnapshotBringsStreamsToWhoWasAway) {
  configure = [](NodeOptions& options) {
    options.memtable_bytes = 64U << 10U;
    options.retained_log_bytes = 64U << 10U;
    options.wal_segment_bytes = 1U << 20U;
  };
  start_all();
  const std::uint64_t away = follower();
  kill(away);
  {
    RespClient client(port(leader()));
    const std::string text(2000, 'x');
    for (int i = 1; i <= 1500; ++i) {
      ASSERT_EQ(client.text({"XADD", "room", "MAXLEN", "1000", "*", "text", text}),
                std::to_string(i) + "-0");
    }
  }
  start(away);
  EXPECT_TRUE(eventually([&] { return converged(1); }));
  EXPECT_GT(status(away).storage.snapshots_installed, 0U);
  RespClient reader(port(away));
  EXPECT_EQ(reader.text({"READONLY"}), "OK");
  EXPECT_EQ(reader.text({"XLEN", "room"}), "1000");
}

}  // namespace
}  // namespace kvcluster::server
