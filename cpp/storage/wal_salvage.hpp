// What a damaged log still says for certain, so that its node needs no person to come back.
//
// A node may take part again only if it knows its term and vote (or it could vote twice) and a
// bound on what it acknowledged (or it could help to elect a leader that lacks it). Its entries it
// can be given anew. Every mark repeats term, vote and the last entry as they were when it was
// written, and records follow it in a chain of their own; so the newest intact mark of the newest
// segment, and what can be read behind it, tell the end of the log whatever is damaged before it.
//
// What a term, vote or entry that was written but perhaps never acknowledged adds is harmless: it
// only binds the node to more than it promised.
//
// Pure over Disk. Thread-safety: none.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "raft/log_entry.hpp"
#include "storage/disk.hpp"
#include "storage/wal.hpp"

namespace kvcluster::storage {

struct WalSalvage {
  std::string damage;          // a sentence that names file and offset
  raft::HardState hard_state;  // as last told to anybody, or newer; commit index 0
  raft::EntryId floor;         // nothing newer was ever acknowledged
  std::uint64_t newest_segment = 0;
  // Entries before the damage. To be looked at, not to be served: those after them are lost.
  std::vector<raft::Entry> intact;
};

// Requires: Wal::open gave kCorruption. Changes nothing on the disk.
// Errors: kCorruption, naming file and offset, when term and vote cannot be established; as
// Wal::open.
[[nodiscard]] Result<WalSalvage> salvage_log(Disk& disk, const WalIdentity& identity);

// Puts an empty log that begins before the first entry in the place of the one that is there;
// durable on return. The old segments stand aside (set_aside.hpp).
// Requires: what the log said is noted durably elsewhere (repair_mark.hpp), and no Wal is open.
// After a crash in between, either the old log or the new one is there.
[[nodiscard]] Result<std::unique_ptr<Wal>> renew_log(Disk& disk, const WalOptions& options,
                                                     const WalIdentity& identity,
                                                     std::uint64_t newest_segment,
                                                     const raft::HardState& hard_state);

}  // namespace kvcluster::storage
