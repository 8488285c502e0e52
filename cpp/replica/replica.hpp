// One replica: consensus, the state machine, and all that waits for an index. It takes what
// happened during a turn of the driver's loop and says, once a turn, what is to be done.
//
// Pure: no clock, no I/O, no thread; the simulator runs this same code.
// Thread-safety: none; one owner. Time: `now` never goes back.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.hpp"
#include "base/ids.hpp"
#include "base/result.hpp"
#include "base/time.hpp"
#include "kv/state_machine.hpp"
#include "raft/core.hpp"
#include "replica/peer_message.hpp"

namespace kvcluster::replica {

struct Options {
  raft::Config raft;
  kv::Limits limits;
  // Commands that reach a follower go on to the leader (--follower-mode proxy); otherwise they
  // complete with kNotLeader.
  bool forward_to_leader = true;
  // How long a command waits for a leader before it completes with kNoLeader.
  Duration leader_wait = std::chrono::milliseconds(600);
  // How long an appended write waits for its commit before it completes with kUncertain.
  Duration request_timeout = std::chrono::milliseconds(5000);
  std::size_t max_pending_requests = 200'000;  // beyond: kRefused with -TRYAGAIN
};

// The requests of one turn, encoded back to back into one buffer that becomes the entries' own.
class RequestBatch {
 public:
  enum class Mode : std::uint8_t {
    kWrite,
    kRead,       // linearizable
    kLocalRead,  // this node's own state, whatever its role (READONLY, KV.HASH)
  };
  struct Item {
    std::uint64_t id = 0;          // the caller's; comes back in Completion
    std::uint64_t connection = 0;  // commands of one connection keep their order
    Mode mode = Mode::kRead;
    Index min_index;         // a local read waits until this index is applied
    std::size_t offset = 0;  // of the encoded request in `buffer`
    std::size_t size = 0;
  };

  // Room for the leader's time stamp is kept before each request.
  // Call begin(), let kv::encode_request append to buffer(), then commit() or abandon().
  Bytes& begin();
  void commit(std::uint64_t id, std::uint64_t connection, Mode mode, Index min_index = {});
  void abandon();

  [[nodiscard]] Bytes& buffer() { return buffer_; }
  [[nodiscard]] const std::vector<Item>& items() const { return items_; }
  [[nodiscard]] bool empty() const { return items_.empty(); }
  [[nodiscard]] Bytes take_buffer();
  void clear();

 private:
  Bytes buffer_;
  std::vector<Item> items_;
  std::size_t open_at_ = 0;
};

struct Completion {
  enum class Outcome : std::uint8_t {
    kReplied,    // `reply` is the result (or a deterministic error of the command)
    kUncertain,  // appended at `index`, outcome unknown
    kNotLeader,  // certainly not applied; this node does not lead
    kNoLeader,   // certainly not applied; there was no leader for leader_wait
    kRefused,    // certainly not applied; `reply` is the error
  };
  std::uint64_t id = 0;
  Outcome outcome = Outcome::kReplied;
  Index index;  // kReplied write: its revision; kUncertain: where it was appended
  kv::Reply reply;
};

// Everything that the driver must do after a turn, in this order: start the persist batches, send
// the messages (they depend on no batch of this turn), answer the clients.
struct Output {
  std::vector<raft::PersistBatch> persist;  // their `messages` are kept back until persisted()
  std::vector<Outgoing> messages;
  std::vector<Completion> completions;
  std::vector<raft::SnapshotRead> snapshot_reads;
  std::optional<raft::SnapshotStore> snapshot_store;
  std::optional<Index> log_compacted;
  std::vector<raft::Trace> trace;
  bool role_changed = false;
  // This node's state is not the majority's: it must stop serving and be repaired from a snapshot.
  bool diverged = false;
  Instant next_deadline;
};

struct RootStatus {
  Index verified;  // the newest index at which a majority compared equal
  std::uint64_t comparisons = 0;
  std::uint64_t mismatches = 0;
  bool diverged = false;  // this node's own root is in the minority
};

class Replica {
 public:
  // `state` stands at restored.applied. `seed`: for election timeouts.
  Replica(const Options& options, raft::Restored restored, kv::StateMachine& state,
          std::uint64_t seed, Instant now);
  ~Replica();
  Replica(const Replica&) = delete;
  Replica& operator=(const Replica&) = delete;

  // Events; any number a turn.
  void receive(Instant now, NodeId from, PeerMessage message);
  // The Forward `id` that the last turn had for `to` was certainly not sent: it is tried again.
  void forward_not_sent(Instant now, NodeId to, std::uint64_t id);
  void submit(Instant now, RequestBatch& batch);  // takes the batch's content
  void connection_closed(std::uint64_t connection);
  void persisted(Instant now, std::uint64_t sequence);
  void peer_connected(Instant now, const Hello& hello);
  void peer_lost(Instant now, NodeId peer);
  void checkpointed(Instant now, Index through);  // a durable checkpoint covers the log so far
  void snapshot_chunk(Instant now, raft::SnapshotChunk chunk);
  void snapshot_unavailable(Instant now, NodeId to);
  // After an installed snapshot the caller has restored the state machine already.
  void snapshot_stored(Instant now, const raft::SnapshotStored& stored);
  void transfer_leadership(Instant now, NodeId to);
  // While set, writes complete with kRefused and this error text ("OOM disk full ...").
  void refuse_writes(std::optional<std::string> error);
  // Binds the incarnation of a member that was unknown at the genesis (leader only; else no-op).
  void claim(Instant now, const Hello& hello);

  // Ends the turn. `wall`: the wall clock, stamped into entries by a leader.
  [[nodiscard]] Output end_turn(Instant now, WallMillis wall);

  [[nodiscard]] const raft::Core& core() const;
  [[nodiscard]] const kv::StateMachine& state() const;
  [[nodiscard]] RootStatus roots() const;
  [[nodiscard]] std::size_t pending_requests() const;
  [[nodiscard]] bool leads() const;  // and may serve
  // Why there is no leader, or why a write waits, in plain words.
  [[nodiscard]] std::string why(Instant now) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace kvcluster::replica
