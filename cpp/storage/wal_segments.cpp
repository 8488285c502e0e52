// How a Wal gets room: growing the newest segment, turning to the next, retiring the oldest.
#include <fmt/format.h>

#include <algorithm>

#include "base/check.hpp"
#include "base/mutant.hpp"
#include "storage/wal.hpp"
#include "storage/wal_format.hpp"
#include "storage/wal_recovery.hpp"

namespace kvcluster::storage {
namespace {

constexpr std::uint64_t kEmptySegmentBytes = kSegmentStartBytes + kOverheadBytes;

}  // namespace

// Invariant: after it, a write of `bytes` and the seal fit into what is allocated, and if the batch
// has entries the reserve is left besides.
Status Wal::make_room(std::uint64_t bytes, bool has_entries) {
  if (!sealed_) {
    const std::uint64_t needed =
        end() + kOverheadBytes + bytes + (has_entries ? options_.reserve_bytes : 0);
    if (needed <= capacity()) {
      const auto grown = grow_to(needed);
      disk_full_ = !grown && !poisoned_;
      return grown;
    }
  }
  const auto turned = turn(bytes, next_header(terms_.last(), hard_state_));
  disk_full_ = !turned && !poisoned_;
  return turned;
}

Status Wal::grow_to(std::uint64_t end) {
  if (end <= allocated_) return {};
  std::uint64_t target = std::min(capacity(), std::max(end, allocated_ + options_.grow_bytes));
  auto filled = file_->fill_zero(allocated_, target);
  if (!filled && filled.error().code == ErrorCode::kDiskFull && target > end) {
    target = end;
    filled = file_->fill_zero(allocated_, target);
  }
  if (!filled) {
    // Only zeroes beyond the end were written, if anything: nothing is lost, and nothing taken.
    if (filled.error().code == ErrorCode::kDiskFull) return filled;
    return poison(std::move(filled).error());
  }
  allocated_ = target;
  segments_.back().bytes = target;
  return {};
}

SegmentHeader Wal::next_header(raft::EntryId prev, const raft::HardState& hard_state) const {
  SegmentHeader header;
  header.sequence = segments_.empty() ? 1 : segments_.back().sequence + 1;
  header.identity = identity_;
  header.prev = prev;
  header.hard_state = hard_state;
  return header;
}

// A file with room for `bytes` of records, not yet a segment; its name.
Result<std::string> Wal::prepare_segment(std::uint64_t bytes) {
  const std::uint64_t needed = kEmptySegmentBytes + options_.reserve_bytes + bytes;
  if (!spares_.empty() && needed <= options_.segment_bytes) {
    std::string name = std::move(spares_.back());
    spares_.pop_back();
    return name;
  }
  std::string name = kUnfinishedName;
  auto file = disk_.open(name, OpenMode::kCreateNew);
  if (!file) return std::unexpected(std::move(file).error());
  const std::uint64_t ahead = std::min(needed + options_.grow_bytes, options_.segment_bytes);
  if (auto filled = (*file)->fill_zero(0, std::max(needed, ahead)); !filled) {
    static_cast<void>(disk_.remove(name));  // the first error is the one to tell
    return std::unexpected(std::move(filled).error());
  }
  return name;
}

// The old segment is whole and sealed before the new one has a name; the new one's header is
// durable before it has a name. So a segment that is followed by another is complete, and none
// without a valid header was ever made by us.
Status Wal::turn(std::uint64_t bytes, const SegmentHeader& header) {
  auto prepared = prepare_segment(bytes);
  if (!prepared) {
    if (prepared.error().code == ErrorCode::kDiskFull) {
      return std::unexpected(std::move(prepared).error());
    }
    return poison(std::move(prepared).error());
  }
  std::uint32_t chain = chain_start(header.sequence);
  const auto run = [&]() -> Status {
    if (!sealed_) {
      begin_write();
      encode_seal(terms_.last(), pending_, chain_);
      KV_TRY(flush());
      KV_TRY(file_->sync_data());
    }
    SegmentHeader written = header;
    written.recycled = *prepared != kUnfinishedName;
    auto file = disk_.open(*prepared, OpenMode::kExisting);
    if (!file) return std::unexpected(std::move(file).error());
    const auto size = (*file)->size();
    if (!size) return std::unexpected(size.error());
    // The mark repeats the header, in another sector: damage to one of them loses no vote.
    Bytes start = encode_segment_header(written);
    encode_mark(header.sequence, {kSegmentHeaderBytes, header.hard_state, header.prev},
                kSegmentHeaderBytes, start, chain);
    KV_TRY((*file)->write_at(0, start));
    KV_TRY((*file)->sync_data());
    KV_TRY(disk_.rename(*prepared, segment_name(header.sequence)));
    if (!mutated(Mutant::kNoDirectorySync)) KV_TRY(disk_.sync_directory(kWalDirectory));
    file_ = std::move(*file);
    allocated_ = *size;
    return {};
  };
  if (auto status = run(); !status) return poison(std::move(status).error());
  segments_.push_back({header.sequence, Index{}, allocated_, header.prev});
  sealed_ = false;
  written_ = kSegmentStartBytes;
  durable_ = kSegmentStartBytes;
  marked_ = kSegmentStartBytes;  // nothing is there that a mark could tell of
  unsynced_ = false;
  vote_pending_ = false;
  chain_ = chain;
  return {};
}

// One directory sync each, so that after a crash the segments that are left follow each other.
Status Wal::retire_oldest() {
  KV_CHECK(segments_.size() > 1, "the newest segment stays");
  const Segment oldest = segments_.front();
  const std::string name = segment_name(oldest.sequence);
  const bool keep =
      oldest.bytes == options_.segment_bytes && spares_.size() < options_.spare_segments;
  const auto run = [&]() -> Status {
    KV_TRY(keep ? disk_.rename(name, spare_name(oldest.sequence)) : disk_.remove(name));
    return disk_.sync_directory(kWalDirectory);
  };
  if (auto status = run(); !status) return poison(std::move(status).error());
  segments_.erase(segments_.begin());
  if (keep) spares_.push_back(spare_name(oldest.sequence));
  return {};
}

}  // namespace kvcluster::storage
