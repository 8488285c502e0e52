// Whole clusters under random faults: messages lost, doubled and out of order, links cut, crashes
// with writes in flight, slow disks, compaction and snapshots. The fixture checks the properties of
// figure 3.2 after every step; at the end a healed cluster must go on.
#include <gtest/gtest.h>

#include <string>

#include "base/random.hpp"
#include "raft/cluster.hpp"

namespace kvcluster::raft::testing {
namespace {

class Faults {
 public:
  explicit Faults(std::uint64_t seed, bool leases = false)
      : random_(seed),
        leases_(leases),
        cluster_({.voters = random_.chance(1, 3) ? 5U : 3U,
                  .learners = random_.chance(1, 4) ? 1U : 0U,
                  .seed = seed,
                  .tune = [this](Config& config) {
                    config.lease_reads = leases_;
                    config.max_append_bytes = random_.between(1, 200);
                    config.max_inflight_bytes = random_.between(50, 1000);
                    config.max_inflight_messages = random_.between(1, 8);
                    config.commit_notice_delay = Duration(random_.chance(1, 2) ? 0 : 1000);
                    config.retained_log_bytes = random_.chance(1, 2) ? 0 : 400;
                  }}) {}

  void run(int actions) {
    for (int i = 0; i < actions && !::testing::Test::HasFailure(); ++i) {
      act();
      if (leases_) read_from_leaders();
    }
    heal();
    EXPECT_TRUE(cluster_.is_live()) << "a healed cluster stands still";
    for (unsigned n = 2; n <= cluster_.size(); ++n) {
      EXPECT_EQ(cluster_.applied(n), cluster_.applied(1)) << "node " << n;
    }
  }

  // Reads that a lease answered without a message.
  [[nodiscard]] std::uint64_t served_at_once() const { return served_at_once_; }

 private:
  unsigned any() { return static_cast<unsigned>(random_.between(1, cluster_.size())); }

  void act() {
    const unsigned node = any();
    const unsigned other = any();
    switch (random_.below(24)) {
      case 0:
        if (down() * 2 + 1 < cluster_.size()) cluster_.crash(node);
        break;
      case 1:
      case 2:
        if (!cluster_.up(node)) restart(node);
        break;
      case 3:
        if (node != other) cluster_.cut(node, other);
        break;
      case 4:
        if (node != other) cluster_.cut_one_way(node, other);
        break;
      case 5:
      case 6:
        cluster_.heal_all();
        break;
      case 7:
        cluster_.hold_writes(node);
        break;
      case 8:
      case 9:
        if (cluster_.up(node)) cluster_.release_writes(node);
        break;
      case 10:
        if (cluster_.up(node) && !cluster_.at(node).applied.empty()) cluster_.checkpoint(node);
        break;
      case 11:
        if (cluster_.up(node) && node != other) cluster_.lose(node, other);
        break;
      case 12:
        if (cluster_.up(node) && node != other) cluster_.connect(node, other);
        break;
      case 13:
        if (cluster_.up(node)) {
          static_cast<void>(cluster_.step(node, TransferLeadership{node_id(other)}));
        }
        break;
      case 14:
        if (cluster_.up(node)) static_cast<void>(cluster_.read(node));
        break;
      case 15:
        cluster_.at(node).hold_snapshots = random_.chance(1, 2);
        break;
      case 16:
        if (random_.chance(1, 3)) {
          cluster_.advance(Duration(random_.between(1, 400000)));
        }
        break;
      case 17:
      case 18:
      case 19:
        propose();
        break;
      default:
        shuffle();
        break;
    }
  }

  unsigned down() {
    unsigned count = 0;
    for (unsigned n = 1; n <= cluster_.size(); ++n) count += cluster_.up(n) ? 0 : 1;
    return count;
  }

  void restart(unsigned node) {
    cluster_.restart(node);
    for (unsigned n = 1; n <= cluster_.size(); ++n) {
      if (n != node && cluster_.up(n) && random_.chance(1, 2)) cluster_.connect(n, node);
    }
  }

  void propose() {
    for (unsigned n = 1; n <= cluster_.size(); ++n) {
      if (!cluster_.up(n) || cluster_.core(n).role() != Role::kLeader) continue;
      const auto count = random_.between(1, 4);
      for (std::uint64_t i = 0; i < count; ++i) {
        cluster_.propose(n, numbered("p", proposals_++));
      }
    }
  }

  // From deposed ones too, who must know it.
  void read_from_leaders() {
    for (unsigned n = 1; n <= cluster_.size(); ++n) {
      if (!cluster_.up(n) || cluster_.core(n).role() != Role::kLeader) continue;
      if (cluster_.reads.contains(cluster_.read(n))) ++served_at_once_;
    }
  }

  // Time passes a little and the network misbehaves; nothing is settled.
  void shuffle() {
    for (int i = 0; i < 20; ++i) {
      if (cluster_.network().empty()) break;
      const std::size_t at = random_.below(cluster_.network().size());
      const Message message = cluster_.network()[at];
      const auto from = static_cast<unsigned>(message.from.value());
      const auto to = static_cast<unsigned>(message.to.value());
      if (random_.chance(1, 10)) cluster_.send(message);  // doubled
      if (random_.chance(1, 10)) {
        cluster_.drop(from, to);
      } else if (random_.chance(1, 4)) {
        cluster_.overtake(at);
      } else {
        cluster_.deliver_one(from, to);
      }
      const unsigned writer = any();
      if (!cluster_.at(writer).hold_writes && random_.chance(1, 2)) cluster_.persist_one(writer);
    }
    cluster_.drift(Duration(random_.between(0, 30000)));
  }

  void heal() {
    cluster_.heal_all();
    for (unsigned n = 1; n <= cluster_.size(); ++n) {
      cluster_.at(n).hold_snapshots = false;
      if (cluster_.up(n)) {
        cluster_.release_writes(n);
      } else {
        cluster_.at(n).hold_writes = false;
        cluster_.restart(n);
      }
    }
    cluster_.advance(3s);
  }

  Random random_;
  bool leases_;
  std::uint64_t served_at_once_ = 0;
  Cluster cluster_;
  std::uint64_t proposals_ = 0;
};

TEST(RaftRandomFaults, KeepSafetyAndRecoverLiveness) {
  for (std::uint64_t seed = 1; seed <= 400; ++seed) {
    Faults(seed).run(300);
    ASSERT_FALSE(HasFailure()) << "seed " << seed;
  }
}

// 6.4.1: with clocks that run alike, no lease ever lets a leader answer with a state that others
// have left behind. The fixture compares every confirmed read with what was committed when it was
// asked.
TEST(RaftRandomFaults, KeepReadsFreshUnderLeases) {
  std::uint64_t served_at_once = 0;
  for (std::uint64_t seed = 1; seed <= 400; ++seed) {
    Faults faults(seed, true);
    faults.run(300);
    ASSERT_FALSE(HasFailure()) << "seed " << seed;
    served_at_once += faults.served_at_once();
  }
  EXPECT_GT(served_at_once, 10000U) << "leases were hardly ever in force";
}

}  // namespace
}  // namespace kvcluster::raft::testing
