// The classic bugs, one switch each. They exist only in programs that are compiled with
// KVCLUSTER_MUTANTS, which is the simulator's mutant build: there each of them can be let in, one
// at a time, to see that the simulator finds it. Everywhere else `mutated` is the constant false
// and the bug is not in the program.
//
// Every name says what is done wrong. docs/testing.md lists who shipped such a bug.
#pragma once

#include <cstdint>

namespace kvcluster {

// X(name, what it does wrong)
#define KVCLUSTER_MUTANT_LIST(X)                                                              \
  /* elections and commit */                                                                  \
  X(CommitOldTerm, "entries of older terms are committed by counting (Figure 8)")             \
  X(ReadBeforeNoop, "reads are served before the first entry of the own term is committed")   \
  X(VoteNotDurable, "a vote leaves before term and vote are durable")                         \
  X(SelfVoteUnrecorded, "a candidate does not record its vote for itself")                    \
  X(TermZeroAfterCompaction, "the last log term is 0 when the whole log is compacted")        \
  X(NoPreVote, "no pre-vote: a node that comes back deposes the leader")                      \
  X(VoteForStaleLog, "a vote is granted whatever the candidate's log holds")                  \
  X(DiskHangKeepsLead, "a leader whose disk hangs goes on with its heartbeats")               \
  X(RepairFloorIgnored, "a node that lost acknowledged entries votes as if it had not")       \
  X(WipedMemberAdmitted, "a member that comes back with an emptied disk takes part")          \
  X(CommitBeyondMessage, "a follower commits past what the message vouched for")              \
  /* replication and clients */                                                               \
  X(AckOwnTail, "a follower acknowledges up to its own log's end")                            \
  X(AckBeforeSync, "a follower acknowledges entries before they are durable")                 \
  X(LeaderCountsUndurable, "a leader counts itself for what its disk has not written")        \
  X(DurableIndexKept, "the durable index does not go back with a truncation")                 \
  X(CutOvertaken, "an overtaken AppendEntries truncates what a later one appended")           \
  X(PagedApplySkips, "a page of committed entries that is cut short skips the next entry")    \
  X(SuccessAfterStepDown, "success is claimed for whatever entry stands at the index")        \
  X(FailedButCommits, "\"not applied\" is answered for a write that may commit later")        \
  X(BlindRetry, "a forward that may have been applied is sent again")                         \
  X(SessionForgotten, "a repeat of KV.ONCE is executed again")                                \
  X(SessionsNotInSnapshot, "a snapshot leaves the sessions out")                              \
  X(ReadRoundReused, "answers from before the read count for its round")                      \
  /* storage and snapshots */                                                                 \
  X(AppliedOutsideCheckpoint, "the applied index is stored apart from the data")              \
  X(NoSync, "an append is reported durable without a sync")                                   \
  X(TornTailRefused, "a torn tail keeps the node from starting")                              \
  X(DamageCut, "damage in the middle of the log is cut like a torn tail")                     \
  X(SyncRetried, "a failed sync is tried again and believed")                                 \
  X(NoDirectorySync, "a new segment's name is not synced")                                    \
  X(CheckpointOverSnapshot, "a checkpoint that was under way replaces an installed snapshot") \
  X(SnapshotKeepsTail, "a conflicting tail survives an installed snapshot")                   \
  X(SnapshotNotDurable, "a snapshot is acknowledged while it is only in memory")              \
  X(CompactedTooFar, "the log is compacted beyond the durable checkpoint")

enum class Mutant : std::uint8_t {
  kNone,
#define KVCLUSTER_MUTANT_ENUMERATOR(name, text) k##name,
  KVCLUSTER_MUTANT_LIST(KVCLUSTER_MUTANT_ENUMERATOR)
#undef KVCLUSTER_MUTANT_ENUMERATOR
};

#ifdef KVCLUSTER_MUTANTS

// Of the calling thread.
inline thread_local Mutant active_mutant = Mutant::kNone;

[[nodiscard]] inline bool mutated(Mutant mutant) { return active_mutant == mutant; }

#else

[[nodiscard]] constexpr bool mutated(Mutant) { return false; }

#endif

}  // namespace kvcluster
