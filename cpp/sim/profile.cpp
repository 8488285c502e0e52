#include "sim/profile.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>

namespace kvcluster::sim {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;

template <typename T, std::size_t N>
T pick(Random& random, const T (&choices)[N]) {
  return choices[random.below(N)];
}

Duration micros_between(Random& random, std::uint64_t low, std::uint64_t high) {
  return Duration(static_cast<Duration::rep>(random.between(low, high)));
}

void draw_consensus(Random& random, Profile& profile) {
  raft::Config& raft = profile.replica.raft;
  // The timeouts grow with the latency, as they must (dissertation, 3.9).
  const std::uint64_t shortest_ms = random.between(150, 400);
  raft.election_timeout_min = milliseconds(shortest_ms);
  raft.election_timeout_max = milliseconds(shortest_ms * random.between(15, 30) / 10);
  raft.heartbeat_interval = milliseconds(shortest_ms / random.between(3, 4));
  raft.disk_stall_timeout = milliseconds(random.between(500, 3000));
  raft.priority_transfer_delay = milliseconds(random.between(300, 2000));
  raft.max_append_bytes = pick<std::size_t>(random, {1, 200, 1000, 10'000, 1U << 20U});
  raft.max_inflight_bytes = raft.max_append_bytes * random.between(1, 16);
  raft.max_inflight_messages = static_cast<std::size_t>(random.between(1, 64));
  raft.max_committed_per_step = pick<std::size_t>(random, {1, 3, 20, 4096});
  raft.retained_log_bytes = pick<std::size_t>(random, {0, 500, 5000, 100'000});
  profile.replica.forward_to_leader = random.chance(4, 5);
  profile.replica.leader_wait = 2 * raft.election_timeout_max;
  profile.replica.request_timeout = milliseconds(random.between(500, 4000));
}

void draw_storage(Random& random, Profile& profile) {
  storage::WalOptions& wal = profile.wal;
  wal.segment_bytes = pick<std::uint64_t>(random, {4096, 8192, 32'768, 131'072});
  wal.grow_bytes = pick<std::uint64_t>(random, {512, 4096, 32'768});
  wal.reserve_bytes = 512;
  wal.spare_segments = static_cast<std::size_t>(random.below(3));
  profile.checkpoint_bytes = pick<std::uint64_t>(random, {2000, 10'000, 60'000, 1U << 30U});
  profile.chunk_bytes = pick<std::size_t>(random, {100, 700, 5000, 1U << 20U});
  profile.checkpoint_time = micros_between(random, 1000, 300'000);
  if (random.chance(1, 4)) profile.bad_chunk_permille = 30;
  if (random.chance(1, 4)) profile.unread_chunk_permille = 50;
  profile.sync_min = micros_between(random, 50, 300);
  profile.sync_max =
      profile.sync_min + micros_between(random, 50, random.chance(1, 4) ? 30'000 : 2000);
  profile.inline_sync = random.chance(1, 2);
  profile.reboots_after_failure = random.chance(1, 2);
}

void draw_network(Random& random, Profile& profile) {
  profile.latency_min = micros_between(random, 20, 500);
  profile.latency_max =
      profile.latency_min + micros_between(random, 20, random.chance(1, 4) ? 20'000 : 1000);
  if (random.chance(1, 3)) profile.loss_permille = static_cast<std::uint32_t>(random.below(100));
  if (random.chance(1, 3))
    profile.duplicate_permille = static_cast<std::uint32_t>(random.below(60));
  if (random.chance(1, 3)) profile.reorder_permille = static_cast<std::uint32_t>(random.below(200));
  if (random.chance(1, 4)) profile.full_queue_permille = 20;
  profile.through_wire = random.chance(1, 4);
}

// Some kinds of faults are always away, so that the others have room.
void draw_faults_on(Random& random, Profile& profile) {
  constexpr std::array<std::uint32_t, kFaultKinds> kUsual = {8, 6, 6, 3, 3, 3, 2, 3,  // network
                                                             8, 6, 6, 5, 4, 1,        // processes
                                                             3, 3, 2, 2, 2, 2, 2, 1,  // disk
                                                             2, 2, 5, 4, 3, 5};       // others
  for (std::size_t kind = 0; kind < kFaultKinds; ++kind) {
    if (random.chance(3, 5)) profile.weights[kind] = kUsual[kind];
  }
  // Sometimes hardly a leader lasts.
  if (random.chance(1, 8)) profile.weights[static_cast<std::size_t>(FaultKind::kUnseat)] = 40;
  // From a fault every few seconds, after which all comes to rest, to one on top of the other.
  profile.fault_interval = milliseconds(pick<std::uint64_t>(random, {300, 800, 2000, 5000}));
}

}  // namespace

Random stream(std::uint64_t seed, Stream which, std::uint64_t number) {
  return Random(seed * 0x9E3779B97F4A7C15ULL ^
                (static_cast<std::uint64_t>(which) * 1'000'003 + number) * 0xD1B54A32D192ED03ULL);
}

Profile draw_profile(std::uint64_t seed) {
  Random random = stream(seed, Stream::kProfile);
  Profile profile;
  profile.nodes = pick<std::uint8_t>(random, {3, 3, 3, 3, 3, 3, 5, 5, 1});
  draw_consensus(random, profile);
  draw_storage(random, profile);
  draw_network(random, profile);
  if (random.chance(1, 3)) {
    for (std::uint32_t& priority : profile.priorities) {
      priority = static_cast<std::uint32_t>(random.below(3));
    }
  }
  profile.replica.raft.lease_reads = random.chance(1, 4);
  if (random.chance(1, 3)) {
    for (std::int32_t& drift : profile.drift_ppm) {
      drift = static_cast<std::int32_t>(random.below(60'001)) - 30'000;
    }
  }
  profile.clients = static_cast<std::uint8_t>(random.between(2, 6));
  // Together the clients ask some ten to forty times a second.
  profile.think_time = Duration(std::int64_t{profile.clients} * 1'000'000 /
                                static_cast<std::int64_t>(random.between(8, 40)));
  profile.keys = static_cast<std::uint8_t>(random.between(1, 4));
  draw_faults_on(random, profile);
  return profile;
}

std::string describe(const Profile& profile) {
  const raft::Config& raft = profile.replica.raft;
  std::string kinds;
  for (std::size_t kind = 0; kind < kFaultKinds; ++kind) {
    if (profile.weights[kind] == 0) continue;
    kinds += kinds.empty() ? "" : " ";
    kinds += to_string(static_cast<FaultKind>(kind));
  }
  return fmt::format(
      "{} nodes, election timeout {}-{} ms, heartbeat {} ms, latency {}-{} us, loss {}/1000, "
      "duplicates {}/1000, reordered {}/1000, {}sync {}-{} us, segments of {}, checkpoint each {} "
      "bytes, chunks of {}, retained {}, append {}, page {}, {} clients each {} ms; a fault each "
      "{} ms: {}",
      profile.nodes, raft.election_timeout_min.count() / 1000,
      raft.election_timeout_max.count() / 1000, raft.heartbeat_interval.count() / 1000,
      profile.latency_min.count(), profile.latency_max.count(), profile.loss_permille,
      profile.duplicate_permille, profile.reorder_permille, profile.inline_sync ? "inline " : "",
      profile.sync_min.count(), profile.sync_max.count(), profile.wal.segment_bytes,
      profile.checkpoint_bytes, profile.chunk_bytes, raft.retained_log_bytes, raft.max_append_bytes,
      raft.max_committed_per_step, profile.clients, profile.think_time.count() / 1000,
      profile.fault_interval.count() / 1000, kinds);
}

}  // namespace kvcluster::sim
