// A crash at any operation loses nothing that was acknowledged and brings nothing back that was not
// written.
#include <gmock/gmock.h>

#include "base/random.hpp"
#include "storage/wal_fixture.hpp"

namespace kvcluster::storage::testing {
namespace {

// The log as it should be: a state after every batch, the last one known to be durable.
struct Model {
  struct State {
    raft::HardState hard_state;
    raft::EntryId base;
    std::vector<raft::Entry> entries;

    [[nodiscard]] raft::EntryId last() const {
      return entries.empty() ? base : entries.back().id();
    }
    void apply(const raft::PersistBatch& made) {
      if (made.hard_state) hard_state = *made.hard_state;
      if (made.truncate_from) {
        std::erase_if(entries,
                      [&](const raft::Entry& one) { return one.index >= *made.truncate_from; });
      }
      entries.insert(entries.end(), made.entries.begin(), made.entries.end());
    }
  };

  State durable;
  std::vector<raft::PersistBatch> unsynced;  // may survive, record by record
  std::optional<State> maybe;                // a reset that was under way
  std::uint64_t compacted = 0;

  [[nodiscard]] State tip() const {
    State state = durable;
    for (const auto& made : unsynced) state.apply(made);
    return state;
  }

  // True when `found` is `state`, but for entries that compaction may have removed.
  [[nodiscard]] bool same(const WalRecovered& found, const State& state) const {
    if (found.hard_state != state.hard_state) return false;
    if (found.log_base.index.value() > std::max(compacted, state.base.index.value())) return false;
    std::vector<raft::Entry> expected;
    for (const raft::Entry& one : state.entries) {
      if (one.index > found.log_base.index) expected.push_back(one);
    }
    return found.entries == expected;
  }

  // True when `found` is the durable state plus a beginning of what was not yet synced.
  [[nodiscard]] bool allows(const WalRecovered& found) const {
    if (maybe && same(found, *maybe)) return true;
    State state = durable;
    if (same(found, state)) return true;
    for (const raft::PersistBatch& made : unsynced) {
      raft::PersistBatch part;
      if (made.hard_state) {
        part.hard_state = made.hard_state;
        state.apply(part);
        if (same(found, state)) return true;
      }
      part = {};
      if (made.truncate_from) {
        part.truncate_from = made.truncate_from;
        state.apply(part);
        if (same(found, state)) return true;
      }
      for (const raft::Entry& one : made.entries) {
        state.apply(batch({one}));
        if (same(found, state)) return true;
      }
    }
    return false;
  }
};

class WalCrash : public WalTest {
 protected:
  // A scripted life: votes, entries, conflicts, resets, compactions. False when the disk failed.
  bool live(std::uint64_t seed, int steps) {
    Random random(seed);
    std::uint64_t term = model.tip().hard_state.current_term.value();
    for (int step = 0; step < steps; ++step) {
      const Model::State tip = model.tip();
      const std::uint64_t last = tip.last().index.value();
      raft::PersistBatch made;
      const std::uint64_t choice = random.below(20);
      if (choice == 0) {
        const std::uint64_t floor = std::max(model.compacted, tip.base.index.value());
        if (model.unsynced.empty() && last > floor) {
          model.compacted = random.between(floor, last);
          if (!wal->compact(Index(model.compacted))) return false;
        }
        continue;
      }
      if (choice == 1 && model.unsynced.empty()) {
        Model::State after{vote(++term, 1, last + 10), {Term(term), Index(last + 10)}, {}};
        model.maybe = after;
        if (!wal->reset(after.base, after.hard_state)) return false;
        model.durable = after;
        model.maybe.reset();
        continue;
      }
      if (choice < 6) made.hard_state = vote(++term, 1 + random.below(3), 0);
      if (term == 0) made.hard_state = vote(++term, 1, 0);
      std::uint64_t next = last + 1;
      const std::uint64_t floor = std::max(model.compacted, tip.base.index.value());
      if (choice < 9 && last > floor) {
        next = random.between(floor + 1, last);
        made.truncate_from = Index(next);
        if (!made.hard_state) made.hard_state = vote(++term, 2, 0);
      }
      for (std::uint64_t i = random.below(4); i > 0; --i) {
        made.entries.push_back(entry(term, next++, Bytes(random.below(400), 'e')));
      }
      model.unsynced.push_back(made);
      if (!wal->append(made)) return false;
      if (random.chance(1, 2)) {
        if (!wal->sync()) return false;
        model.durable = model.tip();
        model.unsynced.clear();
      }
    }
    return true;
  }

