// Leaders that are cut off while their lease lasts, at random, and all that could bring a successor
// about too early: closed connections, restarts, transfers, delayed messages, cuts of some links
// only (dissertation, 6.4.1). All clocks run alike here. Every leader, old or new, is asked for
// reads all the time, and the fixture compares what they would see with what was committed when
// they were asked.
#include <gtest/gtest.h>

#include <string>

#include "base/random.hpp"
#include "raft/cluster.hpp"

namespace kvcluster::raft::testing {
namespace {

class CutOffLeaders {
 public:
  explicit CutOffLeaders(std::uint64_t seed)
      : random_(seed),
        cluster_({.voters = random_.chance(1, 3) ? 5U : 3U,
                  .seed = seed,
                  .tune = [this](Config& config) {
                    config.lease_reads = true;
                    config.lease_drift_percent = 0;  // the clocks are one
                    config.pre_vote = random_.chance(3, 4);
                    config.check_quorum = random_.chance(3, 4);
                  }}) {}

  void run(int rounds) {
    for (int i = 0; i < rounds && !::testing::Test::HasFailure(); ++i) {
      const unsigned leader = cluster_.wait_for_leader();
      ASSERT_NE(leader, 0U);
      cluster_.advance(Duration(random_.between(0, 200'000)));
      if (cluster_.leader() == leader) depose(leader);
      for (int step = 0; step < 60; ++step) go_on();
      heal();
    }
  }

  [[nodiscard]] unsigned deposed() const { return deposed_; }
  [[nodiscard]] std::uint64_t served_by_deposed() const { return served_by_deposed_; }

 private:
  unsigned any() { return static_cast<unsigned>(random_.between(1, cluster_.size())); }

  void depose(unsigned leader) {
    ++deposed_;
    old_leader_ = leader;
    if (random_.chance(1, 3)) {
      // One has not heard the leader for a while, the others have.
      cluster_.cut(leader, any());
      cluster_.advance(Duration(random_.between(100'000, 200'000)));
    }
    if (random_.chance(1, 3)) {
      // The newest heartbeats are slow.
      cluster_.drift(50ms);
      cluster_.drift(Duration(random_.between(0, 40'000)));
      cluster_.settle();
    }
    if (cluster_.leader() != leader) return;
    if (random_.chance(1, 4)) {
      // One is asked to campaign, and hears it when the leader has perhaps given up waiting.
      const unsigned target = any();
      cluster_.settle();
      static_cast<void>(cluster_.step(leader, TransferLeadership{node_id(target)}));
      if (random_.chance(1, 2)) cluster_.drift(Duration(random_.between(0, 350'000)));
      cluster_.deliver_one(leader, target);
      ask_everyone();
    }
    for (unsigned n = 1; n <= cluster_.size(); ++n) {
      if (n == leader) continue;
      if (random_.chance(5, 6)) cluster_.cut(leader, n);
      if (random_.chance(1, 2)) cluster_.lose(n, leader);
      if (random_.chance(1, 4)) cluster_.restart(n);
    }
  }

  void go_on() {
    const unsigned node = any();
    if (node != old_leader_ && random_.chance(1, 20)) cluster_.restart(node);
    if (node != old_leader_ && random_.chance(1, 20)) cluster_.lose(node, old_leader_);
    if (random_.chance(1, 3)) {
      cluster_.drift(Duration(random_.between(0, 5'000)));
    } else {
      cluster_.advance(Duration(random_.between(0, 5'000)));
    }
    const unsigned leader = cluster_.leader();
    if (leader != 0 && random_.chance(1, 2)) {
      cluster_.propose(leader, numbered("p", proposals_++));
      cluster_.settle();
    }
    ask_everyone();
  }

  // A deposed leader too, who must know it.
  void ask_everyone() {
    const unsigned newest = cluster_.leader();
    for (unsigned n = 1; n <= cluster_.size(); ++n) {
      if (!cluster_.up(n) || cluster_.core(n).role() != Role::kLeader) continue;
      const bool served = cluster_.reads.contains(cluster_.read(n));
      if (served && n == old_leader_ && n == newest) ++served_by_deposed_;
    }
  }

  void heal() {
    cluster_.heal_all();
    old_leader_ = 0;
    cluster_.advance(600ms);
  }

  Random random_;
  Cluster cluster_;
  unsigned old_leader_ = 0;
  unsigned deposed_ = 0;
  std::uint64_t served_by_deposed_ = 0;
  std::uint64_t proposals_ = 0;
};

TEST(RaftLeaseFaults, NoLeaseOutlivesTheElectionOfAnotherLeader) {
  unsigned deposed = 0;
  std::uint64_t served = 0;
  for (std::uint64_t seed = 1; seed <= 100; ++seed) {
    CutOffLeaders leaders(seed);
    leaders.run(10);
    ASSERT_FALSE(HasFailure()) << "seed " << seed;
    deposed += leaders.deposed();
    served += leaders.served_by_deposed();
  }
  EXPECT_GT(deposed, 500U);
  EXPECT_GT(served, 500U) << "those that were cut off hardly had a lease";
}

}  // namespace
}  // namespace kvcluster::raft::testing
