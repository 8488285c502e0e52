// Reads the segments of a log back. docs/format.md, "WAL", says what is cut and what is refused.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "raft/log_entry.hpp"
#include "storage/disk.hpp"
#include "storage/log_terms.hpp"
#include "storage/wal.hpp"

namespace kvcluster::storage {

inline constexpr const char* kWalDirectory = "wal";
[[nodiscard]] std::string segment_name(std::uint64_t sequence);
[[nodiscard]] std::string spare_name(std::uint64_t sequence);
// A segment that is being made.
inline constexpr const char* kUnfinishedName = "wal/spare-new";

struct ScannedSegment {
  std::uint64_t sequence = 0;
  Index max_index;
  std::uint64_t bytes = 0;
  raft::EntryId prev;
};

struct ScannedLog {
  std::vector<ScannedSegment> segments;  // those that count, oldest first
  std::vector<std::uint64_t> obsolete;   // void since the log started anew; oldest first
  std::vector<std::string> spares;
  raft::HardState hard_state;
  raft::EntryId base;
  std::vector<raft::Entry> entries;
  LogTerms terms;

  // Of the newest segment.
  std::unique_ptr<File> file;
  std::uint64_t end = 0;  // after its last valid record
  std::uint64_t marked = 0;
  std::uint32_t chain = 0;
  bool sealed = false;
  std::uint64_t torn_bytes = 0;
  std::vector<std::uint64_t> stale_marks;  // beyond the end; of a write that was lost in part
};

// True when there is no log, or one into which nothing was ever written.
[[nodiscard]] Result<bool> is_pristine_log(Disk& disk);
// Removes a log's files. Requires: is_pristine_log().
[[nodiscard]] Status remove_log(Disk& disk);

// Changes nothing on the disk. Errors: as Wal::open; `intact` is then given the entries that stand
// before the damage, as far as they follow each other.
[[nodiscard]] Result<ScannedLog> scan_log(Disk& disk, const WalIdentity& identity,
                                          std::vector<raft::Entry>* intact = nullptr);

// The sequence numbers of all segments, ascending.
[[nodiscard]] Result<std::vector<std::uint64_t>> list_segments(Disk& disk);
// All bytes of a segment's file.
[[nodiscard]] Result<Bytes> read_segment_file(File& file);

}  // namespace kvcluster::storage
