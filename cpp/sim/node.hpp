// One simulated node: the real Replica, state machine and Wal, and around them what server/driver
// does, in the same order: propose, persist, send, answer, sync.
//
// One file a concern: node.cpp (the turn), node_events.cpp (what happens between turns),
// node_start.cpp (start and end), node_repair.cpp (damage and repair), node_peers.cpp (who is let
// in), node_checkpoint.cpp (checkpoints and snapshots). Thread-safety: none; one simulation.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "kv/map_table.hpp"
#include "kv/state_machine.hpp"
#include "replica/bootstrap.hpp"
#include "replica/replica.hpp"
#include "sim/coverage.hpp"
#include "sim/image.hpp"
#include "sim/invariants.hpp"
#include "sim/log_writer.hpp"
#include "sim/network.hpp"
#include "sim/profile.hpp"
#include "sim/scheduler.hpp"
#include "sim/trace.hpp"
#include "storage/log_start.hpp"
#include "storage/memory_disk.hpp"

namespace kvcluster::sim {

// Who hears what a node answers.
class CompletionSink {
 public:
  virtual void completed(std::uint8_t node, replica::Completion completion) = 0;
  // All client connections of the node are gone.
  virtual void connections_lost(std::uint8_t node) = 0;

 protected:
  ~CompletionSink() = default;
};

// What all nodes of a run share. All outlive the nodes.
struct World {
  const Profile& profile;
  std::uint64_t seed;
  Scheduler& scheduler;
  Network& network;
  Trace& trace;
  Coverage& coverage;
  Invariants& invariants;
  CompletionSink& clients;
};

class Node final : public PeerHandler {
 public:
  Node(std::uint8_t id, World& world);
  ~Node();

  // Before the first start: what a formed cluster has on its disk, or nothing.
  void format(const std::optional<replica::Genesis>& genesis);
  [[nodiscard]] const raft::Incarnation& incarnation() const { return incarnation_; }

  // --- the process (node_start.cpp)
  void start();
  enum class End : std::uint8_t { kKilled, kPowerCut };
  // `in_write`: the power fails at this operation of a write that is under way.
  void end(End how, std::optional<std::uint64_t> in_write = std::nullopt);
  void wipe();
  void damage_image(std::uint64_t where);
  // False: there was nothing durable to damage.
  bool damage_log(FaultKind how, std::uint64_t where);
  // The digest is wrong from now on, the records are right. False: there is none.
  bool corrupt_digest();

  // --- events; each ends with a turn
  void on_event(const Event& event);
  void request(BytesView encoded, std::uint64_t id, std::uint64_t connection,
               replica::RequestBatch::Mode mode, Index min_index);
  void transfer_leadership(NodeId to);
  void want_checkpoint() { checkpoint_wanted_ = true; }
  void turn();

  // --- what others see
  [[nodiscard]] std::uint8_t id() const { return id_; }
  [[nodiscard]] std::uint32_t life() const { return life_; }
  [[nodiscard]] bool running() const { return running_; }
  // A replica runs: the node is a member.
  [[nodiscard]] bool serves() const { return running_ && engine_ != nullptr; }
  // Running or not, it holds the cluster's log.
  [[nodiscard]] bool formed() const { return cluster_id_ != replica::kNoCluster; }
  [[nodiscard]] Term term() const { return engine_ ? engine_->replica->core().term() : Term{}; }
  [[nodiscard]] bool leads() const { return serves() && engine_->replica->leads(); }
  // It lacks what it had acknowledged, for a while or for good.
  [[nodiscard]] bool impaired() const {
    return wiped_ || mark_ || given_up_ || log_damaged_ || digest_wrong_ || !formed() ||
           (image_ && image_->damaged);
  }
  [[nodiscard]] bool digest_wrong() const { return digest_wrong_; }
  [[nodiscard]] bool repairing() const { return mark_.has_value(); }
  [[nodiscard]] const replica::Replica& replica() const { return *engine_->replica; }
  [[nodiscard]] const kv::StateMachine& state() const { return *engine_->state; }
  [[nodiscard]] storage::MemoryDisk& disk() { return disk_; }
  [[nodiscard]] LogWriter& log() { return log_; }
  [[nodiscard]] bool failed() const { return failed_; }
  // Never by so much that the clocks of two nodes lie a week apart: then a new leader would end all
  // sessions (kv/record.hpp), and a repeat of a command with them.
  void jump_clock(std::int64_t by_ms) {
    constexpr std::int64_t kMost = std::int64_t{3} * 24 * 3600 * 1000;
    wall_offset_ms_ = std::clamp(wall_offset_ms_ + by_ms, -kMost, kMost);
  }
  void set_paused(bool paused) { paused_ = paused; }
  [[nodiscard]] bool paused() const { return paused_; }
  void disk_changed();  // a hung disk works again

  // PeerHandler (node_peers.cpp)
  [[nodiscard]] bool process_up() const override { return running_; }
  [[nodiscard]] bool machine_up() const override { return machine_up_; }
  [[nodiscard]] replica::Hello hello_for(std::uint8_t peer) override;
  void on_link_up(std::uint8_t peer, const replica::Hello& theirs) override;
  void on_link_lost(std::uint8_t peer) override;
  [[nodiscard]] bool on_hello(std::uint8_t peer, const replica::Hello& theirs) override;
  void on_session_lost(std::uint8_t peer) override;
  void on_messages(std::uint8_t peer, std::vector<replica::PeerMessage> messages) override;

