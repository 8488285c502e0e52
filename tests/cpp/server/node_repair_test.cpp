// A node whose state differs from the majority's notices, stops serving, and is made whole.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "kv/meta.hpp"
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

  enum class Digest : std::uint8_t { kAsItWas, kOfTheDamage };

  // Another value in the checkpoint, as if it had been computed so: its checksum is right.
  void change_value(std::uint64_t id, const std::string& key, Digest digest) {
    storage::StoreOptions options;
    options.path = directory(id);
    options.node = NodeId(id);
    options.wal.segment_bytes = 4U << 20U;
    auto opened = storage::Store::open(options);
    ASSERT_TRUE(opened.has_value()) << opened.error().message();
    storage::Store& store = *opened->store;
    const auto record = store.table().get(kv::Space::kData, key);
    ASSERT_TRUE(record.has_value()) << "the key must be in the checkpoint";
    const Bytes before(*record);
    Bytes changed = before;
    changed.back() = static_cast<char>(changed.back() ^ 1);
    store.table().put(kv::Space::kData, key, changed);
    storage::CheckpointMeta meta;
    meta.applied = {opened->restored.log_base.term, opened->restored.applied};
    for (const raft::Entry& entry : opened->restored.entries) {
      if (entry.index == meta.applied.index) meta.applied.term = entry.term;
    }
    meta.configuration = opened->restored.configuration;
    meta.state_machine = opened->state_machine_meta;
    if (digest == Digest::kOfTheDamage) {
      auto state = kv::decode_meta(meta.state_machine);
      ASSERT_TRUE(state.has_value());
      state->hash.remove(kv::Space::kData, key, before);
      state->hash.add(kv::Space::kData, key, changed);
      meta.state_machine.clear();
      kv::encode(state->meta, state->counts, state->hash, meta.state_machine);
    }
    const auto job = store.begin_checkpoint(std::move(meta));
    const Status written = store.write_checkpoint(job);
    ASSERT_TRUE(written.has_value()) << written.error().message();
    ASSERT_TRUE(store.end_checkpoint(written).value());
  }
};

TEST_F(NodeRepair, AStateThatDoesNotGiveItsDigestIsNoticedAtTheStart) {
  start_all();
  write(leader(), "key", 100);
  const std::uint64_t victim = follower();
  ASSERT_TRUE(eventually([&] { return status(victim).storage.checkpoint_index > Index(60); }));
  stop(victim);
  change_value(victim, "key7", Digest::kAsItWas);
  start(victim);
  EXPECT_NE(log_of(victim).find("do not give its digest"), std::string::npos);
  EXPECT_TRUE(eventually([&] { return status(victim).phase == Phase::kServing; }));
  EXPECT_TRUE(eventually([&] { return converged(100); }));
}

TEST_F(NodeRepair, AStateThatDivergedIsNoticedAndRepairedFromThePeers) {
  start_all();
  write(leader(), "key", 100);
  const std::uint64_t victim = follower();
  ASSERT_TRUE(eventually([&] { return status(victim).storage.checkpoint_index > Index(60); }));
  stop(victim);
  change_value(victim, "key7", Digest::kOfTheDamage);
  start(victim);
  ASSERT_EQ(log_of(victim).find("damaged: "), std::string::npos);
  testing::RespClient client(port(leader()));
  ASSERT_EQ(client.text({"SET", "key8", "new"}), "OK");
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
