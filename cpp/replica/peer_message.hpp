// What nodes say to each other. A connection begins with a Hello from each side; then batches of
// PeerMessage flow from the side that dialed. wire/ turns them into bytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "base/bytes.hpp"
#include "base/digest.hpp"
#include "base/ids.hpp"
#include "raft/message.hpp"
#include "replica/genesis.hpp"

namespace kvcluster::replica {

struct Hello {
  NodeId from;
  NodeId to;
  ClusterId cluster_id{};           // kNoCluster: the sender's data directory is empty
  raft::Incarnation incarnation{};  // of the sender's data directory
  std::uint32_t priority = 0;       // leader priority
  bool log_lost = false;            // the sender's log was cut by damage and is being repaired
  std::string client_address;       // host:port where the sender serves clients
  std::vector<NodeId> members;      // the ids the sender was told to form a cluster with, ascending

  friend bool operator==(const Hello&, const Hello&) = default;
};

// Of a request's encoded form, and of a reply that is passed on: each must fit into one frame
// between peers. A larger entry could be logged by its leader but never reach a follower, and
// nothing behind it would ever be committed.
inline constexpr std::size_t kMaxRequestBytes = 16U << 20U;
inline constexpr std::size_t kMaxForwardedReplyBytes = kMaxRequestBytes;

// A client's command, passed on to the leader.
struct Forward {
  std::uint64_t id = 0;          // the sender's; unique, over its restarts too
  std::uint64_t connection = 0;  // commands of one connection keep their order
  bool is_write = false;
  Slice request;  // kv::encode_request's bytes
  friend bool operator==(const Forward&, const Forward&) = default;
};

// Written to the wire: values are never reused.
enum class ForwardOutcome : std::uint8_t {
  kReplied = 0,    // `reply` is the result
  kNotLeader = 1,  // certainly not applied; try elsewhere
  kUncertain = 2,  // appended at `index`; it may yet be applied
  kRefused = 3,    // certainly not applied; `reply` is the error
};

struct ForwardReply {
  std::uint64_t id = 0;
  ForwardOutcome outcome = ForwardOutcome::kReplied;
  Index index;
  Slice reply;  // kv::encode(Reply)'s bytes, for kReplied and kRefused
  friend bool operator==(const ForwardReply&, const ForwardReply&) = default;
};

// The sender's digests at an index that it has applied. A leader's asks for the receiver's at the
// same index; a follower's answers.
struct RootReport {
  Index index;
  Digest history;
  Digest state;
  friend bool operator==(const RootReport&, const RootReport&) = default;
};

// "A majority has these digests at this index." Sent to a member whose own differ.
struct RootVerdict {
  Index index;
  Digest history;
  Digest state;
  friend bool operator==(const RootVerdict&, const RootVerdict&) = default;
};

// The genesis, for a member that is empty.
struct GenesisOffer {
  Genesis genesis;
  friend bool operator==(const GenesisOffer&, const GenesisOffer&) = default;
};

using PeerMessage =
    std::variant<raft::Message, Forward, ForwardReply, RootReport, RootVerdict, GenesisOffer>;

struct Outgoing {
  NodeId to;
  PeerMessage message;
};

}  // namespace kvcluster::replica
