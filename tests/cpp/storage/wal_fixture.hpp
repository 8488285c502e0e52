// Short words for tests of the log: small segments on a MemoryDisk.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "storage/memory_disk.hpp"
#include "storage/wal.hpp"

namespace kvcluster::storage::testing {

inline raft::Entry entry(std::uint64_t term, std::uint64_t index, BytesView payload = "payload") {
  return {Term(term), Index(index), raft::EntryKind::kCommand, Slice::copy_of(payload)};
}

inline raft::HardState vote(std::uint64_t term, std::uint64_t node, std::uint64_t commit = 0) {
  return {Term(term), NodeId(node), Index(commit)};
}

inline raft::PersistBatch batch(std::vector<raft::Entry> entries) {
  raft::PersistBatch made;
  made.entries = std::move(entries);
  return made;
}

inline raft::PersistBatch vote_batch(const raft::HardState& state) {
  raft::PersistBatch made;
  made.hard_state = state;
  return made;
}

inline raft::PersistBatch replace_batch(std::uint64_t from, std::vector<raft::Entry> entries) {
  raft::PersistBatch made = batch(std::move(entries));
  made.truncate_from = Index(from);
  return made;
}

class WalTest : public ::testing::Test {
 protected:
  WalTest() {
    options.segment_bytes = 8192;
    options.grow_bytes = 1024;
    options.reserve_bytes = 512;
    options.spare_segments = 2;
  }

  void create() { ASSERT_TRUE(Wal::create(disk, options, identity).has_value()); }

  // Opens what is on the disk; the log is in `wal`, what it held in `found`.
  void open() {
    wal.reset();
    auto opened = Wal::open(disk, options, identity);
    ASSERT_TRUE(opened.has_value()) << opened.error().message();
    found = std::move(*opened);
    wal = std::move(found.wal);
  }

  void create_and_open() {
    create();
    open();
  }

  void write(const raft::PersistBatch& made) {
    const auto appended = wal->append(made);
    ASSERT_TRUE(appended.has_value()) << appended.error().message();
    const auto synced = wal->sync();
    ASSERT_TRUE(synced.has_value()) << synced.error().message();
  }

  [[nodiscard]] static std::string segment(std::uint64_t sequence) {
    std::string number = std::to_string(sequence);
    return "wal/segment-" + std::string(10 - number.size(), '0') + number;
  }

  [[nodiscard]] std::vector<std::uint64_t> found_indices() const {
    std::vector<std::uint64_t> indices;
    indices.reserve(found.entries.size());
    for (const raft::Entry& one : found.entries) indices.push_back(one.index.value());
    return indices;
  }

  MemoryDisk disk;
  WalOptions options;
  WalIdentity identity{NodeId(1), {1, 2, 3}};
  std::unique_ptr<Wal> wal;
  WalRecovered found;
};

}  // namespace kvcluster::storage::testing
