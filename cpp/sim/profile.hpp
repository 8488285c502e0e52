// What kind of world a seed gives: sizes, speeds, and which faults can happen in it. Every range is
// drawn anew for each seed (swarm testing; Groce et al., ISSTA 2012): a world without crashes finds
// what crashes hide.
#pragma once

#include <array>
#include <cstdint>
#include <string>

#include "base/random.hpp"
#include "base/time.hpp"
#include "replica/replica.hpp"
#include "sim/fault.hpp"
#include "storage/wal.hpp"

namespace kvcluster::sim {

// The streams of one seed: a change in the use of one leaves the others as they are.
enum class Stream : std::uint64_t { kProfile = 1, kFaults, kNetwork, kDisks, kClients, kNodes };
[[nodiscard]] Random stream(std::uint64_t seed, Stream which, std::uint64_t number = 0);

struct Profile {
  std::uint8_t nodes = 3;
  replica::Options replica;  // raft.self and raft.priority are the node's own
  std::array<std::uint32_t, 8> priorities{};
  storage::WalOptions wal;

  // Checkpoints and snapshots
  std::uint64_t checkpoint_bytes = 64 << 10;  // of the log since the last one
  std::size_t chunk_bytes = 1024;
  Duration checkpoint_time{};
  std::uint32_t bad_chunk_permille = 0;     // a byte changes on the way
  std::uint32_t unread_chunk_permille = 0;  // it cannot be read now

  // Network: a frame takes latency_min to latency_max.
  Duration latency_min{};
  Duration latency_max{};
  std::uint32_t loss_permille = 0;       // all the time
  std::uint32_t duplicate_permille = 0;  // of consensus messages
  std::uint32_t reorder_permille = 0;
  std::uint32_t full_queue_permille = 0;  // of forwarded commands: the link takes none
  bool through_wire = false;              // every frame is encoded, and decoded again

  // Disk
  Duration sync_min{};
  Duration sync_max{};
  bool reboots_after_failure = false;  // of a disk; else the process alone is started again
  bool inline_sync = false;            // small batches are written by the reactor itself

  // Clocks
  std::array<std::int32_t, 8> drift_ppm{};  // of each node's monotonic clock

  // Clients
  std::uint8_t clients = 4;
  Duration think_time{};  // mean, between two requests of a client
  std::uint8_t keys = 3;

  // Faults: 0 means that there are none of the kind.
  std::array<std::uint32_t, kFaultKinds> weights{};
  Duration fault_interval{};  // mean
};

[[nodiscard]] Profile draw_profile(std::uint64_t seed);

// One line for people.
[[nodiscard]] std::string describe(const Profile& profile);

}  // namespace kvcluster::sim
