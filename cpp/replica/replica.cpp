#include "replica/replica.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <utility>

#include "base/check.hpp"
#include "base/random.hpp"
#include "replica/replica_impl.hpp"

namespace kvcluster::replica {
namespace {

// Where the ids of forwarded commands begin: by seed and time of this start, far from those of the
// starts before, and with room to count up.
std::uint64_t first_forward_id(std::uint64_t seed, Instant start) {
  Random random(seed ^ static_cast<std::uint64_t>(start.time_since_epoch().count()));
  return random.next() >> 1U;
}

}  // namespace

Replica::Impl::Impl(const Options& given, raft::Restored restored, kv::StateMachine& machine,
                    std::uint64_t seed, Instant start)
    : options(given),
      core(given.raft, std::move(restored), seed, start),
      state(machine),
      reads([this](BytesView request) { return state.read(request, state.cluster_time()); }),
      forwarder(first_forward_id(seed, start)),
      roots(given.raft.self),
      now(start),
      applied_told(machine.applied()) {}

Replica::Replica(const Options& options, raft::Restored restored, kv::StateMachine& state,
                 std::uint64_t seed, Instant now) {
  KV_CHECK(restored.applied == state.applied(), "the state machine stands at the checkpoint");
  impl_ = std::make_unique<Impl>(options, std::move(restored), state, seed, now);
}

Replica::~Replica() = default;

void Replica::receive(Instant now, NodeId from, PeerMessage message) {
  Impl& self = *impl_;
  self.now = now;
  if (auto* raft_message = std::get_if<raft::Message>(&message)) {
    // A connection speaks for one node, and to this one.
    if (raft_message->from != from || raft_message->to != self.options.raft.self) return;
    self.step(raft::Receive{std::move(*raft_message)});
  } else if (auto* forward = std::get_if<Forward>(&message)) {
    self.receive_forward(from, std::move(*forward));
  } else if (const auto* reply = std::get_if<ForwardReply>(&message)) {
    self.receive_forward_reply(from, *reply);
  } else if (const auto* report = std::get_if<RootReport>(&message)) {
    if (self.core.role() == raft::Role::kLeader) {
      for (Outgoing& verdict :
           self.roots.answered(from, *report, self.core.configuration().quorum())) {
        self.out.messages.push_back(std::move(verdict));
      }
    } else if (from == self.core.leader()) {
      if (auto answer = self.roots.asked(from, *report, self.state)) {
        self.out.messages.push_back(std::move(*answer));
      }
    }
  } else if (const auto* verdict = std::get_if<RootVerdict>(&message)) {
    if (from == self.core.leader()) self.roots.judged(*verdict);
  }
  // A GenesisOffer is for the empty; this replica was born already.
}

void Replica::forward_not_sent(Instant now, NodeId to, std::uint64_t id) {
  Impl& self = *impl_;
  self.now = now;
  if (auto command = self.forwarder.answered(to, id)) self.declined(to, std::move(*command));
}

void Replica::submit(Instant now, RequestBatch& batch) {
  impl_->now = now;
  impl_->submit(batch);
}

void Replica::connection_closed(std::uint64_t connection) {
  impl_->last_write.erase({kNoNode.value(), connection});
}

void Replica::persisted(Instant now, std::uint64_t sequence) {
  Impl& self = *impl_;
  self.now = now;
  auto at = self.held.begin();
  for (; at != self.held.end() && at->first <= sequence; ++at) {
    for (raft::Message& message : at->second) {
      const NodeId to = message.to;
      self.send(to, std::move(message));
    }
  }
  self.held.erase(self.held.begin(), at);
  self.step(raft::Persisted{sequence});
}

void Replica::peer_connected(Instant now, const Hello& hello) {
  impl_->now = now;
  impl_->step(raft::PeerConnected{hello.from, hello.priority, hello.log_lost});
}

void Replica::peer_lost(Instant now, NodeId peer) {
  impl_->now = now;
  impl_->without_answer(impl_->forwarder.lost(peer));
  impl_->step(raft::PeerLost{peer});
}

void Replica::checkpointed(Instant now, Index through) {
  impl_->now = now;
  // Telling consensus of one page of entries may bring the next: the state, and its checkpoint, can
  // be ahead of what it was told at the end of the turn.
  impl_->tell_applied();
  impl_->step(raft::Compact{through});
}

void Replica::snapshot_chunk(Instant now, raft::SnapshotChunk chunk) {
  impl_->now = now;
  impl_->step(std::move(chunk));
}

void Replica::snapshot_unavailable(Instant now, NodeId to) {
  impl_->now = now;
  impl_->step(raft::SnapshotUnavailable{to});
}

void Replica::snapshot_stored(Instant now, const raft::SnapshotStored& stored) {
  Impl& self = *impl_;
  self.now = now;
  if (stored.installed) {
    KV_CHECK(self.state.applied() == stored.last.index, "the state is restored before it is told");
    self.applied_told = stored.last.index;
    for (const PendingWrites::Write& write : self.writes.skipped(stored.last.index)) {
      self.finish(write.origin, Completion::Outcome::kUncertain, write.index);
    }
    self.reads.applied(stored.last.index);
  }
  self.step(stored);
}

void Replica::transfer_leadership(Instant now, NodeId to) {
  impl_->now = now;
  impl_->step(raft::TransferLeadership{to});
}

void Replica::refuse_writes(std::optional<std::string> error) {
  impl_->write_refusal = std::move(error);
}

void Replica::claim(Instant now, const Hello& hello) {
  Impl& self = *impl_;
  self.now = now;
  if (!self.core.ready()) return;
  raft::Configuration next = self.core.configuration();
  const auto member = std::ranges::find(next.members, hello.from, &raft::Member::id);
  if (member == next.members.end() || member->incarnation != raft::Incarnation{}) return;
  member->incarnation = hello.incarnation;
  Bytes payload;
  raft::encode(next, payload);
  raft::Propose propose;
  propose.items.push_back({raft::EntryKind::kConfiguration, Slice::of(std::move(payload))});
  self.step(std::move(propose));
}

Output Replica::end_turn(Instant now, WallMillis wall) {
  Impl& self = *impl_;
  self.now = now;
  if (self.core.next_deadline() <= now) self.step(raft::Tick{});
  self.route_requests(wall);
  self.propose_clock_if_due(wall);
  self.compare_roots();
  self.tell_applied();
  self.finish_overdue();
  for (PendingReads::Answer& answer : self.reads.take_answers()) {
    self.reply(answer.origin, std::move(answer.reply));
  }
  Output out = std::exchange(self.out, {});
  out.diverged = self.roots.status().diverged;
  out.next_deadline =
      std::min({self.core.next_deadline(), self.writes.next_deadline(), self.reads.next_deadline(),
                self.forwarder.next_deadline(), self.former_leader_deadline});
  out.next_deadline = std::min(out.next_deadline, self.next_clock_deadline(wall));
  if (!self.turn.empty()) out.next_deadline = now;
  if (self.forwarder.anyone_waits() && now < self.leader_declines_until) {
    out.next_deadline = std::min(out.next_deadline, self.leader_declines_until);
  }
  return out;
}

const raft::Core& Replica::core() const { return impl_->core; }
const kv::StateMachine& Replica::state() const { return impl_->state; }
RootStatus Replica::roots() const { return impl_->roots.status(); }

std::size_t Replica::pending_requests() const {
  return impl_->writes.size() + impl_->reads.size() + impl_->forwarder.size() + impl_->turn.size();
}

bool Replica::leads() const { return impl_->core.ready(); }

std::string Replica::why(Instant now) const {
  const Impl& self = *impl_;
  const raft::CoreStatus status = self.core.status();
  if (self.roots.status().diverged) {
    return "this node's state differs from the majority's; it serves nothing until it is repaired "
           "from a snapshot";
  }
  const std::size_t quorum = self.core.configuration().quorum();
  switch (status.role) {
    case raft::Role::kLeader: {
      if (self.write_refusal) return "writes are refused: " + *self.write_refusal;
      const auto active = 1 + static_cast<std::size_t>(std::ranges::count(
                                  status.peers, true, &raft::PeerStatus::recently_active));
      if (active < quorum) {
        return fmt::format(
            "this node leads term {} but hears only {} of {} members; it needs {} to commit, and "
            "will step down",
            status.term.value(), active, self.core.configuration().voter_count(), quorum);
      }
      if (!status.ready) {
        return fmt::format(
            "this node was just elected for term {}; its first entry is not "
            "committed yet",
            status.term.value());
      }
      if (status.last_log.index > status.commit_index) {
        return fmt::format("{} entries wait for a quorum's disks",
                           status.last_log.index.value() - status.commit_index.value());
      }
      return fmt::format("all is well: this node leads term {}", status.term.value());
    }
    case raft::Role::kFollower:
      if (status.leader != kNoNode) {
        return fmt::format("all is well: node {} leads term {}", status.leader.value(),
                           status.term.value());
      }
      [[fallthrough]];
    case raft::Role::kPreCandidate:
    case raft::Role::kCandidate: {
      const auto wait =
          std::chrono::duration_cast<std::chrono::milliseconds>(self.core.next_deadline() - now);
      return fmt::format(
          "no leader is known in term {}: this node is a {}, and needs {} of {} votes; its next "
          "try "
          "is due in {} ms",
          status.term.value(),
          status.role == raft::Role::kFollower ? "follower that waits for its election timeout"
                                               : "candidate",
          quorum, self.core.configuration().voter_count(), std::max<std::int64_t>(wait.count(), 0));
    }
  }
  return {};
}

}  // namespace kvcluster::replica
