#include "sim/fault.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <numeric>

#include "sim/profile.hpp"

namespace kvcluster::sim {
namespace {

constexpr std::size_t kMaxFaults = 2000;
constexpr std::uint64_t kJumpZero = std::uint64_t{1} << 31U;

Duration millis_between(Random& random, std::uint64_t low, std::uint64_t high) {
  return std::chrono::milliseconds(static_cast<std::int64_t>(random.between(low, high)));
}

FaultKind draw_kind(const Profile& profile, Random& random, std::uint64_t total) {
  std::uint64_t left = random.below(total);
  for (std::size_t kind = 0; kind < kFaultKinds; ++kind) {
    if (left < profile.weights[kind]) return static_cast<FaultKind>(kind);
    left -= profile.weights[kind];
  }
  return FaultKind::kKill;
}

// What `amount` means for the kind.
std::uint64_t draw_amount(FaultKind kind, Random& random) {
  switch (kind) {
    case FaultKind::kIsolate:
    case FaultKind::kCutPair:
    case FaultKind::kOneWay:
    case FaultKind::kRing:
      return random.below(3);
    case FaultKind::kLossy:
      return random.between(50, 300);
    case FaultKind::kSlowLink:
      return random.between(1000, 400'000);
    case FaultKind::kPowerCutInWrite:
    case FaultKind::kWriteError:
      return random.below(12);
    case FaultKind::kSlowDisk:
      return random.between(1000, 100'000);
    case FaultKind::kFullDisk:
      return random.below(6000);
    case FaultKind::kDamageImage:
    case FaultKind::kDamageLog:
    case FaultKind::kMisdirected:
      return random.next() >> 1U;
    case FaultKind::kClockJump: {
      const std::uint64_t by = random.chance(1, 5) ? random.below(400'000'000) : random.below(5000);
      return random.chance(1, 2) ? kJumpZero + by : kJumpZero - by;
    }
    case FaultKind::kBurst:
      return random.between(4, 20);
    case FaultKind::kUnseat:
      return random.between(100, 30'000);
    default:
      return 0;
  }
}

Duration draw_length(FaultKind kind, Random& random) {
  switch (kind) {
    case FaultKind::kKill:
    case FaultKind::kPowerCut:
    case FaultKind::kPowerCutInWrite:
    case FaultKind::kWriteError:
    case FaultKind::kWipe:
    case FaultKind::kDamageLog:
    case FaultKind::kMisdirected:
    case FaultKind::kRuinLog:
      return random.chance(1, 3) ? millis_between(random, 1, 50) : millis_between(random, 50, 5000);
    case FaultKind::kBurst:
      return millis_between(random, 100, 800);
    case FaultKind::kPause:
      return millis_between(random, 10, 3000);
    default:
      return random.chance(1, 3) ? millis_between(random, 10, 300)
                                 : millis_between(random, 300, 6000);
  }
}

}  // namespace

std::string_view to_string(FaultKind kind) {
  switch (kind) {
    case FaultKind::kIsolate:
      return "isolate";
    case FaultKind::kCutPair:
      return "cut-pair";
    case FaultKind::kOneWay:
      return "one-way";
    case FaultKind::kRing:
      return "ring";
    case FaultKind::kLossy:
      return "lossy";
    case FaultKind::kSlowLink:
      return "slow-link";
    case FaultKind::kCorrupt:
      return "corrupt-frame";
    case FaultKind::kReset:
      return "reset";
    case FaultKind::kKill:
      return "kill";
    case FaultKind::kPowerCut:
      return "power-cut";
    case FaultKind::kPowerCutInWrite:
      return "power-cut-in-write";
    case FaultKind::kPause:
      return "pause";
    case FaultKind::kOutpace:
      return "outpace";
    case FaultKind::kWipe:
      return "wipe";
    case FaultKind::kSlowDisk:
      return "slow-disk";
    case FaultKind::kHungDisk:
      return "hung-disk";
    case FaultKind::kFullDisk:
      return "full-disk";
    case FaultKind::kWriteError:
      return "disk-error";
    case FaultKind::kDamageImage:
      return "damaged-checkpoint";
    case FaultKind::kDamageLog:
      return "damaged-log";
    case FaultKind::kMisdirected:
      return "misdirected-write";
    case FaultKind::kRuinLog:
      return "ruined-log";
    case FaultKind::kMemory:
      return "memory";
    case FaultKind::kClockJump:
      return "clock-jump";
    case FaultKind::kTransfer:
      return "transfer";
    case FaultKind::kBurst:
      return "burst";
    case FaultKind::kCheckpoint:
      return "checkpoint";
    case FaultKind::kUnseat:
      return "unseat";
  }
  return "?";
}

std::string describe(const Fault& fault) {
  return fmt::format("{} node {} peer {} for {} ms, {}", to_string(fault.kind), fault.node,
                     fault.peer, fault.lasts.count() / 1000, fault.amount);
}

std::vector<Fault> draw_faults(const Profile& profile, std::uint64_t seed, Duration time) {
  const std::uint64_t total =
      std::accumulate(profile.weights.begin(), profile.weights.end(), std::uint64_t{0});
  std::vector<Fault> faults;
  if (total == 0) return faults;
  Random random = stream(seed, Stream::kFaults);
  const auto mean = static_cast<std::uint64_t>(profile.fault_interval.count());
  Duration at{};
  while (faults.size() < kMaxFaults) {
    at += Duration(static_cast<Duration::rep>(random.below(2 * mean)));
    if (at >= time) break;
    Fault fault;
    fault.at = at;
    fault.kind = draw_kind(profile, random, total);
    fault.node = static_cast<std::uint8_t>(random.between(1, profile.nodes));
    fault.peer = fault.node;
    while (profile.nodes > 1 && fault.peer == fault.node) {
      fault.peer = static_cast<std::uint8_t>(random.between(1, profile.nodes));
    }
    fault.lasts = draw_length(fault.kind, random);
    fault.amount = draw_amount(fault.kind, random);
    faults.push_back(fault);
  }
  return faults;
}

}  // namespace kvcluster::sim
