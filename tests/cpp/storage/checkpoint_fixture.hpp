// A directory with a checkpoint store in it, and short words for its contents.
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <string>

#include "kv/meta.hpp"
#include "storage/checkpoint.hpp"
#include "storage/layered_table.hpp"
#include "storage/posix_disk.hpp"
#include "storage/temporary_directory.hpp"

namespace kvcluster::storage::testing {

inline CheckpointMeta meta_at(std::uint64_t index, std::uint64_t term = 1) {
  CheckpointMeta meta;
  meta.applied = {Term(term), Index(index)};
  meta.configuration.members = {{NodeId(1), raft::MemberRole::kVoter, {7}, "127.0.0.1:9001"}};
  kv::Meta state;
  state.index = Index(index);
  state.genesis = "genesis";
  kv::encode(state, {}, kv::StateHash(HashKey{}), meta.state_machine);
  return meta;
}

using Contents = std::map<Bytes, Bytes>;

inline Contents contents_of(const kv::Table& table, kv::Space space = kv::Space::kData) {
  Contents contents;
  table.scan(space, {}, [&](BytesView key, BytesView value) {
    contents.emplace(key, value);
    return true;
  });
  return contents;
}

class CheckpointTest : public ::testing::Test {
 protected:
  CheckpointTest() { options.map_bytes = 64U << 20U; }

  void SetUp() override {
    disk = std::move(*open_posix_disk(directory.path()));
    const auto created = CheckpointStore::create(*disk, directory.path(), options);
    ASSERT_TRUE(created.has_value()) << created.error().message();
    open();
  }
  void open() {
    table.reset();
    store.reset();
    auto opened = CheckpointStore::open(*disk, directory.path(), options);
    ASSERT_TRUE(opened.has_value()) << opened.error().message();
    store = std::move(*opened);
    table = std::move(*LayeredTable::open(store->environment()));
  }
  void checkpoint(const CheckpointMeta& meta) {
    const CheckpointJob job{table->freeze(), meta, table->environment_number()};
    const auto written = store->write(job);
    ASSERT_TRUE(written.has_value()) << written.error().message();
    ASSERT_TRUE(table->checkpoint_done().has_value());
  }
  void put(const Bytes& key, const Bytes& value) { table->put(kv::Space::kData, key, value); }
  void erase(const Bytes& key) { table->erase(kv::Space::kData, key); }
  [[nodiscard]] Bytes get(const Bytes& key) const {
    const auto value = table->get(kv::Space::kData, key);
    return value ? Bytes(*value) : "(none)";
  }

  TemporaryDirectory directory;
  EnvironmentOptions options;
  std::unique_ptr<Disk> disk;
  std::unique_ptr<CheckpointStore> store;
  std::unique_ptr<LayeredTable> table;
};

}  // namespace kvcluster::storage::testing
