#include "sim/raft_trace.hpp"

#include <fmt/format.h>

#include <string_view>

namespace kvcluster::sim {
namespace {

std::string_view name_of(raft::Trace::Kind kind) {
  using Kind = raft::Trace::Kind;
  switch (kind) {
    case Kind::kElectionTimeout:
      return "election timeout";
    case Kind::kLeaderLost:
      return "leader's connection closed";
    case Kind::kPreCandidate:
      return "asks for pre-votes";
    case Kind::kCandidate:
      return "asks for votes";
    case Kind::kVoteGranted:
      return "grants a vote";
    case Kind::kVoteRefused:
      return "refuses a vote";
    case Kind::kVoteReceived:
      return "receives a vote";
    case Kind::kBecameLeader:
      return "leads";
    case Kind::kBecameFollower:
      return "follows";
    case Kind::kSteppedDown:
      return "steps down";
    case Kind::kLogTruncated:
      return "cuts its log";
    case Kind::kSnapshotSending:
      return "sends a snapshot";
    case Kind::kSnapshotInstalled:
      return "has installed a snapshot";
    case Kind::kFollowerCaughtUp:
      return "sees a follower caught up";
    case Kind::kTransferStarted:
      return "hands over";
    case Kind::kTransferAborted:
      return "gives up handing over";
  }
  return "?";
}

}  // namespace

void count_path(const raft::Trace& step, Coverage& coverage) {
  using Kind = raft::Trace::Kind;
  const std::string_view detail = step.detail;
  switch (step.kind) {
    case Kind::kElectionTimeout:
      return coverage.hit(detail == "asked to by the leader" ? Path::kTransferred
                                                             : Path::kElectionTimeout);
    case Kind::kLeaderLost:
      return coverage.hit(Path::kLeaderLost);
    case Kind::kVoteRefused:
      return coverage.hit(detail == "the leader is heard" ? Path::kPreVoteRefused
                                                          : Path::kVoteRefused);
    case Kind::kSteppedDown:
      return coverage.hit(detail == "the own disk does not answer" ? Path::kDiskStallStepDown
                          : detail == "no answer from a quorum"    ? Path::kCheckQuorumStepDown
                                                                   : Path::kNewTermStepDown);
    case Kind::kLogTruncated:
      return coverage.hit(Path::kLogTruncated);
    case Kind::kSnapshotSending:
      return coverage.hit(Path::kSnapshotSending);
    case Kind::kSnapshotInstalled:
      return coverage.hit(Path::kSnapshotInstalled);
    case Kind::kFollowerCaughtUp:
      return coverage.hit(Path::kFollowerCaughtUp);
    case Kind::kTransferAborted:
      return coverage.hit(Path::kTransferAborted);
    default:
      return;
  }
}

std::string describe(const raft::Trace& step) {
  std::string text = fmt::format("term {}: {}", step.term.value(), name_of(step.kind));
  if (step.peer != kNoNode) text += fmt::format(", node {}", step.peer.value());
  if (step.value != 0) text += fmt::format(", {}", step.value);
  if (*step.detail != '\0') text += fmt::format(" ({})", step.detail);
  return text;
}

}  // namespace kvcluster::sim
