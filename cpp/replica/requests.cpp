// What clients ask, of this node or through a peer that forwards: to the log, to the state, or on
// to the leader.
#include <absl/container/flat_hash_set.h>
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <iterator>
#include <memory>

#include "base/mutant.hpp"
#include "replica/replica_impl.hpp"

namespace kvcluster::replica {
namespace {

// How long a leader that took no command is left alone, unless another one is heard of.
constexpr Duration kDeclinedRetry = std::chrono::milliseconds(20);
constexpr WallMillis kClockRetryMs = 10;
constexpr std::size_t kMaxTurnBytes = 2 * kMaxRequestBytes;
constexpr std::size_t kStampBytes = kv::StateMachine::kEntryTimeBytes;
static_assert(kStampBytes == sizeof(WallMillis));

std::string too_large(const char* what, std::size_t bytes) {
  return fmt::format("ERR a {} of {} bytes: the limit is {}", what, bytes, kMaxRequestBytes);
}

}  // namespace

void Replica::Impl::submit(RequestBatch& batch) {
  if (batch.empty()) return;
  const std::vector<RequestBatch::Item> items = batch.items();
  const auto owner = std::make_shared<Bytes>(batch.take_buffer());
  batch.clear();
  const BytesView all = *owner;
  for (const RequestBatch::Item& item : items) {
    const Origin origin{kNoNode, item.id, item.connection};
    Slice request(owner, all.substr(item.offset, item.size));
    if (roots.status().diverged) {
      finish(origin, Completion::Outcome::kRefused, {},
             "LOADING this node's state differs from the majority's; it is being repaired");
    } else if (item.size > kMaxRequestBytes && item.mode != RequestBatch::Mode::kLocalRead) {
      finish(origin, Completion::Outcome::kRefused, {}, too_large("command", item.size));
    } else if (item.mode == RequestBatch::Mode::kLocalRead) {
      read_locally(origin, std::move(request), item.min_index);
    } else {
      Incoming incoming{origin, item.mode == RequestBatch::Mode::kWrite, std::move(request),
                        now + options.leader_wait};
      if (incoming.is_write) {
        const std::size_t room = item.offset - kStampBytes;
        incoming.payload = Slice(owner, all.substr(room, item.size + kStampBytes));
        incoming.stamp_room = owner->data() + room;
      }
      turn.push_back(std::move(incoming));
    }
  }
}

void Replica::Impl::read_locally(Origin origin, Slice request, Index min_index) {
  std::vector<PendingReads::Read> one;
  one.push_back({origin, std::move(request), min_index});
  reads.add(PendingReads::kLocalRound, std::move(one), state.applied(),
            now + options.request_timeout);
}

void Replica::Impl::receive_forward(NodeId from, Forward forward) {
  const Origin origin{from, forward.id, forward.connection};
  if (core.role() != raft::Role::kLeader || roots.status().diverged) {
    finish(origin, Completion::Outcome::kNotLeader);
    return;
  }
  if (forward.request.size() > kMaxRequestBytes) {
    finish(origin, Completion::Outcome::kRefused, {}, too_large("command", forward.request.size()));
    return;
  }
  const auto info = kv::inspect_request(forward.request.view());
  if (!info || info->is_write != forward.is_write) {
    finish(origin, Completion::Outcome::kRefused, {}, "ERR a forwarded command is malformed");
    return;
  }
  turn.push_back({origin, forward.is_write, std::move(forward.request), now});
}

// One turn's writes are one batch of the log, whose size is bounded; the others follow in order.
void Replica::Impl::keep_for_next_turn(std::vector<Incoming>& requests) {
  std::size_t bytes = 0;
  const auto first_kept = std::ranges::find_if(requests, [&bytes](const Incoming& request) {
    if (request.is_write) bytes += request.request.size();
    return bytes > kMaxTurnBytes;
  });
  std::move(first_kept, requests.end(), std::back_inserter(turn));
  requests.erase(first_kept, requests.end());
}

// Everything of this turn goes one way: to the log and the state when this node leads, else to the
// leader, else it waits for one. What waited before goes first.
void Replica::Impl::route_requests(WallMillis wall) {
  const bool leads = core.role() == raft::Role::kLeader;
  const NodeId leader = leads ? options.raft.self : core.leader();
  if (leader == kNoNode || (!leads && now < leader_declines_until)) {
    for (Incoming& request : std::exchange(turn, {})) not_appended(std::move(request));
    return;
  }
  std::vector<Forwarder::Command> waited = forwarder.take_waiting();
  if (leads) {
    std::vector<Incoming> requests;
    requests.reserve(waited.size() + turn.size());
    for (Forwarder::Command& command : waited) {
      requests.push_back(
          {command.origin, command.is_write, std::move(command.request), command.leader_deadline});
    }
    std::ranges::move(turn, std::back_inserter(requests));
    turn.clear();
    keep_for_next_turn(requests);
    propose_and_read(std::move(requests), wall);
    return;
  }
  for (Incoming& request : std::exchange(turn, {})) {
    if (!request.origin.local()) {
      finish(request.origin, Completion::Outcome::kNotLeader);
      continue;
    }
    waited.push_back(
        {request.origin, request.is_write, std::move(request.request), request.leader_deadline});
  }
  send_to_leader(std::move(waited), leader);
}

void Replica::Impl::send_to_leader(std::vector<Forwarder::Command> commands, NodeId leader) {
  for (Forwarder::Command& command : commands) {
    if (!options.forward_to_leader) {
      finish(command.origin, Completion::Outcome::kNotLeader);
      continue;
    }
    send(leader, forwarder.send(leader, std::move(command), now + options.request_timeout));
  }
}

// Stamps the writes among `requests` with the time. The stamp goes into the room before each
// request; those that have none (they came from a peer, or waited) are copied into a buffer that
// has.
std::vector<raft::Propose::Item> Replica::Impl::stamp(const std::vector<Incoming>& requests,
                                                      WallMillis wall) {
  last_stamp = std::max({wall, last_stamp, state.cluster_time()});
  std::size_t copied_bytes = 0;
  for (const Incoming& request : requests) {
    if (request.is_write && request.stamp_room == nullptr) {
      copied_bytes += request.request.size() + kStampBytes;
    }
  }
  const auto copies = std::make_shared<Bytes>();
  copies->reserve(copied_bytes);  // its bytes must not move: slices point into them
  std::vector<raft::Propose::Item> items;
  items.reserve(requests.size());
  for (const Incoming& request : requests) {
    if (!request.is_write) continue;
    if (request.stamp_room != nullptr) {
      std::memcpy(request.stamp_room, &last_stamp, kStampBytes);
      items.push_back({raft::EntryKind::kCommand, request.payload});
      continue;
    }
    const std::size_t begin = copies->size();
    kv::StateMachine::encode_entry(last_stamp, request.request.view(), *copies);
    items.push_back({raft::EntryKind::kCommand, Slice(copies, BytesView(*copies).substr(begin))});
  }
  return items;
}

void Replica::Impl::propose_and_read(std::vector<Incoming> requests, WallMillis wall) {
  if (requests.empty()) return;
  if (write_refusal) {
    std::erase_if(requests, [&](const Incoming& request) {
      if (!request.is_write) return false;
      finish(request.origin, Completion::Outcome::kRefused, {}, *write_refusal);
      return true;
    });
  }
  raft::Propose propose{stamp(requests, wall)};
  raft::Proposed proposed;
  if (!propose.items.empty()) proposed = step(std::move(propose)).value();
  Index next = proposed.first;
  std::vector<PendingReads::Read> turn_reads;
  // Whose write could not be appended: what the same connection asked after it must not overtake
  // it.
  absl::flat_hash_set<std::pair<std::uint64_t, std::uint64_t>> held_up;
  for (Incoming& request : requests) {
    const std::pair connection{request.origin.node.value(), request.origin.connection};
    if (request.is_write && !proposed.accepted) held_up.insert(connection);
    if (!held_up.empty() && held_up.contains(connection)) {
      not_appended(std::move(request));
      continue;
    }
    if (request.is_write) {
      writes.add({next, proposed.term, request.origin, now + options.request_timeout});
      last_write[connection] = next;
      next = next.next();
      continue;
    }
    const auto last = last_write.find(connection);
    Index needed = core.commit_index();
    if (!mutated(Mutant::kReadBeforeNoop)) needed = std::max(needed, leader_first_index);
    if (last != last_write.end()) needed = std::max(needed, last->second);
    turn_reads.push_back({request.origin, std::move(request.request), needed});
  }
  if (turn_reads.empty()) return;
  const std::uint64_t round = ++read_rounds;
  reads.add(round, std::move(turn_reads), state.applied(), now + options.request_timeout);
  step(raft::ReadRequest{round});
}

// Certainly not in any log: a client of this node may wait for the next leader; a peer decides
// itself.
void Replica::Impl::not_appended(Incoming request) {
  const bool another_leads = core.role() != raft::Role::kLeader && core.leader() != kNoNode;
  if (!request.origin.local() || (another_leads && !options.forward_to_leader)) {
    finish(request.origin, Completion::Outcome::kNotLeader);
  } else if (forwarder.size() >= options.max_pending_requests) {
    finish(request.origin, Completion::Outcome::kRefused, {},
           "TRYAGAIN too many commands wait for a leader");
  } else {
    forwarder.wait(
        {request.origin, request.is_write, std::move(request.request), request.leader_deadline});
  }
}

void Replica::Impl::receive_forward_reply(NodeId from, const ForwardReply& reply_message) {
  auto command = forwarder.answered(from, reply_message.id);
  if (!command) return;  // too late: it was answered as uncertain
  switch (reply_message.outcome) {
    case ForwardOutcome::kReplied: {
      auto result = kv::decode_reply(reply_message.reply.view());
      if (result) {
        reply(command->origin, std::move(*result), reply_message.index);
      } else {
        finish(command->origin, Completion::Outcome::kUncertain, reply_message.index);
      }
      return;
    }
    case ForwardOutcome::kUncertain:
      finish(command->origin, Completion::Outcome::kUncertain, reply_message.index);
      return;
    case ForwardOutcome::kRefused: {
      auto error = kv::decode_reply(reply_message.reply.view());
      out.completions.push_back(
          {command->origin.id,
           Completion::Outcome::kRefused,
           {},
           error ? std::move(*error) : kv::Reply::error("ERR a reply was malformed")});
      return;
    }
    case ForwardOutcome::kNotLeader:
      declined(from, std::move(*command));
      return;
  }
}

// A leader that hands over, is over its bound, has stepped down and this node has not heard yet, or
// cannot be sent to: asking again at once would only send the command back and forth.
void Replica::Impl::declined(NodeId by, Forwarder::Command command) {
  if (by == core.leader()) leader_declines_until = now + kDeclinedRetry;
  not_appended(
      {command.origin, command.is_write, std::move(command.request), command.leader_deadline});
}

// Whoever they were sent to may have appended them, and no answer will come.
void Replica::Impl::without_answer(std::vector<Forwarder::Command> commands) {
  std::vector<Forwarder::Command> repeatable;
  for (Forwarder::Command& command : commands) {
    if (command.is_write && !mutated(Mutant::kBlindRetry)) {
      finish(command.origin, Completion::Outcome::kUncertain);
    } else {
      repeatable.push_back(std::move(command));  // a read changes nothing
    }
  }
  forwarder.wait_again(std::move(repeatable));
}

void Replica::Impl::finish_overdue() {
  if (now >= former_leader_deadline) {
    former_leader_deadline = Instant::max();
    const bool leads = core.role() == raft::Role::kLeader;
    without_answer(forwarder.sent_elsewhere(leads ? options.raft.self : core.leader()));
  }
  for (const PendingWrites::Write& write : writes.expired(now)) {
    forget_last_write(write);
    if (mutated(Mutant::kFailedButCommits)) {
      finish(write.origin, Completion::Outcome::kNoLeader);
      continue;
    }
    finish(write.origin, Completion::Outcome::kUncertain, write.index);
  }
  for (const PendingReads::Read& read : reads.expired(now)) {
    finish(read.origin, Completion::Outcome::kRefused, {},
           "TRYAGAIN this node did not reach the state that the read needs in time");
  }
  for (const Forwarder::Command& command : forwarder.expired(now)) {
    if (command.is_write) {
      finish(command.origin, Completion::Outcome::kUncertain);
    } else {
      finish(command.origin, Completion::Outcome::kNoLeader);
    }
  }
  for (const Forwarder::Command& command : forwarder.gave_up(now)) {
    finish(command.origin, Completion::Outcome::kNoLeader);
  }
}

bool Replica::Impl::may_propose_clock() const {
  return core.ready() && !clock_entry && !write_refusal;
}

Instant Replica::Impl::next_clock_deadline(WallMillis wall) const {
  if (!may_propose_clock()) return Instant::max();
  const auto due = state.expiry_deadline(wall);
  if (!due) return Instant::max();
  // What is due already was not accepted in this turn: not tried again at once.
  const WallMillis wait_ms = *due > wall ? *due - wall : kClockRetryMs;
  const auto capped = static_cast<std::int64_t>(std::min<WallMillis>(wait_ms, 60'000));
  return now + std::chrono::milliseconds(capped);
}

// Nothing expires by a local clock: the leader moves the time inside the log when something is due.
void Replica::Impl::propose_clock_if_due(WallMillis wall) {
  if (!may_propose_clock()) return;
  const auto due = state.expiry_deadline(wall);
  if (!due || *due > wall) return;
  last_stamp = std::max({wall, last_stamp, state.cluster_time()});
  Bytes payload;
  kv::StateMachine::encode_clock_entry(last_stamp, payload);
  raft::Propose propose;
  propose.items.push_back({raft::EntryKind::kCommand, Slice::of(std::move(payload))});
  const raft::Proposed proposed = step(std::move(propose)).value();
  if (proposed.accepted) clock_entry = proposed.first;
}

void Replica::Impl::reply(const Origin& origin, kv::Reply result, Index index) {
  if (origin.local()) {
    out.completions.push_back({origin.id, Completion::Outcome::kReplied, index, std::move(result)});
    return;
  }
  Bytes encoded;
  kv::encode(result, encoded);
  if (encoded.size() > kMaxForwardedReplyBytes) {
    // No frame holds it. A write was applied, but what it answers cannot be told.
    const bool is_write = index != Index{};
    return is_write ? finish(origin, Completion::Outcome::kUncertain, index)
                    : finish(origin, Completion::Outcome::kRefused, {},
                             too_large("reply through a follower", encoded.size()));
  }
  send(origin.node,
       ForwardReply{origin.id, ForwardOutcome::kReplied, index, Slice::of(std::move(encoded))});
}

void Replica::Impl::finish(const Origin& origin, Completion::Outcome outcome, Index index,
                           std::string error) {
  kv::Reply refusal = error.empty() ? kv::Reply::nil() : kv::Reply::error(std::move(error));
  if (origin.local()) {
    out.completions.push_back({origin.id, outcome, index, std::move(refusal)});
    return;
  }
  ForwardReply answer{origin.id, ForwardOutcome::kNotLeader, index, {}};
  if (outcome == Completion::Outcome::kUncertain) answer.outcome = ForwardOutcome::kUncertain;
  if (outcome == Completion::Outcome::kRefused) {
    answer.outcome = ForwardOutcome::kRefused;
    Bytes encoded;
    kv::encode(refusal, encoded);
    answer.reply = Slice::of(std::move(encoded));
  }
  send(origin.node, std::move(answer));
}

}  // namespace kvcluster::replica
