// The loop that joins replica, storage and network (docs/architecture.md, "One node, three
// threads"). One turn: take all that is ready, let the replica end its turn once, then persist,
// send, answer - one WAL write, one frame a peer, one write a client.
//
// Thread-safety: the reactor thread only, but for post().
#pragma once

#include <asio/executor_work_guard.hpp>
#include <asio/io_context.hpp>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "kv/state_machine.hpp"
#include "net/listener.hpp"
#include "net/turn.hpp"
#include "replica/replica.hpp"
#include "server/change_feed.hpp"
#include "server/checkpoint_schedule.hpp"
#include "server/checkpointer.hpp"
#include "server/disk_space.hpp"
#include "server/front.hpp"
#include "server/http_server.hpp"
#include "server/membership.hpp"
#include "server/node_log.hpp"
#include "server/node_options.hpp"
#include "server/node_view.hpp"
#include "server/persistence.hpp"
#include "server/wal_thread.hpp"
#include "storage/store.hpp"

namespace kvcluster::server {

class Driver final : public NodeView {
 public:
  // See Node::start.
  [[nodiscard]] static Result<std::unique_ptr<Driver>> open(NodeOptions options);
  ~Driver() override;
  Driver(const Driver&) = delete;
  Driver& operator=(const Driver&) = delete;

  // Until the node has stopped or failed.
  void run();
  // Any thread: `task` runs in a turn of the loop, or never when the loop has ended.
  void post(std::function<void()> task);
  // After run(): what was posted too late to be seen.
  void run_leftovers();
  // Then: gives up the data directory, the ports and the threads. Only options(), the ports'
  // numbers and failure() may be asked for afterwards.
  void release();

  // Hands over, answers, ends. Again: nothing.
  void begin_stop();
  // Ends with this turn.
  void stop_now();
  [[nodiscard]] const std::optional<Error>& failure() const { return failure_; }

  // Fixed by open(); any thread. http_port() is 0 when there is none.
  [[nodiscard]] std::uint16_t client_port() const { return client_port_; }
  [[nodiscard]] std::uint16_t peer_port() const { return peer_port_; }
  [[nodiscard]] std::uint16_t http_port() const { return http_port_; }

  // NodeView (driver_status.cpp)
  [[nodiscard]] const NodeOptions& options() const override { return options_; }
  [[nodiscard]] Phase phase() const override { return phase_; }
  [[nodiscard]] NodeStatus status() const override;
  [[nodiscard]] std::string why() const override;
  [[nodiscard]] bool leads() const override;
  [[nodiscard]] NodeId leader() const override;
  [[nodiscard]] std::string leader_client_address() const override;
  [[nodiscard]] const std::string& client_address() const override { return client_address_; }
  [[nodiscard]] const kv::StateMachine* state() const override;
  [[nodiscard]] const replica::ChangeRing* changes() const override { return &changes_; }
  [[nodiscard]] Instant now() const override;
  [[nodiscard]] WallMillis wall() const override;
  void transfer_leadership(NodeId to) override;
  void connection_closed(std::uint64_t connection) override;

 private:
  // What exists only while the node is a member of its cluster.
  struct Engine {
    Engine(Driver& driver, std::unique_ptr<kv::StateMachine> machine, raft::Restored restored,
           std::uint64_t log_bytes);
    ChangeFeed feed;
    std::unique_ptr<kv::StateMachine> state;
    replica::Replica replica;
    CheckpointSchedule checkpoints;
  };

  enum class StopStep : std::uint8_t { kNone, kHandingOver, kAnswering };

  Driver(NodeOptions options, std::shared_ptr<NodeLog> log);

  // driver_start.cpp
  [[nodiscard]] Status recover();
  // The store and the threads that work on it.
  [[nodiscard]] Result<storage::OpenedStore> open_storage();
  void release_storage();
  [[nodiscard]] Status listen();
  [[nodiscard]] Status form(const replica::Genesis& genesis);
  [[nodiscard]] Status start_engine(raft::Restored restored, BytesView state_machine_meta);
  [[nodiscard]] replica::Options replica_options() const;

