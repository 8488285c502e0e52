#include "storage/wal_salvage.hpp"

#include <fmt/format.h>

#include <optional>
#include <utility>

#include "storage/set_aside.hpp"
#include "storage/wal_format.hpp"
#include "storage/wal_recovery.hpp"

namespace kvcluster::storage {
namespace {

std::unexpected<Error> uncertain(const std::string& damage) {
  return fail(ErrorCode::kCorruption,
              fmt::format("{}; and term and vote can be told no more: this node must not vote "
                          "again: restore the directory, or replace this node as a new member",
                          damage));
}

// Follows the newest segment's records from a place where the state of the log is known, as far as
// they are valid; where they end.
std::size_t follow(BytesView segment, std::uint64_t sequence, std::size_t offset,
                   std::uint32_t chain, WalSalvage& found) {
  while (const auto record = parse_record(segment, offset, sequence, chain)) {
    switch (record->type) {
      case RecordType::kHardState:
        found.hard_state = record->hard_state;
        break;
      case RecordType::kTruncate:
        found.floor = {record->term, record->index.prev()};
        break;
      case RecordType::kEntry:
        found.floor = {record->term, record->index};
        break;
      case RecordType::kMark:
      case RecordType::kSeal:
        break;  // they repeat what is known
    }
    chain = record->checksum;
    offset += record->size;
  }
  return offset;
}

}  // namespace

Result<WalSalvage> salvage_log(Disk& disk, const WalIdentity& identity) {
  WalSalvage found;
  const auto scanned = scan_log(disk, identity, &found.intact);
  if (scanned) return fail(ErrorCode::kInvalidArgument, "the log is not damaged");
  if (scanned.error().code != ErrorCode::kCorruption) return std::unexpected(scanned.error());
  found.damage = scanned.error().context;
  const auto sequences = list_segments(disk);
  if (!sequences) return std::unexpected(sequences.error());
  if (sequences->empty()) return std::unexpected(scanned.error());

  const std::uint64_t newest = sequences->back();
  found.newest_segment = newest;
  auto file = disk.open(segment_name(newest), OpenMode::kExisting);
  if (!file) return std::unexpected(std::move(file).error());
  const auto raw = read_segment_file(**file);
  if (!raw) return std::unexpected(raw.error());

  // An open of the log removes the marks of a write that was lost, so the last one is the newest.
  // What looks like a mark inside a record is a part of somebody's value.
  const auto marks = find_marks(*raw, kSegmentHeaderBytes, newest);
  std::size_t read_to = 0;
  for (const std::size_t at : marks) {
    if (at < read_to) continue;
    const WalRecord mark = mark_at(*raw, at, newest);
    found.hard_state = mark.hard_state;
    found.floor = mark.last;
    read_to = follow(*raw, newest, at + mark.size, mark.checksum, found);
  }
  if (marks.empty()) {
    // Nothing but the header is left: the segment had just been begun.
    const auto header = decode_segment_header(*raw, segment_name(newest));
    if (!header || header->sequence != newest) return uncertain(found.damage);
    found.hard_state = header->hard_state;
    found.floor = header->prev;
  }
  found.hard_state.commit_index = {};
  return found;
}

Result<std::unique_ptr<Wal>> renew_log(Disk& disk, const WalOptions& options,
                                       const WalIdentity& identity, std::uint64_t newest_segment,
                                       const raft::HardState& hard_state) {
  KV_TRY(Wal::renew(disk, options, identity, newest_segment, hard_state));
  KV_TRY(set_aside_log(disk, newest_segment + 1));
  auto opened = Wal::open(disk, options, identity);
  if (!opened) return std::unexpected(std::move(opened).error());
  return std::move(opened->wal);
}

}  // namespace kvcluster::storage
