// A node whose state differs from the majority's notices, stops serving, and is made whole.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "server/node_cluster.hpp"
#include "storage/store.hpp"

namespace kvcluster::server {
namespace {

class NodeRepair : public testing::NodeClusterTest {
 protected:
  NodeRepair() {
    // Everything is in a checkpoint soon, so that the damage survives the restart.
    configure = [](NodeOptions& options) {
      options.memtable_bytes = 4U << 10U;
      options.retained_log_bytes = 4U << 10U;
    };
  }

  // What a flipped bit in a page of the checkpoint does: LMDB has no checksums.
  void damage_value(std::uint64_t id, const std::string& key) {
    storage::StoreOptions options;
    options.path = directory(id);
    options.node = NodeId(id);
    options.wal.segment_bytes = 4U << 20U;
    auto opened = storage::Store::open(options);
    ASSERT_TRUE(opened.has_value()) << opened.error().message();
    storage::Store& store = *opened->store;
    const auto record = store.table().get(kv::Space::kData, key);
    ASSERT_TRUE(record.has_value()) << "the key must be in the checkpoint";
    Bytes damaged(*record);
    damaged.back() = static_cast<char>(damaged.back() ^ 1);
    store.table().put(kv::Space::kData, key, damaged);
    storage::CheckpointMeta meta;
    meta.applied = {opened->restored.log_base.term, opened->restored.applied};
    for (const raft::Entry& entry : opened->restored.entries) {
      if (entry.index == meta.applied.index) meta.applied.term = entry.term;
    }
    meta.configuration = opened->restored.configuration;
    meta.state_machine = opened->state_machine_meta;
    const auto job = store.begin_checkpoint(std::move(meta));
    const Status written = store.write_checkpoint(job);
    ASSERT_TRUE(written.has_value()) << written.error().message();
    ASSERT_TRUE(store.end_checkpoint(written).value());
  }
};

TEST_F(NodeRepair, FlippedBitIsNoticedAndRepairedFromThePeers) {
  start_all();
  write(leader(), "key", 100);
  const std::uint64_t victim = follower();
  ASSERT_TRUE(eventually([&] { return status(victim).storage.checkpoint_index > Index(60); }));
  stop(victim);
  damage_value(victim, "key7");
  start(victim);
  ASSERT_TRUE(eventually([&] { return converged(100); })) << "nothing has read the damage yet";

  testing::RespClient client(port(leader()));
  ASSERT_EQ(client.text({"SET", "key7", "new"}), "OK");
  EXPECT_TRUE(eventually([&] {
    return log_of(victim).find("state differs from the majority's") != std::string::npos;
  }));
  EXPECT_TRUE(eventually([&] {
    return log_of(victim).find("the state is the majority's again") != std::string::npos;
  }));
  EXPECT_TRUE(eventually([&] { return converged(100); }));
  EXPECT_EQ(status(victim).phase, Phase::kServing);

  kill(victim);
  start(victim);
  EXPECT_TRUE(eventually([&] { return converged(100); })) << "the repair is durable";
}

}  // namespace
}  // namespace kvcluster::server
