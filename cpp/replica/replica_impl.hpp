// The inside of Replica: the parts that wait, and the loop that feeds consensus and applies what it
// commits. One file a concern: requests.cpp (what clients and peers ask), effects.cpp (what
// consensus says), replica.cpp (the turn).
#pragma once

#include <absl/container/flat_hash_map.h>

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "kv/state_machine.hpp"
#include "raft/core.hpp"
#include "replica/forwarder.hpp"
#include "replica/origin.hpp"
#include "replica/pending_reads.hpp"
#include "replica/pending_writes.hpp"
#include "replica/replica.hpp"
#include "replica/root_check.hpp"

namespace kvcluster::replica {

struct Replica::Impl {
  Impl(const Options& given, raft::Restored restored, kv::StateMachine& machine, std::uint64_t seed,
       Instant start);

  // A request that is to be proposed or read in this turn.
  struct Incoming {
    Origin origin;
    bool is_write = false;
    Slice request;
    Instant leader_deadline;
    // A write of this turn's batch: the entry's payload, that is room for the time stamp and then
    // the request. The room lies in a buffer that nobody else has seen yet. Else: none.
    Slice payload{};
    char* stamp_room = nullptr;
  };

  // requests.cpp
  void submit(RequestBatch& batch);
  void receive_forward(NodeId from, Forward forward);
  void receive_forward_reply(NodeId from, const ForwardReply& reply);
  void read_locally(Origin origin, Slice request, Index min_index);
  void route_requests(WallMillis wall);
  void keep_for_next_turn(std::vector<Incoming>& requests);
  void propose_and_read(std::vector<Incoming> requests, WallMillis wall);
  std::vector<raft::Propose::Item> stamp(const std::vector<Incoming>& requests, WallMillis wall);
  void send_to_leader(std::vector<Forwarder::Command> commands, NodeId leader);
  void not_appended(Incoming request);
  void declined(NodeId by, Forwarder::Command command);
  void propose_clock_if_due(WallMillis wall);
  [[nodiscard]] bool may_propose_clock() const;
  [[nodiscard]] Instant next_clock_deadline(WallMillis wall) const;
  void finish_overdue();
  void without_answer(std::vector<Forwarder::Command> commands);

  // Answers, to a client of this node or to the peer that forwarded its command.
  void reply(const Origin& origin, kv::Reply result, Index index = {});
  void finish(const Origin& origin, Completion::Outcome outcome, Index index = {},
              std::string error = {});

  // effects.cpp
  // Feeds consensus and does what it says. Set for a Propose: its outcome.
  std::optional<raft::Proposed> step(raft::Event event);
  void apply(std::span<const raft::Entry> entries);
  void apply(const raft::Entry& entry);
  void tell_applied();
  void forget_last_write(const PendingWrites::Write& write);
  void role_may_have_changed();
  void send(NodeId to, PeerMessage message) { out.messages.push_back({to, std::move(message)}); }
  void compare_roots();

  Options options;
  raft::Core core;
  kv::StateMachine& state;
  PendingWrites writes;
  PendingReads reads;
  Forwarder forwarder;
  RootCheck roots;

  Instant now;
  Output out;  // of this turn so far

  std::vector<Incoming> turn;  // requests of this turn, in order of arrival
  std::optional<std::string> write_refusal;
  Index applied_told;  // the core knows of it
  std::uint64_t read_rounds = 0;
  // Where a connection's last write stands, while it is not applied. Looked up only.
  absl::flat_hash_map<std::pair<std::uint64_t, std::uint64_t>, Index> last_write;
  // The persist batches' messages, kept until the batch is durable.
  std::vector<std::pair<std::uint64_t, std::vector<raft::Message>>> held;

  // The leader would not take what was forwarded: what waits is sent then, or to another one.
  Instant leader_declines_until{};
  // There is another leader: what the one before has not answered by then it never will.
  Instant former_leader_deadline = Instant::max();
  bool was_leader = false;
  Term leader_term;          // of the leadership that `writes` belongs to
  Index leader_first_index;  // its first entry, the no-op
  WallMillis last_stamp = 0;
  std::optional<Index> clock_entry;  // proposed and not yet applied
  Instant next_root_check;
};

}  // namespace kvcluster::replica
