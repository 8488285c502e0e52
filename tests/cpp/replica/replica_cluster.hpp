// A cluster of real replicas over a virtual clock, network and disk, for tests: deterministic, with
// verbs to crash, cut and hold back.
#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "kv/map_table.hpp"
#include "kv/state_machine.hpp"
#include "replica/replica.hpp"

namespace kvcluster::replica {

class ReplicaCluster {
 public:
  explicit ReplicaCluster(std::uint64_t size = 3, bool forward = true) : forward_(forward) {
    Genesis genesis;
    genesis.cluster_id.fill(1);
    genesis.hash_key.fill(7);
    for (std::uint64_t id = 1; id <= size; ++id) {
      raft::Incarnation incarnation{};
      incarnation.fill(static_cast<std::uint8_t>(id));
      genesis.configuration.members.push_back(
          {NodeId(id), raft::MemberRole::kVoter, incarnation, "node" + std::to_string(id)});
    }
    configuration_ = genesis.configuration;
    Bytes payload;
    encode(genesis, payload);
    genesis_ = {Term(1), Index(1), raft::EntryKind::kGenesis, Slice::of(std::move(payload))};
    for (std::uint64_t id = 1; id <= size; ++id) {
      Node& node = nodes_[id];
      node.hard_state = {Term(1), kNoNode, Index(1)};
      node.log = {genesis_};
      start(id);
    }
  }

  Replica& at(std::uint64_t id) { return *nodes_.at(id).replica; }
  kv::StateMachine& state(std::uint64_t id) { return *nodes_.at(id).state; }

  // --- time ---------------------------------------------------------------------------------
  void run_ms(std::int64_t ms) {
    const Instant end = now_ + std::chrono::milliseconds(ms);
    settle();
    for (;;) {
      Instant next = end;
      for (auto& [id, node] : nodes_) {
        if (node.replica) next = std::min(next, std::max(node.deadline, now_ + Duration(100)));
      }
      now_ = next;
      for (auto& [id, node] : nodes_) {
        if (node.replica && node.deadline <= now_) turn(id);
      }
      settle();
      if (now_ >= end) return;
    }
  }
  // Runs until some live node leads and may serve. Fails the test after 5 simulated seconds.
  std::uint64_t wait_for_leader() {
    for (int i = 0; i < 500; ++i) {
      for (auto& [id, node] : nodes_) {
        if (node.replica && !cut_.contains(id) && node.replica->leads()) return id;
      }
      run_ms(10);
    }
    ADD_FAILURE() << "no leader within 5 s";
    return 0;
  }
  std::uint64_t other_than(std::uint64_t id) const { return id == 1 ? 2 : 1; }

  // --- clients --------------------------------------------------------------------------------
  std::uint64_t submit(std::uint64_t node, const std::vector<std::string>& words,
                       std::uint64_t connection = 1,
                       std::optional<RequestBatch::Mode> mode = std::nullopt,
                       Index min_index = {}) {
    std::vector<BytesView> args(words.begin(), words.end());
    RequestBatch& batch = nodes_.at(node).batch;
    const auto info = kv::encode_request(args, {}, batch.begin());
    EXPECT_TRUE(info) << info.error().context;
    const auto chosen =
        mode.value_or(info->is_write ? RequestBatch::Mode::kWrite : RequestBatch::Mode::kRead);
    batch.commit(++last_request_, connection, chosen, min_index);
    return last_request_;
  }
  // Submits, runs until it completes, and gives the completion.
  Completion call(std::uint64_t node, const std::vector<std::string>& words) {
    const std::uint64_t id = submit(node, words);
    return finish(node, id);
  }
  Completion finish(std::uint64_t node, std::uint64_t id) {
    turn(node);
    for (int i = 0; i < 800 && !completions.contains(id); ++i) run_ms(10);
    EXPECT_TRUE(completions.contains(id)) << "request " << id << " never completed";
    return completions[id];
  }
  std::map<std::uint64_t, Completion> completions;

  // --- failures -------------------------------------------------------------------------------
  void crash(std::uint64_t id) {
    Node& node = nodes_.at(id);
    node.replica.reset();
    node.in_flight.clear();
    node.batch.clear();
    std::erase_if(network_, [&](const Packet& packet) { return packet.to == id; });
    for (auto& [other, peer] : nodes_) {
      if (peer.replica && !separated(id, other)) peer.replica->peer_lost(now_, NodeId(id));
    }
  }
  void start(std::uint64_t id) {
    Node& node = nodes_.at(id);
    node.table = std::make_unique<kv::MapTable>();
    node.state = std::make_unique<kv::StateMachine>(*node.table);
    Options options;
    options.raft.self = NodeId(id);
    options.forward_to_leader = forward_;
    raft::Restored restored;
    restored.hard_state = node.hard_state;
    restored.entries = node.log;
    restored.configuration = configuration_;
    node.replica = std::make_unique<Replica>(options, std::move(restored), *node.state,
                                             1000 * id + ++starts_, now_);
    for (auto& [other, peer] : nodes_) {
      if (other == id || !peer.replica || separated(id, other)) continue;
      connect(id, other);
    }
    node.deadline = now_;
    turn(id);
  }
  // Silent loss of everything between `id` and the others; connections stay open.
  void cut(std::uint64_t id) { cut_.insert(id); }
  void heal(std::uint64_t id) {
    cut_.erase(id);
    for (auto& [other, peer] : nodes_) {
      if (other != id && peer.replica && nodes_.at(id).replica) connect(id, other);
    }
  }
  // The disk of `id` completes nothing until released.
  void hold_disk(std::uint64_t id) { held_disks_.insert(id); }
  void release_disk(std::uint64_t id) { held_disks_.erase(id); }

