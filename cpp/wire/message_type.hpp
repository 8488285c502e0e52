// The first byte of a message between peers. Written to the wire: values are never reused.
#pragma once

#include <cstdint>

namespace kvcluster::wire {

enum class MessageType : std::uint8_t {
  kRequestVote = 1,
  kVoteReply = 2,
  kAppendEntries = 3,
  kAppendReply = 4,
  kInstallSnapshot = 5,
  kSnapshotReply = 6,
  kTimeoutNow = 7,
  kForward = 16,
  kForwardReply = 17,
  kRootReport = 18,
  kRootVerdict = 19,
  kGenesisOffer = 20,
};

// An entry's kind, term, index and payload length, before its payload.
inline constexpr std::size_t kEntryHeadBytes = 1 + 8 + 8 + 4;

}  // namespace kvcluster::wire
