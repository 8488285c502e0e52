#include "replica/bootstrap.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "base/check.hpp"
#include "base/mutant.hpp"

namespace kvcluster::replica {
namespace {

std::vector<NodeId> ids_of(const std::vector<raft::Member>& members) {
  std::vector<NodeId> ids;
  ids.reserve(members.size());
  for (const auto& member : members) ids.push_back(member.id);
  return ids;
}

std::string list(const std::vector<NodeId>& ids) {
  std::vector<std::uint64_t> numbers;
  numbers.reserve(ids.size());
  for (const NodeId id : ids) numbers.push_back(id.value());
  return fmt::format("{}", fmt::join(numbers, ","));
}

}  // namespace

Bootstrap::Bootstrap(Options options) : options_(std::move(options)) {
  KV_CHECK(std::ranges::is_sorted(options_.members, {}, &raft::Member::id),
           "initial members come in ascending order of id");
  make_if_due();
}

Status Bootstrap::peer_hello(const Hello& hello) {
  const std::vector<NodeId> members = ids_of(options_.members);
  if (std::ranges::find(members, hello.from) == members.end()) {
    return fail(ErrorCode::kWrongIdentity,
                fmt::format("node {} is not among the members {} that node {} was started with; "
                            "check --id and --peers on both",
                            hello.from.value(), list(members), options_.self.value()));
  }
  if (hello.cluster_id == kNoCluster && hello.members != members) {
    return fail(
        ErrorCode::kWrongIdentity,
        fmt::format("node {} was started with the members {}, node {} with {}; start all "
                    "with the same --peers",
                    hello.from.value(), list(hello.members), options_.self.value(), list(members)));
  }
  peers_.insert_or_assign(hello.from, hello);
  make_if_due();
  return {};
}

void Bootstrap::peer_lost(NodeId peer) { peers_.erase(peer); }

Status Bootstrap::offered(const Genesis& genesis) {
  if (genesis_) return {};  // whichever came first is the one that was, or will be, stored
  const raft::Member* self = genesis.configuration.find(options_.self);
  // Zero: this member joins a cluster that began without it, and its claim was granted since.
  if (self == nullptr ||
      (self->incarnation != options_.incarnation && self->incarnation != raft::Incarnation{} &&
       !mutated(Mutant::kWipedMemberAdmitted))) {
    return fail(ErrorCode::kWrongIdentity,
                fmt::format("cluster {} does not know this data directory as its node {}; it may "
                            "have been emptied, and can only come back as a new member",
                            to_hex(genesis.cluster_id), options_.self.value()));
  }
  genesis_ = genesis;
  return {};
}

// The lowest id makes the genesis once it hears that every other initial member is empty, so that
// no member of an existing cluster can be drawn into a second one. A forced genesis needs a
// majority that it names: with fewer nobody could lead, and the others could never claim their
// places.
void Bootstrap::make_if_due() {
  if (genesis_) return;
  if (options_.force && peers_.size() + 1 < options_.members.size() / 2 + 1) return;
  const bool lowest = options_.members.front().id == options_.self;
  if (!options_.force && !lowest) return;
  Genesis genesis{options_.new_cluster_id, options_.new_hash_key, {options_.members}};
  for (raft::Member& member : genesis.configuration.members) {
    if (member.id == options_.self) {
      member.incarnation = options_.incarnation;
      continue;
    }
    const auto peer = peers_.find(member.id);
    const bool known = peer != peers_.end();
    if (known && peer->second.cluster_id != kNoCluster) return;  // it will offer its genesis
    if (!known && !options_.force) return;
    member.incarnation = known ? peer->second.incarnation : raft::Incarnation{};
  }
  genesis_ = std::move(genesis);
}

std::string Bootstrap::why() const {
  std::vector<NodeId> missing;
  for (const auto& member : options_.members) {
    if (member.id != options_.self && !peers_.contains(member.id)) missing.push_back(member.id);
  }
  if (!missing.empty()) {
    return fmt::format(
        "the cluster is not formed yet: a first start needs all {} initial members, and node(s) {} "
        "cannot be reached",
        options_.members.size(), list(missing));
  }
  return fmt::format("the cluster is not formed yet: waiting for the genesis from node {}",
                     options_.members.front().id.value());
}

Admission admit(const Hello& hello, NodeId self, const ClusterId& cluster_id,
                const raft::Configuration& configuration) {
  using Verdict = Admission::Verdict;
  const auto refuse = [](std::string sentence) {
    return Admission{Verdict::kRefuse, std::move(sentence)};
  };
  if (hello.to != self) {
    return refuse(
        fmt::format("this is node {}, not node {}; check --peers", self.value(), hello.to.value()));
  }
  if (hello.from == self) {
    return refuse(fmt::format("two nodes run as node {}; check --id", self.value()));
  }
  const raft::Member* member = configuration.find(hello.from);
  if (member == nullptr) {
    return refuse(fmt::format("node {} is not a member of cluster {}", hello.from.value(),
                              to_hex(cluster_id)));
  }
  const bool empty = hello.cluster_id == kNoCluster;
  if (!empty && hello.cluster_id != cluster_id) {
    return refuse(
        fmt::format("node {} belongs to cluster {}, this is cluster {}; check --data-dir "
                    "and --peers",
                    hello.from.value(), to_hex(hello.cluster_id), to_hex(cluster_id)));
  }
  if (member->incarnation == raft::Incarnation{}) {
    return {Verdict::kClaim,
            fmt::format("node {} joins for the first time; the leader binds its data directory",
                        hello.from.value())};
  }
  if (member->incarnation != hello.incarnation && !mutated(Mutant::kWipedMemberAdmitted)) {
    return refuse(fmt::format(
        "node {} came back with an emptied or foreign data directory: it has forgotten its votes "
        "and acknowledged entries and must not take part under its old identity. Nothing is lost: "
        "restore its own data directory, or replace it as a new member",
        hello.from.value()));
  }
  return {empty ? Verdict::kOfferGenesis : Verdict::kWelcome, {}};
}

}  // namespace kvcluster::replica