  // driver_repair.cpp
  void notice_divergence();
  [[nodiscard]] Status begin_repair();
  // The log and the state are to be given up as soon as nothing is being written.
  void want_repair(std::string cause);
  [[nodiscard]] Status give_up(storage::RepairMark mark, std::string cause);
  // Why the checkpoint's state cannot be used; empty: it can.
  [[nodiscard]] std::string judge_state(const kv::StateMachine& state) const;
  [[nodiscard]] Result<bool> stopped_by_damage();
  // Closes and opens all that stands on the data directory, as at a start.
  [[nodiscard]] Status make_anew();
  // Errors: kCorruption when the node knows nobody who could repair it.
  [[nodiscard]] Status announce_repair();
  [[nodiscard]] Status end_repair_if_done();
  // Every member has lost its log: nobody is left to take it from.
  [[nodiscard]] bool repair_is_hopeless() const;
  // While there is a mark: what is wrong, and what the node waits for.
  [[nodiscard]] std::string repair_story() const;

  // driver_status.cpp
  [[nodiscard]] std::vector<MemberStatus> member_statuses() const;
  [[nodiscard]] StorageStatus storage_status() const;

  // driver.cpp: the loop
  void wait_and_drain();
  void turn();
  // True when another pass has something to do at once.
  [[nodiscard]] Result<bool> pass();
  // True when it told the replica something that ends in another pass.
  [[nodiscard]] Result<bool> perform(replica::Output& out);
  // Clients that wait for what has just been applied.
  void answer_waiting();
  // True when a peer was lost since the last call.
  [[nodiscard]] Result<bool> let_go_of_lost_peers();
  [[nodiscard]] Status housekeeping();
  void judge_disk_space();
  void on_wal_report(const WalReport& report);
  void take_checkpointer_report();
  void fail_node(Error error);
  void advance_stop();

  NodeOptions options_;
  std::shared_ptr<NodeLog> log_;
  std::uint64_t seed_ = 0;
  raft::Incarnation fresh_incarnation_{};
  Instant started_;

  asio::io_context io_{1};
  asio::executor_work_guard<asio::io_context::executor_type> work_{io_.get_executor()};
  net::Turn turn_;

  std::unique_ptr<storage::Store> store_;
  std::uint64_t store_opened_ = 0;  // names the store whose threads report
  std::unique_ptr<WalThread> wal_thread_;
  std::unique_ptr<Checkpointer> checkpointer_;
  // They may hold an LMDB environment, which is opened once in a process: they go with the store.
  std::mutex reports_mutex_;
  std::deque<CheckpointerReport> reports_;  // guarded by reports_mutex_
  std::unique_ptr<Persistence> persistence_;
  replica::ChangeRing changes_;
  Index changes_told_;  // to those who watch
  std::unique_ptr<Engine> engine_;
  std::unique_ptr<Membership> membership_;
  std::unique_ptr<Front> front_;
  std::unique_ptr<net::Listener> client_listener_;
  std::unique_ptr<net::Listener> peer_listener_;  // with --peer-port
  std::unique_ptr<HttpServer> http_;
  std::uint16_t client_port_ = 0;
  std::uint16_t peer_port_ = 0;
  std::uint16_t http_port_ = 0;
  std::string client_address_;

  Phase phase_ = Phase::kBootstrapping;
  std::optional<Error> failure_;
  bool ended_ = false;
  bool busy_ = false;  // the last turn left something to do at once
  StopStep stop_step_ = StopStep::kNone;
  Instant stop_deadline_;
  Instant next_deadline_;  // of the replica
  Instant next_housekeeping_;
  DiskSpace disk_space_;
  mutable std::uint64_t wal_bytes_ = 0;  // as last seen while the WAL thread rested
  bool refusing_writes_ = false;

  static constexpr int kMaxRepairs = 3;
  int repairs_ = 0;                        // since the start
  std::optional<std::string> repair_due_;  // why; as soon as nothing is being written
  bool make_anew_due_ = false;             // likewise
  bool told_hopeless_ = false;
  std::optional<storage::RepairMark> mark_;  // while log and state are being replaced
};

}  // namespace kvcluster::server
