#include "server/election_log.hpp"

#include <fmt/format.h>

#include <chrono>
#include <string>
#include <string_view>

namespace kvcluster::server {

namespace {

using Kind = raft::Trace::Kind;

struct Line {
  LogLevel level;
  const char* event;  // one word for machines
  std::string sentence;
};

Line describe(const raft::Trace& trace, const raft::Configuration& configuration,
              std::uint64_t uptime_ms) {
  const auto term = trace.term.value();
  const auto peer = trace.peer.value();
  const char* vote = std::string_view(trace.detail) == "pre-vote" ? "pre-vote" : "vote";
  switch (trace.kind) {
    case Kind::kElectionTimeout:
      if (trace.value > uptime_ms) {
        return {LogLevel::kInfo, "election_timeout",
                fmt::format("election timeout after {} ms without a leader since the start",
                            uptime_ms)};
      }
      return {LogLevel::kInfo, "election_timeout",
              fmt::format("election timeout after {} ms without a heartbeat", trace.value)};
    case Kind::kLeaderLost:
      return {LogLevel::kInfo, "leader_lost",
              fmt::format("leader lost: node {} closed its connection", peer)};
    case Kind::kPreCandidate:
      return {LogLevel::kInfo, "pre_candidate", fmt::format("pre-candidate for term {}", term + 1)};
    case Kind::kCandidate:
      return {LogLevel::kInfo, "candidate", fmt::format("candidate in term {}", term)};
    case Kind::kVoteGranted:
      return {LogLevel::kInfo, "vote_granted",
              fmt::format("{} granted to node {} in term {}", vote, peer, term)};
    case Kind::kVoteRefused:
      return {LogLevel::kInfo, "vote_refused",
              fmt::format("vote refused to node {} in term {}: {}", peer, term, trace.detail)};
    case Kind::kVoteReceived:
      return {LogLevel::kInfo, "vote_received",
              fmt::format("{} from node {}: {} of {} needed", vote, peer, trace.value,
                          configuration.quorum())};
    case Kind::kBecameLeader:
      return {LogLevel::kInfo, "became_leader", fmt::format("became LEADER for term {}", term)};
    case Kind::kBecameFollower:
      if (trace.peer == kNoNode) {
        return {LogLevel::kInfo, "became_follower",
                fmt::format("follower in term {}, leader not yet known", term)};
      }
      return {LogLevel::kInfo, "became_follower",
              fmt::format("following node {} in term {}", peer, term)};
    case Kind::kSteppedDown:
      return {LogLevel::kWarn, "stepped_down", fmt::format("stepping down: {}", trace.detail)};
    case Kind::kLogTruncated:
      return {LogLevel::kInfo, "log_truncated",
              fmt::format("log truncated from index {}: another leader's entries stand there",
                          trace.value)};
    case Kind::kSnapshotSending:
      return {
          LogLevel::kInfo, "snapshot_sending",
          fmt::format("catching up: sending node {} the snapshot at index {}", peer, trace.value)};
    case Kind::kSnapshotInstalled:
      return {LogLevel::kInfo, "snapshot_installed",
              fmt::format("catching up: snapshot at index {} installed", trace.value)};
    case Kind::kFollowerCaughtUp:
      return {
          LogLevel::kInfo, "follower_caught_up",
          fmt::format("catching up: node {} has all entries up to index {}", peer, trace.value)};
    case Kind::kTransferStarted:
      return {LogLevel::kInfo, "transfer_started",
              fmt::format("handing the leadership over to node {}", peer)};
    case Kind::kTransferAborted:
      return {LogLevel::kWarn, "transfer_aborted",
              fmt::format("handing over to node {} was given up", peer)};
  }
  return {LogLevel::kWarn, "unknown", "a step of consensus without a name"};
}

}  // namespace

void log_trace(NodeLog& log, const std::vector<raft::Trace>& trace,
               const raft::Configuration& configuration, Duration uptime) {
  const auto uptime_ms = static_cast<std::uint64_t>(
      std::chrono::duration_cast<std::chrono::milliseconds>(uptime).count());
  for (const raft::Trace& step : trace) {
    const Line line = describe(step, configuration, uptime_ms);
    log.write(line.level, line.sentence,
              {{"event", line.event},
               {"term", step.term},
               {"peer", step.peer},
               {"value", step.value},
               {"detail", step.detail}});
  }
}

}  // namespace kvcluster::server
