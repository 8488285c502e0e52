// How a cluster is born, and who is let in: the checks on a Hello, and the genesis.
//
// A first start needs all initial members to be reachable and empty; the one with the lowest id
// makes the genesis, stores it durably and offers it to the others, each of which stores it before
// it votes. Members that hold the genesis offer it to those named in it that have none yet. An
// empty member that the genesis knows by another incarnation has lost its disk: it is refused.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/ids.hpp"
#include "base/result.hpp"
#include "raft/configuration.hpp"
#include "replica/genesis.hpp"
#include "replica/peer_message.hpp"

namespace kvcluster::replica {

// An empty node that waits for its cluster. Pure.
class Bootstrap {
 public:
  struct Options {
    NodeId self;
    raft::Incarnation incarnation{};
    std::vector<raft::Member> members;  // initial, with addresses; self included; ascending ids
    // Makes the genesis as soon as a majority is reachable, without waiting for the others
    // (--bootstrap).
    bool force = false;
    ClusterId new_cluster_id{};  // random, used only if this node makes the genesis
    HashKey new_hash_key{};      // likewise
  };

  explicit Bootstrap(Options options);

  // The state of the peer as of now; a later Hello replaces an earlier one.
  // Errors: kWrongIdentity with the sentence for the refused peer.
  [[nodiscard]] Status peer_hello(const Hello& hello);
  // The connection to the peer was lost: it no longer counts as reachable.
  void peer_lost(NodeId peer);
  // Errors: kWrongIdentity when the offer does not name this node's incarnation.
  [[nodiscard]] Status offered(const Genesis& genesis);

  // Set once this node knows the genesis: store it durably, then start the Replica.
  [[nodiscard]] const std::optional<Genesis>& genesis() const { return genesis_; }
  // What it waits for, in plain words (KV.WHY).
  [[nodiscard]] std::string why() const;

 private:
  void make_if_due();

  Options options_;
  std::map<NodeId, Hello> peers_;
  std::optional<Genesis> genesis_;
};

// What a member of a formed cluster does with a peer's Hello.
struct Admission {
  enum class Verdict : std::uint8_t {
    kWelcome,
    kOfferGenesis,  // an empty member that the configuration knows: offer it the genesis
    kClaim,         // an empty member whose incarnation is not yet known: the leader binds it first
    kRefuse,
  };
  Verdict verdict = Verdict::kRefuse;
  std::string sentence;  // why it is refused, and what to do
};

[[nodiscard]] Admission admit(const Hello& hello, NodeId self, const ClusterId& cluster_id,
                              const raft::Configuration& configuration);

}  // namespace kvcluster::replica