 private:
  static constexpr std::size_t kMaxNodes = 8;

  struct Engine {
    kv::MapTable table;
    std::unique_ptr<kv::StateMachine> state;
    std::unique_ptr<replica::Replica> replica;
  };
  struct Peer {
    bool link_welcome = false;
    bool session = false;
    bool connected = false;
    bool introduced = false;
    bool lost = false;  // since the last pass
    std::optional<replica::Hello> hello;
  };
  struct Reader {
    raft::EntryId last;
    raft::Configuration configuration;
    std::shared_ptr<const Bytes> stream;
  };

  // node.cpp
  [[nodiscard]] Instant local_now() const { return to_local(world_.scheduler.now()); }
  [[nodiscard]] Instant to_local(Instant global) const;
  [[nodiscard]] Instant to_global(Instant local) const;
  [[nodiscard]] WallMillis wall() const;
  [[nodiscard]] bool pass();
  [[nodiscard]] bool perform(replica::Output& out);
  void flush();
  bool send(NodeId to, replica::PeerMessage message);
  void follow(const std::vector<raft::Trace>& trace);
  void begin_writing();
  void schedule_wake();
  void housekeeping();
  void judge_disk_space();
  void fail(const Error& error);
  void note(std::string_view kind, std::string text);
  [[nodiscard]] Event event(EventKind kind) const;

  // node_start.cpp
  [[nodiscard]] Status open_storage();
  [[nodiscard]] Status start_engine(raft::Restored restored);
  [[nodiscard]] Status form(const replica::Genesis& genesis);
  [[nodiscard]] Status begin_repair();
  [[nodiscard]] Status make_anew();
  void set_digest_wrong(bool wrong);
  void misdirect(const std::string& name, std::uint64_t size, std::uint64_t from, std::uint64_t to);
  [[nodiscard]] Result<storage::StateFound> look_at_image();
  void start_failed(const Error& error);
  void end_repair_if_done();
  void make_replica(raft::Restored restored);
  void forget_process();

  // node_peers.cpp
  [[nodiscard]] replica::Admission::Verdict judge(const replica::Hello& theirs) const;
  [[nodiscard]] bool let_in(Peer& peer, const replica::Hello& theirs);
  void connect_if_complete(std::uint8_t id);
  void lose(std::uint8_t id);
  void introduce(std::uint8_t id);
  void review();
  [[nodiscard]] bool is_bound(const replica::Hello& theirs) const;
  void begin_bootstrap();

  // node_checkpoint.cpp
  void begin_checkpoint_if_due();
  void checkpoint_done(std::uint64_t number);
  void read_snapshots(const std::vector<raft::SnapshotRead>& reads);
  void chunk_read(const raft::SnapshotRead& read);
  [[nodiscard]] std::optional<raft::SnapshotChunk> read_chunk(const raft::SnapshotRead& read);
  void chunk_stored(const raft::SnapshotStore& chunk);
  void install(const raft::SnapshotStore& chunk);
  void end_transfer(NodeId peer);

  std::uint8_t id_;
  World& world_;
  Random random_;
  replica::Options options_;

  // Durable, beside the log.
  storage::MemoryDisk disk_;
  raft::Incarnation incarnation_{};
  replica::ClusterId cluster_id_{};
  std::shared_ptr<const Image> image_;
  std::optional<storage::RepairMark> mark_;  // as on the disk
  bool wiped_ = false;                       // it was a member
  bool log_damaged_ = false;                 // and not repaired

  // The process.
  LogWriter log_;
  std::uint32_t life_ = 0;
  bool running_ = false;
  bool machine_up_ = true;
  bool failed_ = false;    // ended by itself
  bool given_up_ = false;  // and will not start again
  bool paused_ = false;
  bool digest_wrong_ = false;  // only the world knows
  std::unique_ptr<Engine> engine_;
  std::optional<replica::Bootstrap> bootstrap_;
  std::optional<replica::Genesis> genesis_;
  std::array<Peer, kMaxNodes> peers_;
  std::array<std::vector<replica::PeerMessage>, kMaxNodes> outbox_;
  replica::RequestBatch batch_;
  Instant next_deadline_;  // local
  Instant wake_at_ = Instant::max();
  std::int64_t wall_offset_ms_ = 0;
  bool refusing_writes_ = false;
  bool repair_due_ = false;
  bool make_anew_due_ = false;
  bool log_lost_ = false;
  int repairs_ = 0;

  // Checkpoints.
  Index checkpoint_index_;
  std::uint64_t checkpoint_number_ = 0;
  std::shared_ptr<const Image> checkpoint_;  // under way
  bool checkpoint_wanted_ = false;
  std::uint64_t checkpoint_log_begin_ = 0;
  std::uint64_t checkpoints_made_ = 0;  // and snapshots installed, since the start
  std::map<NodeId, Reader> readers_;
  raft::EntryId receiving_;
  Bytes received_;
  std::shared_ptr<Image> incoming_;  // whole, and not yet in its place
  Pool<raft::SnapshotRead> reads_;
  Pool<raft::SnapshotStore> stores_;
};

}  // namespace kvcluster::sim
