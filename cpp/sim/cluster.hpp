// The run itself: the parts of a simulation, its phases, and what faults do to them.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "sim/clients.hpp"
#include "sim/network.hpp"
#include "sim/node.hpp"
#include "sim/simulation.hpp"

namespace kvcluster::sim {

class Cluster {
 public:
  explicit Cluster(const SimulationOptions& options);

  [[nodiscard]] SimulationResult run();

 private:
  // cluster.cpp
  void form();
  // Until `end`, or a violation, or `done`.
  template <typename Done>
  bool run_until(Instant end, Done&& done);
  void dispatch(const Event& event);
  void safety_phase();
  [[nodiscard]] bool fault_happens(std::uint64_t number) const;
  [[nodiscard]] Node& node(std::uint8_t id) { return *nodes_[id]; }

  // liveness.cpp
  void liveness_phase();
  void choose_quorum();
  void heal_quorum();
  void fail_outsiders();
  [[nodiscard]] bool healed_quorum_is_equal();
  [[nodiscard]] std::string where_the_quorum_is();
  [[nodiscard]] bool outsider_was_elected() const;
  void judge_history(SimulationResult& result);

  // inject.cpp
  void begin_fault(std::uint64_t number);
  void end_fault(std::uint64_t number);
  void block(const Fault& fault, bool begin);
  void block_pair(const Fault& fault, std::uint8_t from, std::uint8_t to, bool begin);
  void end_process(const Fault& fault);
  // While leaders are being unseated: sees to the newest one.
  void watch_elections();
  void unseat(const Event& event);
  // Pauses the leader; and lets it go on when the others have come far enough.
  void outpace(std::uint64_t number);
  void watch_outpaced();
  void resume(std::uint8_t id);
  // Damage never reaches the last good copy: a quorum stays whole.
  [[nodiscard]] bool may_impair(std::uint8_t id) const;
  void start_later(std::uint8_t id, Duration delay);

  SimulationOptions options_;
  Profile profile_;
  std::vector<Fault> faults_;
  Scheduler scheduler_;
  Trace trace_;
  Coverage coverage_;
  Invariants invariants_;
  Network network_;
  Clients clients_;
  World world_;
  std::vector<std::unique_ptr<Node>> nodes_;   // by id
  std::array<std::vector<Event>, 8> backlog_;  // of paused nodes
  std::array<std::uint64_t, 8> full_disks_{};  // faults at the same time
  std::vector<bool> active_;                   // faults, by number
  std::uint64_t unseat_within_ = 0;            // microseconds; 0: leaders are left alone
  std::uint64_t elections_seen_ = 0;
  static constexpr Index kNever{UINT64_MAX};
  Index unseat_at_ = kNever;  // the newest leader loses its power when more than this is committed
  Event unseating_leader_;
  struct Outpaced {
    std::uint64_t fault = UINT64_MAX;
    std::uint8_t node = 0;  // 0: none
    Index until;            // so much is committed
    std::uint64_t elections = 0;
  };
  Outpaced outpaced_;
  Random unseating_;
  Random resuming_;
  std::vector<std::uint8_t> quorum_;  // of the liveness phase
  bool healing_ = false;
  SimulationResult result_;
};

}  // namespace kvcluster::sim
