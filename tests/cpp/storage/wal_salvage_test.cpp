// Whatever is damaged, a node knows what it promised, or it says which file and offset keep it from
// knowing.
#include "storage/wal_salvage.hpp"

#include <gmock/gmock.h>

#include "base/random.hpp"
#include "storage/log_start.hpp"
#include "storage/set_aside.hpp"
#include "storage/wal_fixture.hpp"
#include "storage/wal_format.hpp"

namespace kvcluster::storage::testing {
namespace {

using ::testing::HasSubstr;

class WalSalvageTest : public WalTest {
 protected:
  // What the node has promised so far.
  struct Truth {
    raft::HardState hard_state;
    raft::EntryId last;
  };

  [[nodiscard]] Truth truth() const {
    raft::HardState state = wal->hard_state();
    state.commit_index = {};
    return {state, wal->last()};
  }

  // A life with votes, conflicts and turns of the segment; the log is idle at its end.
  void live(int steps, std::uint64_t seed) {
    Random random(seed);
    for (int i = 0; i < steps; ++i) {
      const std::uint64_t term = wal->hard_state().current_term.value();
      const std::uint64_t last = wal->last().index.value();
      if (term == 0 || random.chance(1, 5)) {
        write(vote_batch(vote(term + 1, 1 + random.below(3))));
      } else if (last > wal->base().index.value() + 2 && random.chance(1, 6)) {
        write(replace_batch(last, {entry(term, last, Bytes(random.below(300), 'r'))}));
      } else {
        write(batch({entry(term, last + 1, Bytes(random.below(300), 'a')),
                     entry(term, last + 2, Bytes(random.below(300), 'b'))}));
      }
    }
    ASSERT_TRUE(wal->write_mark().has_value());
  }

  [[nodiscard]] std::vector<std::string> segments() {
    std::vector<std::string> names;
    const auto listed = disk.list("wal");
    for (const std::string& name : *listed) {
      if (name.starts_with("segment-")) names.push_back("wal/" + name);
    }
    return names;
  }