  void expect_recovered(const std::string& when) {
    wal.reset();
    auto opened = Wal::open(disk, options, identity);
    ASSERT_TRUE(opened.has_value()) << when << ": " << opened.error().message();
    ASSERT_TRUE(model.allows(*opened)) << when;
    found = std::move(*opened);
    wal = std::move(found.wal);
    // What was found counts from now on: a second crash must not take it away.
    Model::State state{found.hard_state, found.log_base, found.entries};
    model = {state, {}, std::nullopt, model.compacted};
  }

  Model model;
};

TEST_F(WalCrash, AtEveryOperationOfALifeNothingAcknowledgedIsLost) {
  create_and_open();
  const std::uint64_t first = disk.operations();
  ASSERT_TRUE(live(1, 120));
  const std::uint64_t last = disk.operations();
  ASSERT_GT(last, first + 100);
  for (std::uint64_t at = first; at <= last; ++at) {
    const std::string when = "operation " + std::to_string(at);
    disk.wipe();
    model = {};
    create_and_open();
    disk.fail_from(at);
    live(1, 120);
    disk.crash(at);
    ASSERT_NO_FATAL_FAILURE(expect_recovered(when));
    // And again, after living on.
    live(at, 10);
    disk.crash(at + 1);
    ASSERT_NO_FATAL_FAILURE(expect_recovered(when + ", second crash"));
  }
}

TEST_F(WalCrash, ManyLivesWithManyCrashesLoseNothing) {
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    Random random(seed);
    disk.wipe();
    model = {};
    create_and_open();
    for (int crash = 0; crash < 8; ++crash) {
      const std::string when = "seed " + std::to_string(seed) + ", crash " + std::to_string(crash);
      disk.fail_from(disk.operations() + random.below(80));
      live(random.next(), 60);
      disk.crash(random.next());
      ASSERT_NO_FATAL_FAILURE(expect_recovered(when));
    }
  }
}

TEST_F(WalCrash, AKilledProcessLosesNothingThatItWrote) {
  create_and_open();
  ASSERT_TRUE(live(3, 50));
  ASSERT_TRUE(wal->sync().has_value());
  model.durable = model.tip();
  model.unsynced.clear();
  wal.reset();
  disk.crash_losing_nothing();
  expect_recovered("kill");
}

TEST_F(WalCrash, WhatAKilledProcessDidNotSyncIsDurableOnceItWasFound) {
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    SCOPED_TRACE(seed);
    disk.wipe();
    options.write_buffer_bytes = 1;  // written at once, not synced
    create_and_open();
    ASSERT_TRUE(wal->append(batch({entry(1, 1, Bytes(600, 'k'))})).has_value());
    open();
    ASSERT_EQ(found.entries.size(), 1U);
    wal.reset();
    disk.crash(seed);
    open();
    EXPECT_EQ(found.entries.size(), 1U);
  }
}

// The pages count as clean after a failed sync: a later sync alone would not write them.
TEST_F(WalCrash, WhatAFailedSyncLeftInTheCacheIsDurableOnceItWasFound) {
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    SCOPED_TRACE(seed);
    disk.wipe();
    create_and_open();
    write(batch({entry(1, 1)}));
    ASSERT_TRUE(wal->append(batch({entry(1, 2, Bytes(700, 'k'))})).has_value());
    disk.fail_at(disk.operations() + 1, ErrorCode::kIo);  // after the write
    ASSERT_FALSE(wal->sync().has_value());
    wal.reset();
    disk.crash_losing_nothing();  // the process alone is started again
    open();
    ASSERT_EQ(found.entries.size(), 2U);
    wal.reset();
    disk.crash(seed);
    open();
    EXPECT_EQ(found.entries.size(), 2U);
  }
}

TEST_F(WalCrash, ACrashWhileTheLogIsMadeLeavesNoneOrAnEmptyOne) {
  create();
  const std::uint64_t operations = disk.operations();
  for (std::uint64_t at = 0; at < operations; ++at) {
    SCOPED_TRACE(at);
    disk.wipe();
    disk.fail_from(at);
    EXPECT_FALSE(Wal::create(disk, options, identity).has_value());
    disk.crash(at);
    const auto opened = Wal::open(disk, options, identity);
    if (opened) {
      EXPECT_TRUE(opened->entries.empty());
      EXPECT_EQ(opened->hard_state, raft::HardState{});
    }
  }
}

}  // namespace
}  // namespace kvcluster::storage::testing
