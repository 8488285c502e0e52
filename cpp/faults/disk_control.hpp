#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

namespace kvcluster::faults {

// What is told apart. A write to a descriptor opened with O_DSYNC is a write and a sync.
// The bits are part of the control file: python/kvcluster/disk_faults.py has them too.
enum Operation : std::uint64_t {
  kWrite = 1U << 0U,
  kSync = 1U << 1U,
  kDirectorySync = 1U << 2U,
  kRename = 1U << 3U,
  kRemove = 1U << 4U,
  kResize = 1U << 5U,
};
inline constexpr std::size_t kOperationKinds = 6;

enum KillWhen : std::uint64_t {
  kBefore = 1,  // nothing of it has happened
  kTorn = 2,    // half of a write has
  kAfter = 3,   // all of it has, and the caller never learns
};

// The control file, mapped by the process whose disk is to fail and by the one that decides so.
// Words of 8 bytes in the machine's order; all zero means no fault. Both sides may write at any
// time: the decider arms a fault by writing its mask last.
struct DiskControl {
  using Word = std::atomic<std::uint64_t>;

  Word version;  // kControlVersion, or the library takes no part

  // Time: of each write and of each sync; a set bit of hang_mask holds such operations up for good.
  Word write_delay_us;
  Word sync_delay_us;
  Word hang_mask;

  // Errors: of the operations in error_mask each error_every-th fails with error_number, as often
  // as error_left says. With error_short a write stores half and tells so, which is no error.
  Word error_mask;
  Word error_every;
  Word error_left;
  Word error_number;
  Word error_short;
  Word error_seen;

  // Space: while limited, the files may grow by space_left bytes more; what is removed comes back.
  Word space_limited;
  Word space_left;

  // Death by SIGKILL at the kill_at-th operation of kill_mask, counted from 1 in kill_seen.
  Word kill_mask;
  Word kill_at;
  Word kill_when;
  Word kill_seen;

  // What happened so far, by kind in the order of Operation's bits.
  Word counted[kOperationKinds];
  Word operations;
  Word injected;  // how many of them were failed, shortened or refused for want of space
};

inline constexpr std::uint64_t kControlVersion = 1;
inline constexpr std::size_t kControlBytes = 4096;
static_assert(DiskControl::Word::is_always_lock_free && sizeof(DiskControl) <= kControlBytes);

// Where the two paths come from. Without both the library passes everything on.
inline constexpr const char* kDirectoryVariable = "KVCLUSTER_DISK_FAULT_DIRECTORY";
inline constexpr const char* kControlVariable = "KVCLUSTER_DISK_FAULT_CONTROL";

}  // namespace kvcluster::faults
