// The disks of a test's cluster: writes in flight, checkpoints, snapshots.
#include <gtest/gtest.h>

#include <algorithm>

#include "raft/cluster.hpp"

namespace kvcluster::raft::testing {
namespace {

constexpr std::size_t kChunkBytes = 8;

std::string snapshot_bytes(const TestSnapshot& snapshot) {
  std::string bytes;
  for (const Entry& entry : snapshot.applied) {
    bytes += std::to_string(entry.index.value()) + "=" + std::string(entry.payload.view()) + ";";
  }
  return bytes;
}

}  // namespace

void TestDisk::write(const PersistBatch& batch) {
  if (batch.log_reset) {
    base = *batch.log_reset;
    entries.clear();
  }
  if (batch.hard_state) hard_state = *batch.hard_state;
  if (batch.truncate_from) {
    std::erase_if(entries, [&](const Entry& entry) { return entry.index >= *batch.truncate_from; });
  }
  for (const Entry& entry : batch.entries) {
    const Index last = entries.empty() ? base.index : entries.back().index;
    ASSERT_EQ(entry.index, last.next()) << "the log on disk has a gap";
    entries.push_back(entry);
  }
}

bool TestDisk::holds(EntryId id) const {
  if (id.index <= checkpoint.last.index) return true;
  return std::ranges::any_of(entries, [&](const Entry& entry) { return entry.id() == id; });
}

bool Cluster::persist_one(unsigned node) {
  TestNode& self = at(node);
  if (self.in_flight.empty()) return false;
  const PersistBatch batch = self.in_flight.front();
  self.in_flight.pop_front();
  self.disk.write(batch);
  for (const Message& message : batch.messages) network_.push_back(message);
  if (self.core) static_cast<void>(step(node, Persisted{batch.sequence}));
  return true;
}

void Cluster::release_writes(unsigned node) {
  at(node).hold_writes = false;
  while (persist_one(node)) {
  }
}

bool Cluster::serve_snapshots(unsigned node) {
  TestNode& self = at(node);
  if (!self.core || self.hold_snapshots) return false;
  if (!self.snapshot_reads.empty()) {
    const SnapshotRead read = self.snapshot_reads.front();
    self.snapshot_reads.pop_front();
    const TestSnapshot& newest = self.disk.checkpoint;
    if (newest.last.index == Index(0) || (read.last && *read.last != newest.last)) {
      static_cast<void>(step(node, SnapshotUnavailable{read.to}));
      return true;
    }
    const std::string bytes = snapshot_bytes(newest);
    const std::size_t from = std::min<std::size_t>(read.offset, bytes.size());
    const std::string part = bytes.substr(from, kChunkBytes);
    const bool done = from + part.size() == bytes.size();
    static_cast<void>(step(node, SnapshotChunk{read.to, newest.last, newest.configuration,
                                               read.offset, Slice::copy_of(part), done}));
    return true;
  }
  if (!self.snapshot_stores.empty()) {
    const SnapshotStore store = self.snapshot_stores.front();
    self.snapshot_stores.pop_front();
    if (store.offset == 0) self.incoming.clear();
    EXPECT_EQ(store.offset, self.incoming.size()) << "a chunk out of order";
    self.incoming += store.data.view();
    if (store.done) {
      TestSnapshot installed{store.last, store.configuration, {}};
      for (const auto& [index, id] : committed_) {
        if (index <= store.last.index) installed.applied.push_back(born_.at(id).entry);
      }
      EXPECT_EQ(self.incoming, snapshot_bytes(installed)) << "not what was committed";
      self.applied = installed.applied;
      self.disk.checkpoint = std::move(installed);
    }
    static_cast<void>(
        step(node, SnapshotStored{store.last, self.incoming.size(), store.done, false}));
    return true;
  }
  return false;
}

void Cluster::checkpoint(unsigned node) {
  TestNode& self = at(node);
  ASSERT_FALSE(self.applied.empty());
  self.disk.checkpoint = {self.applied.back().id(), core(node).configuration(), self.applied};
  static_cast<void>(step(node, Compact{self.applied.back().index}));
}

}  // namespace kvcluster::raft::testing
