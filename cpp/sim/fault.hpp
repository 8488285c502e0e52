// What goes wrong in a run, as data: drawn from the seed before the run begins, so that a run can
// be repeated without some of it.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.hpp"

namespace kvcluster::sim {

enum class FaultKind : std::uint8_t {
  // Network
  kIsolate,   // a node alone; amount: 0 frames are lost, 1 held back, 2 connections break
  kCutPair,   // node and peer do not reach each other; amount likewise
  kOneWay,    // what node sends does not reach peer; amount likewise
  kRing,      // each node reaches only its neighbours; of three: one pair is cut
  kLossy,     // amount: frames lost in a thousand, on all links
  kSlowLink,  // node to peer takes `amount` microseconds longer
  kCorrupt,   // a bit flips in the next frame from node to peer
  kReset,     // the connections between node and peer break
  // Processes
  kKill,             // the process ends, the machine goes on; back after `lasts`
  kPowerCut,         // the machine loses what was not synced
  kPowerCutInWrite,  // likewise, at the disk operation `amount` from now
  kPause,            // SIGSTOP
  kOutpace,          // the leader stands still until others have committed without it
  kWipe,             // back with an empty disk, for good
  // Disk
  kSlowDisk,     // every sync takes `amount` microseconds longer
  kHungDisk,     // no write ends
  kFullDisk,     // room for `amount` more bytes
  kWriteError,   // the disk operation `amount` from now fails
  kDamageImage,  // a byte of the checkpoint changes; noticed at the next start
  kDamageLog,    // a byte of the log below what is durable changes, and the power fails
  kMisdirected,  // likewise, but a sector of the log was written in another one's place
  kRuinLog,      // likewise, but all over the log
  // Others
  kMemory,      // the digest of the state changes in memory
  kClockJump,   // the wall clock moves by `amount` milliseconds - 2^31
  kTransfer,    // the leadership is handed to node
  kBurst,       // clients ask `amount` times as often
  kCheckpoint,  // the node makes a checkpoint now
  kUnseat,      // who becomes the leader may go unheard, and loses its power in `amount` us
};
inline constexpr std::size_t kFaultKinds = 28;

[[nodiscard]] std::string_view to_string(FaultKind kind);

struct Fault {
  Duration at{};  // since the beginning
  FaultKind kind{};
  std::uint8_t node = 1;
  std::uint8_t peer = 2;
  Duration lasts{};
  std::uint64_t amount = 0;

  friend bool operator==(const Fault&, const Fault&) = default;
};

// One line for people.
[[nodiscard]] std::string describe(const Fault& fault);

struct Profile;
// All faults of a run, by time. Bounded.
[[nodiscard]] std::vector<Fault> draw_faults(const Profile& profile, std::uint64_t seed,
                                             Duration time);

}  // namespace kvcluster::sim
