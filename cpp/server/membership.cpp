#include "server/membership.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>
#include <variant>

#include "server/clock.hpp"

namespace kvcluster::server {

Membership::Membership(asio::io_context& io, net::Turn& turn, const NodeOptions& options,
                       const storage::Identity& identity, const Random& random, NodeLog& log)
    : options_(options),
      identity_(identity),
      random_(random),
      log_(log),
      cluster_id_(identity.cluster),
      network_(io, turn, options.id, random.seed, *this) {
  members_.push_back(options.id);
  for (const PeerAddress& peer : options.peers) members_.push_back(peer.id);
  std::ranges::sort(members_);
}

void Membership::open(const std::string& peer_address, const std::string& client_address) {
  client_address_ = client_address;
  if (cluster_id_ == replica::kNoCluster) {
    replica::Bootstrap::Options options;
    options.self = options_.id;
    options.incarnation = identity_.incarnation;
    options.force = options_.bootstrap;
    options.new_cluster_id = random_.new_cluster_id;
    options.new_hash_key = random_.new_hash_key;
    for (const NodeId id : members_) {
      raft::Member member;
      member.id = id;
      member.address = peer_address;
      for (const PeerAddress& peer : options_.peers) {
        if (peer.id == id) member.address = net::Endpoint{peer.host, peer.port}.text();
      }
      options.members.push_back(std::move(member));
    }
    bootstrap_.emplace(std::move(options));
  }
  // What this node was told counts; where it was told nothing, what the cluster knows.
  for (const PeerAddress& peer : options_.peers) {
    network_.add_peer(peer.id, {peer.host, peer.port});
  }
  if (replica_ == nullptr) return;
  for (const raft::Member& member : replica_->core().configuration().members) {
    if (auto address = net::parse_endpoint(member.address)) {
      network_.add_peer(member.id, std::move(*address));
    }
  }
}

const replica::Genesis* Membership::genesis() const {
  if (replica_ != nullptr || !bootstrap_ || !bootstrap_->genesis()) return nullptr;
  return &*bootstrap_->genesis();
}

void Membership::joined(const replica::ClusterId& cluster, std::optional<replica::Genesis> genesis,
                        replica::Replica& replica, bool log_lost) {
  genesis_ = std::move(genesis);
  cluster_id_ = cluster;
  log_lost_ = log_lost;
  replica_ = &replica;
  bootstrap_.reset();
  network_.renew();  // this node has another Hello now
}

void Membership::left() {
  replica_ = nullptr;
  introduced_.clear();
}

std::string Membership::why() const { return bootstrap_ ? bootstrap_->why() : std::string(); }

replica::Hello Membership::hello_for(NodeId peer) {
  replica::Hello hello;
  hello.from = options_.id;
  hello.to = peer;
  hello.cluster_id = cluster_id_;
  hello.incarnation = identity_.incarnation;
  hello.priority = options_.priority;
  hello.log_lost = log_lost_;
  hello.client_address = client_address_;
  hello.members = members_;
  return hello;
}

replica::Admission Membership::judge(const replica::Hello& theirs) const {
  using Verdict = replica::Admission::Verdict;
  auto admission =
      replica::admit(theirs, options_.id, cluster_id_, replica_->core().configuration());
  // Without the genesis this node knows nobody's data directory, and binds nobody to one.
  const bool lost = !genesis_ && theirs.cluster_id == cluster_id_;
  if (lost && admission.verdict == Verdict::kClaim) admission.verdict = Verdict::kWelcome;
  return admission;
}

Status Membership::admit(const replica::Hello& theirs) {
  if (replica_ != nullptr) {
    replica::Admission admission = judge(theirs);
    if (admission.verdict != replica::Admission::Verdict::kRefuse) return {};
    return fail(ErrorCode::kWrongIdentity, std::move(admission.sentence));
  }
  if (theirs.to != options_.id) {
    return fail(ErrorCode::kWrongIdentity,
                fmt::format("this is node {}, not node {}; check --peers", options_.id.value(),
                            theirs.to.value()));
  }
  return bootstrap_ ? bootstrap_->peer_hello(theirs) : Status{};
}

void Membership::on_peer_connected(const replica::Hello& theirs) {
  log_.debug(fmt::format("connections to and from node {} are up", theirs.from.value()),
             {{"event", "peer_up"}, {"peer", theirs.from}});
  if (replica_ != nullptr) introduce(monotonic_now(), theirs);
}

void Membership::introduce(Instant now, const replica::Hello& theirs) {
  using Verdict = replica::Admission::Verdict;
  switch (judge(theirs).verdict) {
    case Verdict::kWelcome:
      if (!introduced_.insert(theirs.from).second) return;
      log_.info(fmt::format("node {} connected", theirs.from.value()),
                {{"event", "peer_connected"}, {"peer", theirs.from}});
      if (replica_->core().role() == raft::Role::kLeader) {
        log_.info(fmt::format("catching up: node {} is back, it is sent what it lacks",
                              theirs.from.value()),
                  {{"event", "catching_up"},
                   {"peer", theirs.from},
                   {"last_index", replica_->core().last_index()}});
      }
      replica_->peer_connected(now, theirs);
      return;
    case Verdict::kOfferGenesis:
      if (genesis_ && is_bound(theirs))
        network_.send(theirs.from, replica::GenesisOffer{*genesis_});
      return;
    case Verdict::kClaim:
      if (genesis_) replica_->claim(now, theirs);
      return;
    case Verdict::kRefuse:
      return;
  }
}

// What is applied is committed. The entry that binds a member may so far be in this node's log
// alone: were it lost with its leader, another data directory could be bound in this one's place.
bool Membership::is_bound(const replica::Hello& theirs) const {
  raft::Configuration committed = genesis_->configuration;
  if (const BytesView payload = replica_->state().configuration_payload(); !payload.empty()) {
    auto decoded = raft::decode_configuration(payload);
    if (!decoded) return false;
    committed = std::move(*decoded);
  }
  const raft::Member* member = committed.find(theirs.from);
  return member != nullptr && member->incarnation == theirs.incarnation;
}

void Membership::review(Instant now) {
  if (replica_ == nullptr) return;
  for (const PeerNetwork::PeerView& peer : network_.peers()) {
    if (peer.connected && !introduced_.contains(peer.id)) introduce(now, *peer.hello);
  }
}

void Membership::on_peer_lost(NodeId peer, const std::string& why) {
  if (bootstrap_) bootstrap_->peer_lost(peer);
  if (introduced_.erase(peer) == 0 || replica_ == nullptr) return;
  log_.info(fmt::format("node {} disconnected: {}", peer.value(), why),
            {{"event", "peer_lost"}, {"peer", peer}});
  lost_.insert(peer);
  replica_->peer_lost(monotonic_now(), peer);
}

bool Membership::send(NodeId to, const replica::PeerMessage& message) {
  return introduced_.contains(to) && network_.send(to, message);
}

void Membership::on_peer_messages(NodeId peer, std::vector<replica::PeerMessage> messages) {
  // Of a peer that is not introduced nothing is heard: consensus sends again, and a command that it
  // forwarded is uncertain to it when it learns that one of the connections is down.
  if (replica_ != nullptr && !introduced_.contains(peer)) return;
  const Instant now = monotonic_now();
  for (replica::PeerMessage& message : messages) {
    if (replica_ != nullptr) {
      replica_->receive(now, peer, std::move(message));
      continue;
    }
    const auto* offer = std::get_if<replica::GenesisOffer>(&message);
    if (offer == nullptr || !bootstrap_) continue;
    const Status taken = bootstrap_->offered(offer->genesis);
    if (!taken) on_peer_refused(peer, "this node", taken.error().context);
  }
}

void Membership::on_peer_refused(NodeId peer, std::string_view by_whom,
                                 const std::string& sentence) {
  log_.warn(fmt::format("refused by {} (peer {}): {}", by_whom, peer.value(), sentence),
            {{"event", "peer_refused"}, {"peer", peer}});
}

}  // namespace kvcluster::server
