// The properties of the Raft dissertation's figure 3.2, over all nodes of a cluster.
#include <gtest/gtest.h>

#include "raft/cluster.hpp"

namespace kvcluster::raft::testing {

// Log Matching: an entry's id names the entry and the one before it, for all time (3.5).
void Cluster::check_appended(unsigned node, const PersistBatch& batch) {
  for (const Entry& entry : batch.entries) {
    std::optional<EntryId> previous;  // empty: compacted here
    if (const auto before = core(node).entry(entry.index.prev())) previous = before->id();
    Born& known = born_.emplace(entry.id(), Born{entry, previous}).first->second;
    EXPECT_EQ(known.entry, entry) << "two entries with one id";
    if (previous && known.previous) {
      EXPECT_EQ(*known.previous, *previous) << "logs that agree here differ before";
    }
    if (previous) known.previous = previous;
  }
}

// State Machine Safety, and what commitment means: a quorum's disks hold the entry.
void Cluster::check_committed(const Entry& entry) {
  const auto [known, fresh] = committed_.emplace(entry.index, entry.id());
  EXPECT_EQ(known->second, entry.id()) << "two entries applied at one index";
  born_.emplace(entry.id(), Born{entry, std::nullopt});
  if (!fresh) return;
  std::size_t durable = 0;
  for (unsigned n = 1; n <= options_.voters; ++n) {
    if (at(n).disk.holds(entry.id())) ++durable;
  }
  EXPECT_GE(durable, configuration_.quorum()) << "committed without a quorum of disks";
}

// Election Safety and Leader Completeness.
void Cluster::check_leader(unsigned node) {
  if (core(node).role() != Role::kLeader) return;
  const auto [known, fresh] = leaders_.emplace(core(node).term(), node_id(node));
  EXPECT_EQ(known->second, node_id(node)) << "two leaders in a term";
  if (!fresh) return;
  for (const auto& [index, id] : committed_) {
    const auto held = core(node).entry(index);
    if (!held) {
      EXPECT_LT(index, core(node).status().first_index) << "a committed entry is missing";
      continue;
    }
    EXPECT_EQ(held->id(), id) << "a leader without a committed entry";
  }
}

// Linearizability of reads: a confirmed one sees all that any node knew to be committed when it was
// asked for (6.4).
void Cluster::check_read(unsigned node, const ReadOutcome& outcome) {
  EXPECT_FALSE(reads.contains(outcome.id)) << "a read is answered once";
  if (!outcome.confirmed) return;
  const std::vector<Entry>& seen = at(node).applied;
  const Index last = seen.empty() ? Index(0) : seen.back().index;
  EXPECT_GE(last, asked_at_.at(outcome.id)) << "node " << node << " would answer a stale read";
}

}  // namespace kvcluster::raft::testing