  // The node comes back with everything, or empty and bound to what it promised.
  void expect_start(MemoryDisk& damaged, const Truth& known) {
    StateFound state;
    state.genesis = "genesis";
    const auto started = start_log(damaged, options, identity, state);
    ASSERT_TRUE(started.has_value()) << started.error().message();
    const raft::HardState& kept = started->restored.hard_state;
    EXPECT_EQ(kept.current_term, known.hard_state.current_term);
    EXPECT_EQ(kept.voted_for, known.hard_state.voted_for);
    if (started->mark) {
      EXPECT_EQ(started->mark->floor, known.last);
      EXPECT_EQ(started->restored.repair_floor, known.last);
      EXPECT_TRUE(started->restored.entries.empty());
      EXPECT_EQ(started->wal->last(), raft::EntryId{});
      EXPECT_THAT(started->damage, HasSubstr("wal/segment-"));
      EXPECT_THAT(started->damage, HasSubstr("offset"));
      EXPECT_EQ(started->mark->cause, started->damage);
    } else {
      EXPECT_EQ(started->wal->last(), known.last);
      EXPECT_TRUE(started->damage.empty());
    }
  }
};

TEST_F(WalSalvageTest, AFlippedBitAnywhereLosesNeitherTermNorVoteNorWhatWasAcknowledged) {
  create_and_open();
  live(60, 1);
  ASSERT_GE(wal->segment_count(), 2U);
  const Truth known = truth();
  int repaired = 0;
  for (const std::string& name : segments()) {
    const std::size_t used = disk.contents(name).find_last_not_of('\0') + 1;
    for (std::size_t at = 0; at < used; ++at) {
      SCOPED_TRACE(name + ", byte " + std::to_string(at));
      const auto copy = disk.clone();
      copy->flip_bit(name, at, static_cast<unsigned>(at % 8));
      const bool damaged = !Wal::open(*copy, options, identity).has_value();
      ASSERT_NO_FATAL_FAILURE(expect_start(*copy, known));
      if (damaged) ++repaired;
      if (HasFailure()) return;
    }
  }
  EXPECT_GT(repaired, 8000);
}

TEST_F(WalSalvageTest, ASectorOfZeroesBeforeTheLastMarkIsSalvaged) {
  create_and_open();
  live(60, 2);
  const Truth known = truth();
  const std::vector<std::string> names = segments();
  for (const std::string& name : names) {
    const std::size_t used = disk.contents(name).find_last_not_of('\0') + 1;
    const std::size_t end = name == names.back() ? used - kMarkBytes : used;
    for (std::size_t at = 0; at + 512 <= end; at += 512) {
      SCOPED_TRACE(name + ", byte " + std::to_string(at));
      const auto copy = disk.clone();
      copy->overwrite(name, at, Bytes(512, '\0'));
      ASSERT_NO_FATAL_FAILURE(expect_start(*copy, known));
    }
  }
}

TEST_F(WalSalvageTest, AMissingSegmentThatIsNotTheNewestIsSalvaged) {
  create_and_open();
  live(120, 3);
  ASSERT_GE(wal->segment_count(), 3U);
  const Truth known = truth();
  const std::vector<std::string> names = segments();
  for (std::size_t i = 1; i + 1 < names.size(); ++i) {
    const auto copy = disk.clone();
    ASSERT_TRUE(copy->remove(names[i]).has_value());
    ASSERT_NO_FATAL_FAILURE(expect_start(*copy, known));
  }
}

TEST_F(WalSalvageTest, AFreshSegmentHoldsTermAndVoteTwice) {
  create_and_open();
  write(vote_batch(vote(4, 3)));
  write(batch({entry(4, 1)}));
  ASSERT_TRUE(wal->reset({Term(4), Index(9)}, vote(5, 2)).has_value());
  const std::string name = segments().back();
  for (std::size_t at = 0; at < kSegmentStartBytes; ++at) {
    SCOPED_TRACE(at);
    const auto copy = disk.clone();
    copy->flip_bit(name, at, 5);
    const auto salvaged = salvage_log(*copy, identity);
    ASSERT_TRUE(salvaged.has_value()) << salvaged.error().message();
    EXPECT_EQ(salvaged->hard_state, vote(5, 2));
    EXPECT_EQ(salvaged->floor, (raft::EntryId{Term(4), Index(9)}));
  }
}

TEST_F(WalSalvageTest, WithoutHeaderAndMarksTheStartIsRefusedByFileAndOffset) {
  create_and_open();
  live(8, 4);
  const std::string name = segments().back();
  disk.overwrite(name, 0, Bytes(disk.contents(name).size(), '\0'));
  const auto started = start_log(disk, options, identity, {});
  ASSERT_FALSE(started.has_value());
  EXPECT_EQ(started.error().code, ErrorCode::kCorruption);
  EXPECT_THAT(started.error().context, HasSubstr(name));
  EXPECT_THAT(started.error().context, HasSubstr("offset 0"));
  EXPECT_THAT(started.error().context, HasSubstr("must not vote"));
}

TEST_F(WalSalvageTest, AForeignLogIsRefusedAndNotSalvaged) {
  create_and_open();
  live(8, 5);
  disk.flip_bit(segments().front(), kSegmentStartBytes + 3, 1);
  const WalIdentity other{NodeId(2), {9}};
  const auto salvaged = salvage_log(disk, other);
  ASSERT_FALSE(salvaged.has_value());
  EXPECT_EQ(salvaged.error().code, ErrorCode::kWrongIdentity);
}

TEST_F(WalSalvageTest, WhatLooksLikeAMarkInsideAValueIsNotBelieved) {
  create_and_open();
  write(vote_batch(vote(1, 1)));
  const std::uint64_t at = wal->appended_position().offset + kMarkBytes + kRecordHeaderBytes;
  Bytes forged;
  std::uint32_t chain = 0;
  encode_mark(1, {at, vote(9, 3), {Term(9), Index(900)}}, at, forged, chain);
  write(batch({entry(1, 1, forged)}));
  ASSERT_TRUE(wal->write_mark().has_value());
  const Truth known = truth();
  disk.flip_bit(segment(1), kSegmentStartBytes + 5, 0);
  ASSERT_NO_FATAL_FAILURE(expect_start(disk, known));
}

TEST_F(WalSalvageTest, AMarkInsideTheLastValueIsNotBelievedEither) {
  create_and_open();
  write(vote_batch(vote(1, 1)));
  const std::uint64_t at = wal->appended_position().offset + kMarkBytes + kRecordHeaderBytes;
  Bytes forged;
  std::uint32_t chain = 0;
  encode_mark(1, {at, vote(9, 3), {Term(9), Index(900)}}, at, forged, chain);
  write(batch({entry(1, 1, forged)}));  // no mark follows
  const Truth known = truth();
  disk.flip_bit(segment(1), kSegmentStartBytes + 5, 0);
  ASSERT_NO_FATAL_FAILURE(expect_start(disk, known));
}

// What is damaged stays for a person to look at, until the peers have given everything anew.
TEST_F(WalSalvageTest, ADamagedLogStandsAsideUntilItIsDiscarded) {
  create_and_open();
  live(40, 8);
  wal.reset();
  const std::string name = segments().front();
  disk.flip_bit(name, kSegmentStartBytes + 9, 2);
  const Bytes damaged = disk.contents(name);
  StateFound state;
  state.genesis = "genesis";
  ASSERT_TRUE(start_log(disk, options, identity, state).has_value());
  const std::string aside = "wal/damaged-" + name.substr(4);
  EXPECT_EQ(disk.contents(aside), damaged);
  ASSERT_TRUE(start_log(disk, options, identity, state).has_value());
  EXPECT_EQ(disk.contents(aside), damaged) << "a restart in the middle keeps it";
  ASSERT_TRUE(discard_set_aside(disk).has_value());
  disk.crash(1);
  EXPECT_FALSE(disk.exists(aside).value());
}

TEST_F(WalSalvageTest, ANodeWithoutPeersIsRefusedAndNothingIsTouched) {
  create_and_open();
  live(10, 9);
  wal.reset();
  disk.flip_bit(segment(1), kSegmentStartBytes + 9, 2);
  const Bytes damaged = disk.contents(segment(1));
  StateFound state;
  state.genesis = "genesis";
  state.members_of = [](BytesView) {
    return raft::Configuration{{{NodeId(1), raft::MemberRole::kVoter, {}, ""}}};
  };
  const auto started = start_log(disk, options, identity, state);
  ASSERT_FALSE(started.has_value());
  EXPECT_EQ(started.error().code, ErrorCode::kCorruption);
  EXPECT_THAT(started.error().context, HasSubstr("wal/segment-0000000001, offset "));
  EXPECT_THAT(started.error().context, HasSubstr("no peer"));
  EXPECT_EQ(disk.contents(segment(1)), damaged);
  EXPECT_EQ(read_repair_mark(disk).value(), std::nullopt);
}

// A vote that was written, torn before its sync, and never given, must not be taken for the one
// that was given after the restart.
TEST_F(WalSalvageTest, TheVoteOfALostWriteIsNotTakenForTheOneThatWasGivenLater) {
  create_and_open();
  write(vote_batch(vote(1, 1)));
  write(batch({entry(1, 1)}));
  const std::uint64_t hole = wal->appended_position().offset;
  options.write_buffer_bytes = 1;
  open();
  // Three writes without a sync: the later marks tell of the vote that the first write holds.
  ASSERT_TRUE(wal->append(vote_batch(vote(2, 3))).has_value());
  ASSERT_TRUE(wal->append(batch({entry(2, 2, Bytes(700, 'x'))})).has_value());
  ASSERT_TRUE(wal->append(batch({entry(2, 3)})).has_value());
  wal.reset();
  disk.flip_bit(segment(1), hole + kMarkBytes + 4, 0);  // torn
  open();
  ASSERT_EQ(found.hard_state, vote(1, 1));
  write(vote_batch(vote(2, 2)));
  const Truth known = truth();
  disk.flip_bit(segment(1), kSegmentStartBytes + 5, 0);
  ASSERT_NO_FATAL_FAILURE(expect_start(disk, known));
}

TEST_F(WalSalvageTest, LivesWithCrashesAndDamageKeepEveryPromise) {
  options.write_buffer_bytes = 600;
  for (std::uint64_t seed = 1; seed <= 150; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Random random(seed);
    disk.wipe();
    create_and_open();
    for (int crash = 0; crash < 4; ++crash) {
      live(1 + static_cast<int>(random.below(15)), random.next());
      // Something is under way when the power fails.
      const raft::HardState state = wal->hard_state();
      const std::uint64_t term = state.current_term.value() + 1;
      raft::PersistBatch made = vote_batch(vote(term, 1 + random.below(3)));
      made.entries.push_back(entry(term, wal->last().index.value() + 1, Bytes(500, 'u')));
      ASSERT_TRUE(wal->append(made).has_value());
      ASSERT_TRUE(
          wal->append(batch({entry(term, made.entries[0].index.value() + 1, Bytes(500, 'v'))}))
              .has_value());
      wal.reset();
      disk.crash(random.next());
      ASSERT_NO_FATAL_FAILURE(open());
    }
    live(1 + static_cast<int>(random.below(15)), random.next());
    const Truth known = truth();
    const std::vector<std::string> names = segments();
    const std::string& newest = names.back();
    const std::uint64_t last_mark = wal->appended_position().offset - kMarkBytes;
    for (std::uint64_t i = 1 + random.below(3); i > 0; --i) {
      const std::string& name = names[random.below(names.size())];
      const std::uint64_t end = name == newest ? last_mark : disk.contents(name).size();
      const std::uint64_t at = random.below(end);
      disk.overwrite(name, at, Bytes(std::min<std::uint64_t>(1 + random.below(64), end - at), 'D'));
    }
    ASSERT_NO_FATAL_FAILURE(expect_start(disk, known));
  }
}

TEST_F(WalSalvageTest, ACrashAtAnyStepOfTheRepairIsRepairedLikewise) {
  create_and_open();
  live(40, 6);
  const Truth known = truth();
  wal.reset();
  disk.flip_bit(segments().front(), kSegmentStartBytes + 9, 2);
  const std::uint64_t first = disk.operations();
  const auto whole = disk.clone();
  ASSERT_NO_FATAL_FAILURE(expect_start(*whole, known));
  const std::uint64_t last = whole->operations();
  ASSERT_GT(last, first + 8);
  for (std::uint64_t at = first; at <= last; ++at) {
    for (std::uint64_t seed = 0; seed < 4; ++seed) {
      SCOPED_TRACE("operation " + std::to_string(at) + ", seed " + std::to_string(seed));
      const auto copy = disk.clone();
      copy->fail_from(at);
      StateFound state;
      state.genesis = "genesis";
      static_cast<void>(start_log(*copy, options, identity, state));
      copy->crash(seed);
      const auto again = start_log(*copy, options, identity, state);
      ASSERT_TRUE(again.has_value()) << again.error().message();
      ASSERT_TRUE(again->mark.has_value());
      EXPECT_EQ(again->mark->floor, known.last);
      EXPECT_THAT(again->mark->cause, HasSubstr("offset"));
      EXPECT_EQ(again->restored.hard_state.current_term, known.hard_state.current_term);
      EXPECT_EQ(again->restored.hard_state.voted_for, known.hard_state.voted_for);
    }
  }
}

TEST_F(WalSalvageTest, WhatIsAcknowledgedDuringARepairBindsAfterARestartToo) {
  create_and_open();
  live(10, 7);
  disk.flip_bit(segments().front(), kSegmentStartBytes + 9, 2);
  StateFound state;
  state.genesis = "genesis";
  wal.reset();
  auto started = start_log(disk, options, identity, state);
  ASSERT_TRUE(started.has_value() && started->mark);
  wal = std::move(started->wal);
  const std::uint64_t term = started->restored.hard_state.current_term.value() + 3;
  write(vote_batch(vote(term, 0)));
  write(batch({entry(term, 1), entry(term, 2)}));
  wal.reset();
  started = start_log(disk, options, identity, state);
  ASSERT_TRUE(started.has_value() && started->mark);
  EXPECT_EQ(started->mark->floor, (raft::EntryId{Term(term), Index(2)}));
  EXPECT_TRUE(started->restored.entries.empty());
}

TEST_F(WalSalvageTest, WithoutAGenesisTheNodeIsALearnerAmongThoseItWasToldOf) {
  create_and_open();
  write(vote_batch(vote(1, 1)));
  write(batch({entry(1, 1)}));
  disk.flip_bit(segment(1), kSegmentStartBytes + 9, 2);
  ASSERT_TRUE(wal->write_mark().has_value());
  StateFound state;
  state.told.members = {{NodeId(1), raft::MemberRole::kVoter, {}, ""},
                        {NodeId(2), raft::MemberRole::kVoter, {}, "127.0.0.1:9002"}};
  const auto started = start_log(disk, options, identity, state);
  ASSERT_TRUE(started.has_value()) << started.error().message();
  ASSERT_TRUE(started->mark.has_value());
  EXPECT_TRUE(started->mark->genesis.empty());
  EXPECT_FALSE(started->restored.configuration.is_voter(NodeId(1)));
  EXPECT_TRUE(started->restored.configuration.is_voter(NodeId(2)));
}

}  // namespace
}  // namespace kvcluster::storage::testing