  // The link of `id` to the others takes no forwarded command.
  void refuse_forwards(std::uint64_t id) { no_forwards_.insert(id); }
  void take_forwards(std::uint64_t id) { no_forwards_.erase(id); }

  void turn(std::uint64_t id) {
    Node& node = nodes_.at(id);
    node.replica->submit(now_, node.batch);
    Output out = node.replica->end_turn(now_, wall());
    node.deadline = out.next_deadline;
    node.diverged = out.diverged;
    for (auto& batch : out.persist) node.in_flight.push_back(std::move(batch));
    for (Outgoing& outgoing : out.messages) {
      const auto* forward = std::get_if<Forward>(&outgoing.message);
      if (forward != nullptr && no_forwards_.contains(id)) {
        node.replica->forward_not_sent(now_, outgoing.to, forward->id);
        node.deadline = now_;
        continue;
      }
      network_.push_back({id, outgoing.to.value(), std::move(outgoing.message)});
    }
    for (Completion& completion : out.completions) {
      EXPECT_FALSE(completions.contains(completion.id)) << "answered twice: " << completion.id;
      completions[completion.id] = std::move(completion);
    }
  }
  void expect_equal_states() {
    std::optional<kv::Digests> first;
    for (auto& [id, node] : nodes_) {
      if (!node.replica) continue;
      const kv::Digests digests = node.state->digests();
      EXPECT_EQ(digests.state, node.state->recompute_state_digest()) << "node " << id;
      if (first) {
        EXPECT_EQ(digests, *first) << "node " << id;
      }
      first = digests;
    }
  }
  bool diverged(std::uint64_t id) { return nodes_.at(id).diverged; }
  Instant now() const { return now_; }
  WallMillis wall() const {
    return 1'700'000'000'000 +
           static_cast<WallMillis>(
               std::chrono::duration_cast<std::chrono::milliseconds>(now_.time_since_epoch())
                   .count());
  }

 private:
  struct Node {
    std::unique_ptr<kv::MapTable> table;
    std::unique_ptr<kv::StateMachine> state;
    std::unique_ptr<Replica> replica;
    RequestBatch batch;
    Instant deadline;
    bool diverged = false;
    // What its disk holds, and what is on the way there.
    raft::HardState hard_state;
    std::vector<raft::Entry> log;
    std::deque<raft::PersistBatch> in_flight;
  };
  struct Packet {
    std::uint64_t from;
    std::uint64_t to;
    PeerMessage message;
  };

  bool separated(std::uint64_t a, std::uint64_t b) const {
    return cut_.contains(a) || cut_.contains(b);
  }
  void connect(std::uint64_t a, std::uint64_t b) {
    for (const auto& [self, peer] : {std::pair(a, b), std::pair(b, a)}) {
      Hello hello;
      hello.from = NodeId(peer);
      hello.to = NodeId(self);
      nodes_.at(self).replica->peer_connected(now_, hello);
    }
  }
  // Delivers and persists until nothing moves any more.
  void settle() {
    for (int rounds = 0; rounds < 10'000; ++rounds) {
      std::set<std::uint64_t> moved;
      std::deque<Packet> packets = std::exchange(network_, {});
      for (Packet& packet : packets) {
        Node& node = nodes_.at(packet.to);
        if (!node.replica || separated(packet.from, packet.to)) continue;
        node.replica->receive(now_, NodeId(packet.from), std::move(packet.message));
        moved.insert(packet.to);
      }
      for (auto& [id, node] : nodes_) {
        while (node.replica && !node.in_flight.empty() && !held_disks_.contains(id)) {
          const std::uint64_t sequence = write(node, node.in_flight.front());
          node.in_flight.pop_front();
          node.replica->persisted(now_, sequence);
          moved.insert(id);
        }
      }
      if (moved.empty()) return;
      for (const std::uint64_t id : moved) turn(id);
    }
    ADD_FAILURE() << "the cluster never comes to rest";
  }
  static std::uint64_t write(Node& node, const raft::PersistBatch& batch) {
    if (batch.hard_state) node.hard_state = *batch.hard_state;
    if (batch.truncate_from) {
      std::erase_if(node.log,
                    [&](const raft::Entry& entry) { return entry.index >= *batch.truncate_from; });
    }
    node.log.insert(node.log.end(), batch.entries.begin(), batch.entries.end());
    return batch.sequence;
  }

  bool forward_;
  Instant now_ = Instant(std::chrono::seconds(1));
  raft::Configuration configuration_;
  raft::Entry genesis_;
  std::map<std::uint64_t, Node> nodes_;
  std::deque<Packet> network_;
  std::set<std::uint64_t> cut_;
  std::set<std::uint64_t> held_disks_;
  std::set<std::uint64_t> no_forwards_;
  std::uint64_t last_request_ = 0;
  std::uint64_t starts_ = 0;
};

}  // namespace kvcluster::replica
