// A long log is handed out to apply in pages, so that a restart does not hold up the owner's loop.
#include <gtest/gtest.h>

#include <vector>

#include "raft/core.hpp"

namespace kvcluster::raft {
namespace {

constexpr Instant kStart{std::chrono::seconds(1)};

Core restarted_alone(std::uint64_t entries, std::size_t page) {
  Config config;
  config.self = NodeId(1);
  config.max_committed_per_step = page;
  Restored restored;
  restored.configuration.members = {{NodeId(1), MemberRole::kVoter, {}, "one"}};
  restored.hard_state = {Term(1), NodeId(1), Index(entries)};
  for (std::uint64_t i = 1; i <= entries; ++i) {
    restored.entries.push_back({Term(1), Index(i), EntryKind::kCommand, Slice::copy_of("x")});
  }
  return Core(config, std::move(restored), 1, kStart);
}

TEST(PagedApply, EveryEntryComesOnceAndInOrder) {
  Core core = restarted_alone(10, 4);
  std::vector<std::uint64_t> seen;
  for (int step = 0; step < 3; ++step) {
    for (const Entry& entry : core.step(kStart, Tick{}).committed) {
      seen.push_back(entry.index.value());
    }
  }
  EXPECT_EQ(seen, (std::vector<std::uint64_t>{1, 2, 3, 4, 5, 6, 7, 8, 9, 10}));
}

TEST(PagedApply, IsDueAtOnceWhileThereIsMoreAndNotAfter) {
  Core core = restarted_alone(10, 4);
  EXPECT_EQ(core.step(kStart, Tick{}).next_deadline, kStart);
  EXPECT_EQ(core.step(kStart, Tick{}).next_deadline, kStart);
  EXPECT_GT(core.step(kStart, Tick{}).next_deadline, kStart);
}

}  // namespace
}  // namespace kvcluster::raft
