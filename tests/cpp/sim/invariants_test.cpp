// Every invariant is fed what violates it, and must say so: a check that cannot fail proves
// nothing.
#include "sim/invariants.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "kv/map_table.hpp"

namespace kvcluster::sim {
namespace {

raft::Entry entry(std::uint64_t term, std::uint64_t index, const std::string& payload = "") {
  return {Term(term), Index(index), raft::EntryKind::kNoop, Slice::copy_of(payload)};
}

raft::PersistBatch batch(std::vector<raft::Entry> entries) {
  raft::PersistBatch made;
  made.entries = std::move(entries);
  return made;
}

raft::Restored restored(std::vector<raft::Entry> entries, std::uint64_t term = 1,
                        std::uint64_t voted_for = 0) {
  raft::Restored made;
  made.hard_state = {Term(term), NodeId(voted_for), {}};
  made.entries = std::move(entries);
  return made;
}

// A node that holds these entries and has committed and applied the first few of them.
struct Stand {
  Stand(std::vector<raft::Entry> entries, std::uint64_t commit, std::uint64_t applied)
      : core(config(), start(entries, commit), 1, Instant{}) {
    for (std::uint64_t i = 0; i < applied; ++i) {
      state.apply_empty({entries[i].index, entries[i].term}, entries[i].payload.view(), false);
    }
  }
  static raft::Config config() {
    raft::Config made;
    made.self = NodeId(1);
    return made;
  }
  static raft::Restored start(const std::vector<raft::Entry>& entries, std::uint64_t commit) {
    raft::Restored made = restored(entries, entries.empty() ? 1 : entries.back().term.value());
    made.hard_state.commit_index = Index(commit);
    made.configuration.members = {{NodeId(1), raft::MemberRole::kVoter, {1}, "node1"},
                                  {NodeId(2), raft::MemberRole::kVoter, {2}, "node2"}};
    return made;
  }
  kv::MapTable table;
  kv::StateMachine state{table};
  raft::Core core;
};

void expect(const Invariants& invariants, Check check) {
  ASSERT_TRUE(invariants.violation().has_value());
  EXPECT_EQ(to_string(invariants.violation()->check), to_string(check));
  EXPECT_FALSE(invariants.violation()->text.empty());
}

TEST(Invariants, SayNothingOfAnOrdinaryCourse) {
  Invariants invariants(3);
  const std::vector<raft::Entry> log = {entry(1, 1), entry(1, 2, "a"), entry(2, 3, "b")};
  for (std::uint8_t id = 1; id <= 3; ++id) {
    invariants.started(id, restored({}));
    invariants.batch_made(id, batch(log));
    invariants.batch_synced(id, batch(log));
    const Stand stand(log, 3, 3);
    invariants.observe(id, stand.core, stand.state);
  }
  invariants.acknowledged(1, Index(3), 2);
  invariants.started(2, restored(log, 2));
  EXPECT_FALSE(invariants.violation().has_value());
}

TEST(Invariants, OnlyTheFirstViolationIsKept) {
  Invariants invariants(1);
  invariants.report(Check::kCode, 1, "first");
  invariants.report(Check::kOrder, 1, "second");
  expect(invariants, Check::kCode);
}

TEST(Invariants, TwoEntriesWithOneIdBreakLogMatching) {
  Invariants invariants(2);
  invariants.batch_made(1, batch({entry(1, 1, "a")}));
  invariants.batch_made(2, batch({entry(1, 1, "b")}));
  expect(invariants, Check::kLogMatching);
}

TEST(Invariants, OneIdAfterTwoPredecessorsBreaksLogMatching) {
  Invariants invariants(2);
  invariants.batch_made(1, batch({entry(1, 1), entry(3, 2)}));
  invariants.batch_made(2, batch({entry(2, 1), entry(3, 2)}));
  expect(invariants, Check::kLogMatching);
}

TEST(Invariants, AGapInALogBreaksLogMatching) {
  Invariants invariants(1);
  invariants.batch_made(1, batch({entry(1, 2)}));
  expect(invariants, Check::kLogMatching);
}

TEST(Invariants, TwoEntriesAppliedAtOneIndexBreakStateMachineSafety) {
  Invariants invariants(2);
  const Stand one({entry(1, 1, "a")}, 1, 1);
  const Stand other({entry(1, 1, "b")}, 1, 1);
  invariants.observe(1, one.core, one.state);
  invariants.observe(2, other.core, other.state);
  expect(invariants, Check::kStateMachineSafety);
}

TEST(Invariants, AnotherDigestAtOneIndexBreaksTheStateHash) {
  Invariants invariants(2);
  const std::vector<raft::Entry> log = {entry(1, 1, "a")};
  const Stand one(log, 1, 1);
  Stand other(log, 1, 0);
  other.state.apply_empty({Index(1), Term(1)}, "something else", false);
  invariants.observe(1, one.core, one.state);
  invariants.observe(2, other.core, other.state);
  expect(invariants, Check::kStateHash);
}

TEST(Invariants, ACommitIndexThatFallsIsNoticed) {
  Invariants invariants(1);
  const std::vector<raft::Entry> log = {entry(1, 1), entry(1, 2)};
  const Stand before(log, 2, 1);
  const Stand after(log, 1, 1);
  invariants.observe(1, before.core, before.state);
  invariants.observe(1, after.core, after.state);
  expect(invariants, Check::kNeverBack);
}

TEST(Invariants, AnAppliedEntryThatIsNotCommittedIsNoticed) {
  Invariants invariants(1);
  const Stand stand({entry(1, 1), entry(1, 2)}, 1, 2);
  invariants.observe(1, stand.core, stand.state);
  expect(invariants, Check::kOrder);
}

TEST(Invariants, AnAcknowledgementWithoutAQuorumOfSyncedCopiesIsNoticed) {
  Invariants invariants(3);
  const std::vector<raft::Entry> log = {entry(1, 1)};
  for (std::uint8_t id = 1; id <= 3; ++id) invariants.batch_made(id, batch(log));
  invariants.batch_synced(1, batch(log));
  const Stand stand(log, 1, 1);
  invariants.observe(1, stand.core, stand.state);
  invariants.acknowledged(1, Index(1), 2);
  expect(invariants, Check::kDurableAck);
}

TEST(Invariants, ASyncedEntryThatIsGoneAfterACrashIsNoticed) {
  Invariants invariants(1);
  invariants.started(1, restored({}));
  invariants.batch_made(1, batch({entry(1, 1), entry(1, 2)}));
  invariants.batch_synced(1, batch({entry(1, 1), entry(1, 2)}));
  invariants.started(1, restored({entry(1, 1)}));
  expect(invariants, Check::kDurableKept);
}

TEST(Invariants, AnUnsyncedEntryMayBeGoneAfterACrash) {
  Invariants invariants(1);
  invariants.started(1, restored({}));
  invariants.batch_made(1, batch({entry(1, 1)}));
  invariants.batch_made(1, batch({entry(1, 2)}));
  invariants.batch_synced(1, batch({entry(1, 1)}));
  invariants.started(1, restored({entry(1, 1)}));
  EXPECT_FALSE(invariants.violation().has_value());
}

TEST(Invariants, ASyncedVoteThatIsAnotherAfterACrashIsNoticed) {
  Invariants invariants(1);
  raft::PersistBatch vote;
  vote.hard_state = raft::HardState{Term(5), NodeId(2), {}};
  invariants.started(1, restored({}));
  invariants.batch_made(1, vote);
  invariants.batch_synced(1, vote);
  invariants.started(1, restored({}, 5, 3));
  expect(invariants, Check::kDurableKept);
}

TEST(Invariants, ARepairFloorBelowWhatWasSyncedIsNoticed) {
  Invariants invariants(1);
  invariants.started(1, restored({}));
  invariants.batch_made(1, batch({entry(1, 1), entry(1, 2)}));
  invariants.batch_synced(1, batch({entry(1, 1), entry(1, 2)}));
  raft::Restored low = restored({});
  low.repair_floor = raft::EntryId{Term(1), Index(1)};
  invariants.started(1, low);
  expect(invariants, Check::kDurableKept);
}

TEST(Invariants, ARepairFloorThatCoversWhatWasSyncedIsEnough) {
  Invariants invariants(1);
  invariants.started(1, restored({}));
  invariants.batch_made(1, batch({entry(1, 1), entry(1, 2)}));
  invariants.batch_synced(1, batch({entry(1, 1), entry(1, 2)}));
  raft::Restored floor = restored({});
  floor.repair_floor = raft::EntryId{Term(1), Index(2)};
  invariants.started(1, floor);
  EXPECT_FALSE(invariants.violation().has_value());
}

}  // namespace
}  // namespace kvcluster::sim
