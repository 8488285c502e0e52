// Rare paths, counted: a path that no seed of a long run enters is a path that nobody tests.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace kvcluster::sim {

// X(name, what happened)
#define KVCLUSTER_SIM_PATHS(X)                                            \
  X(ElectionTimeout, "a follower's election timeout ran out")             \
  X(LeaderLost, "a closed connection started a fast election")            \
  X(PreVoteRefused, "a pre-vote was refused because the leader is heard") \
  X(VoteRefused, "a vote was refused")                                    \
  X(CheckQuorumStepDown, "a leader without a quorum stepped down")        \
  X(DiskStallStepDown, "a leader whose disk hung stepped down")           \
  X(NewTermStepDown, "a leader saw a newer term")                         \
  X(Transferred, "a leadership was handed over")                          \
  X(TransferAborted, "a hand-over was given up")                          \
  X(LogTruncated, "a follower cut a conflicting tail")                    \
  X(FollowerCaughtUp, "a follower caught up")                             \
  X(SnapshotSending, "a snapshot was sent")                               \
  X(SnapshotInstalled, "a snapshot was installed")                        \
  X(SnapshotUnavailable, "a snapshot could not be read")                  \
  X(SnapshotRefused, "a snapshot was refused by its digest")              \
  X(SnapshotOverCheckpoint, "a snapshot overtook a checkpoint under way") \
  X(CheckpointMade, "a checkpoint became durable")                        \
  X(CheckpointLost, "a crash lost a checkpoint under way")                \
  X(LogReset, "the log started anew after a snapshot")                    \
  X(LogResetAtStart, "a start found a snapshot but not the log's reset")  \
  X(LogCompacted, "the log was compacted")                                \
  X(SegmentTurned, "the log turned to another segment")                   \
  X(SegmentRecycled, "a segment was used again")                          \
  X(TornTail, "a start cut a torn tail")                                  \
  X(UnsyncedSurvived, "a start found more than had been synced")          \
  X(CrashInWrite, "the power failed in the middle of a write")            \
  X(GroupCommit, "one sync made several batches durable")                 \
  X(DiskFull, "a batch found no room")                                    \
  X(WriteRefused, "a write was refused for a full disk")                  \
  X(DiskRoom, "a full disk had room again")                               \
  X(NodeFailed, "a node ended by a disk error")                           \
  X(LogSalvaged, "a damaged log was cut and is being repaired")           \
  X(DamageRefused, "a log was too damaged to know its votes")             \
  X(ImageDamaged, "a damaged checkpoint was noticed")                     \
  X(Diverged, "a node's state differed from the majority's")              \
  X(RepairBegun, "a node gave up its state")                              \
  X(RepairEnded, "a node's state is the majority's again")                \
  X(PagedApply, "committed entries were applied in pages")                \
  X(Forwarded, "a follower passed a command on")                          \
  X(ForwardNotSent, "a forwarded command was not sent and waited")        \
  X(NotLeader, "a client was sent to the leader")                         \
  X(NoLeader, "a client found no leader in time")                         \
  X(Uncertain, "a write ended with an unknown outcome")                   \
  X(ProvenNotApplied, "another entry was committed in a write's place")   \
  X(OnceRepeated, "an exactly-once command was sent again")               \
  X(OnceAnsweredAgain, "a repeat was answered from the session")          \
  X(ReadExpired, "a read was not answered in time")                       \
  X(LocalReadWaited, "a local read waited for its index")                 \
  X(Expired, "the log's clock was moved for an expiry")                   \
  X(TransactionStopped, "a watched key stopped a transaction")            \
  X(PeerRefused, "a node with an emptied disk was refused")               \
  X(GenesisTaken, "an empty node took the genesis")                       \
  X(FrameCorrupt, "a corrupted frame closed a connection")                \
  X(HalfOpen, "a half-open connection was replaced")                      \
  X(RootsCompared, "state hashes were compared")

enum class Path : std::uint8_t {
#define KVCLUSTER_SIM_ENUMERATOR(name, text) k##name,
  KVCLUSTER_SIM_PATHS(KVCLUSTER_SIM_ENUMERATOR)
#undef KVCLUSTER_SIM_ENUMERATOR
      kCount
};
inline constexpr std::size_t kPaths = static_cast<std::size_t>(Path::kCount);

struct PathName {
  std::string_view name;
  std::string_view text;
};
inline constexpr std::array<PathName, kPaths> kPathNames = {{
#define KVCLUSTER_SIM_NAME(name, text) {#name, text},
    KVCLUSTER_SIM_PATHS(KVCLUSTER_SIM_NAME)
#undef KVCLUSTER_SIM_NAME
}};

class Coverage {
 public:
  void hit(Path path) { ++counts_[static_cast<std::size_t>(path)]; }
  [[nodiscard]] std::uint64_t count(Path path) const {
    return counts_[static_cast<std::size_t>(path)];
  }
  void add(const Coverage& other) {
    for (std::size_t i = 0; i < kPaths; ++i) counts_[i] += other.counts_[i];
  }

 private:
  std::array<std::uint64_t, kPaths> counts_{};
};

}  // namespace kvcluster::sim
