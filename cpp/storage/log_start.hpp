// How a node starts from its log, whatever became of log and state: one rule for damage found in
// the log, damage found in the state, and a state that was found to differ from the majority's.
//
//   all is whole                   the log counts, from where the state stands
//   a REPAIR file is there, or     term, vote and the bound on what was acknowledged stay; log and
//   log or state are damaged       state begin before the first entry and come from the peers
//   damage took term and vote,     refused, and nothing is touched
//   or there is no peer
//
// Used by the store and by the simulator. Pure over Disk. Thread-safety: none.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "raft/configuration.hpp"
#include "raft/core.hpp"
#include "raft/log_entry.hpp"
#include "storage/disk.hpp"
#include "storage/repair_mark.hpp"
#include "storage/wal.hpp"

namespace kvcluster::storage {

// What there is beside the log.
struct StateFound {
  raft::EntryId applied;  // where the state stands; (0, 0): nothing was applied yet
  raft::Configuration configuration;
  Bytes genesis;
  // Not empty: the state cannot be trusted, and this sentence says why, with file and offset. What
  // stands above was then not read, or is a bound at best.
  std::string damage;
  // From the command line: who the members are when nothing else says so.
  raft::Configuration told;
  // Whom a genesis names. Without it nobody is found to be alone.
  std::function<raft::Configuration(BytesView genesis)> members_of;
};

struct LogStart {
  std::unique_ptr<Wal> wal;
  // For the core. With a mark: empty but for the hard state, the configuration and the floor.
  // Without: applied and configuration are as the state has them.
  raft::Restored restored;
  // There: the state must begin empty, and the node serves nothing until it has caught up
  // (then: remove_repair_mark).
  std::optional<RepairMark> mark;
  std::string damage;            // found by this start; empty: none
  std::uint64_t torn_bytes = 0;  // an unacknowledged tail that was cut
};

// All that it decides is durable on return; after a crash at any point the next call decides alike.
// Errors: kCorruption, with file and offset, when the node must not take part any more; as
// Wal::open.
[[nodiscard]] Result<LogStart> start_log(Disk& disk, const WalOptions& options,
                                         const WalIdentity& identity, const StateFound& state);

}  // namespace kvcluster::storage
