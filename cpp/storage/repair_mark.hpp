// The file REPAIR says: what this node's log and checkpoint hold is wrong and is being replaced
// from its peers. While it is there, only term and vote of the log are used.
//
// The node has acknowledged entries up to `floor`. Until its log holds them again it does not stand
// for election, and votes only for logs at least as new (raft::Restored::repair_floor).
#pragma once

#include <cstddef>
#include <optional>
#include <string>

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "raft/configuration.hpp"
#include "raft/log_entry.hpp"
#include "storage/disk.hpp"

namespace kvcluster::storage {

struct RepairMark {
  raft::EntryId floor;
  // The newest that was known; empty: that of the genesis. When not even that was known, the
  // members that this node was told of, itself as a learner: it does not vote before it has learned
  // who its peers are.
  raft::Configuration configuration;
  Bytes genesis;      // payload of the first entry; empty: it was lost with the log
  std::string cause;  // a sentence; what was damaged, with file and offset

  friend bool operator==(const RepairMark&, const RepairMark&) = default;
};

inline constexpr const char* kRepairMarkFile = "REPAIR";
inline constexpr std::size_t kMaxCauseBytes = 1024;

// Durable on return. Requires: the cause is no longer than kMaxCauseBytes.
[[nodiscard]] Status write_repair_mark(Disk& disk, const RepairMark& mark);
// nullopt: there is none. Errors: kCorruption, kVersionMismatch, kIo.
[[nodiscard]] Result<std::optional<RepairMark>> read_repair_mark(Disk& disk);
// Durable on return.
[[nodiscard]] Status remove_repair_mark(Disk& disk);

}  // namespace kvcluster::storage
