// Peer messages of every kind, from a seed.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "base/random.hpp"
#include "replica/peer_message.hpp"

namespace kvcluster::wire {

inline constexpr std::uint64_t kMessageKinds = 12;

class RandomPeerMessage {
 public:
  explicit RandomPeerMessage(std::uint64_t seed) : random_(seed) {}

  replica::PeerMessage next() { return of_kind(random_.below(kMessageKinds)); }

  replica::PeerMessage of_kind(std::uint64_t kind) {
    switch (kind) {
      case 0:
        return raft_message(raft::RequestVote{entry_id(), flag(), flag()});
      case 1:
        return raft_message(raft::VoteReply{flag(), flag(), Term(number())});
      case 2:
        return raft_message(append_entries());
      case 3:
        return raft_message(raft::AppendReply{flag(), Index(number()), entry_id(), number(),
                                              Duration(random_.below(1U << 30U))});
      case 4:
        return raft_message(raft::InstallSnapshot{entry_id(), configuration(), number(), slice(),
                                                  flag(), number()});
      case 5:
        return raft_message(raft::SnapshotReply{entry_id(), number(), flag(), flag(), number()});
      case 6:
        return raft_message(raft::TimeoutNow{});
      case 7:
        return replica::Forward{number(), number(), flag(), slice()};
      case 8:
        return replica::ForwardReply{number(),
                                     static_cast<replica::ForwardOutcome>(random_.below(4)),
                                     Index(number()), slice()};
      case 9:
        return replica::RootReport{Index(number()), digest(), digest()};
      case 10:
        return replica::RootVerdict{Index(number()), digest(), digest()};
      default:
        return replica::GenesisOffer{genesis()};
    }
  }

  replica::Hello hello() {
    replica::Hello hello;
    hello.from = NodeId(1 + random_.below(100));
    hello.to = NodeId(hello.from.value() + 1);
    fill(hello.cluster_id);
    fill(hello.incarnation);
    hello.priority = static_cast<std::uint32_t>(random_.next());
    hello.log_lost = flag();
    hello.client_address = text(random_.below(40));
    std::uint64_t id = 0;
    for (std::uint64_t n = random_.below(raft::kMaxMembers + 1); n > 0; --n) {
      hello.members.emplace_back(id += 1 + random_.below(5));
    }
    return hello;
  }

 private:
  // Small and large ones alike, so that every length of a varint occurs.
  std::uint64_t number() { return random_.next() >> random_.below(64); }
  bool flag() { return random_.chance(1, 2); }
  raft::EntryId entry_id() { return {Term(number()), Index(number())}; }
  std::string text(std::uint64_t size) {
    std::string bytes(size, '\0');
    for (char& c : bytes) c = static_cast<char>(random_.below(256));
    return bytes;
  }
  Slice slice() { return Slice::of(text(random_.below(200))); }
  template <std::size_t N>
  void fill(std::array<std::uint8_t, N>& bytes) {
    for (auto& byte : bytes) byte = static_cast<std::uint8_t>(random_.below(256));
  }
  Digest digest() {
    Digest digest;
    fill(digest.bytes);
    return digest;
  }
  raft::Message raft_message(raft::Body body) {
    return {NodeId(1 + random_.below(9)), NodeId(1 + random_.below(9)), Term(number()),
            std::move(body)};
  }
  raft::AppendEntries append_entries() {
    raft::AppendEntries body;
    body.prev = {Term(random_.below(1000)), Index(random_.below(1'000'000))};
    body.commit_index = Index(number());
    body.read_round = number();
    raft::EntryId at = body.prev;
    for (std::uint64_t n = random_.below(20); n > 0; --n) {
      at = {at.term.plus(random_.below(3)), at.index.next()};
      body.entries.push_back(
          {at.term, at.index, static_cast<raft::EntryKind>(random_.below(4)), slice()});
    }
    return body;
  }
  raft::Configuration configuration() {
    raft::Configuration configuration;
    std::uint64_t id = 0;
    for (std::uint64_t n = random_.below(6); n > 0; --n) {
      raft::Member member;
      member.id = NodeId(id += 1 + random_.below(5));
      member.role = flag() ? raft::MemberRole::kVoter : raft::MemberRole::kLearner;
      fill(member.incarnation);
      member.address = text(random_.below(30));
      configuration.members.push_back(std::move(member));
    }
    return configuration;
  }
  replica::Genesis genesis() {
    replica::Genesis genesis;
    fill(genesis.cluster_id);
    fill(genesis.hash_key);
    genesis.configuration = configuration();
    return genesis;
  }

  Random random_;
};

}  // namespace kvcluster::wire
