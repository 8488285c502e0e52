// A file in the data directory that says: this node's state is wrong and is being replaced. While
// it is there, what the log and the checkpoint hold is not used; only term and vote are.
//
// The node has acknowledged entries up to `floor`. Until its log holds them again it does not stand
// for election, and votes only for logs at least as new (raft::Restored::repair_floor).
#pragma once

#include <optional>

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "raft/configuration.hpp"
#include "raft/log_entry.hpp"
#include "replica/genesis.hpp"
#include "storage/disk.hpp"

namespace kvcluster::server {

struct RepairMark {
  raft::EntryId floor;
  raft::Configuration configuration;  // the newest that was known
  replica::Genesis genesis;

  friend bool operator==(const RepairMark&, const RepairMark&) = default;
};

inline constexpr const char* kRepairMarkFile = "REPAIR";

// Durable on return.
[[nodiscard]] Status write_repair_mark(storage::Disk& disk, const RepairMark& mark);
// nullopt: there is none. Errors: kCorruption, kVersionMismatch, kIo.
[[nodiscard]] Result<std::optional<RepairMark>> read_repair_mark(storage::Disk& disk);
// Durable on return.
[[nodiscard]] Status remove_repair_mark(storage::Disk& disk);

}  // namespace kvcluster::server
