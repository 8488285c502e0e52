#include "storage/wal.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/check.hpp"
#include "base/mutant.hpp"
#include "storage/wal_format.hpp"
#include "storage/wal_recovery.hpp"

namespace kvcluster::storage {
namespace {

std::uint64_t encoded_size(const raft::PersistBatch& batch) {
  std::uint64_t size = 0;
  if (batch.hard_state) size += kHardStateBytes;
  if (batch.truncate_from) size += kTruncateBytes;
  for (const raft::Entry& entry : batch.entries) size += kRecordHeaderBytes + entry.payload.size();
  return size;
}

}  // namespace

Wal::Wal(Disk& disk, const WalOptions& options, const WalIdentity& identity)
    : disk_(disk), options_(options), identity_(identity) {
  KV_CHECK(options.segment_bytes >= kSegmentStartBytes + kOverheadBytes + options.reserve_bytes,
           "a segment must have room for its header and the reserve");
}

Wal::~Wal() = default;

Status Wal::create(Disk& disk, const WalOptions& options, const WalIdentity& identity) {
  KV_TRY(disk.make_directory(kWalDirectory));
  KV_TRY(disk.sync_directory(""));
  Wal wal(disk, options, identity);
  wal.sealed_ = true;  // there is no segment before the first
  return wal.turn(0, wal.next_header({}, {}));
}

Status Wal::renew(Disk& disk, const WalOptions& options, const WalIdentity& identity,
                  std::uint64_t newest, const raft::HardState& hard_state) {
  Wal wal(disk, options, identity);
  wal.sealed_ = true;  // what is there takes no more records
  SegmentHeader header = wal.next_header({}, hard_state);
  header.sequence = newest + 1;
  header.starts_anew = true;
  return wal.turn(0, header);
}

Result<WalRecovered> Wal::open(Disk& disk, const WalOptions& options, const WalIdentity& identity) {
  auto log = scan_log(disk, identity);
  if (!log) return std::unexpected(std::move(log).error());
  std::unique_ptr<Wal> wal(new Wal(disk, options, identity));
  wal->adopt(*log);
  // Marks of a write that was lost in part. Once something else is written before them they would
  // tell of a log that never was.
  for (const std::uint64_t mark : log->stale_marks) {
    KV_TRY(wal->file_->write_at(mark, Bytes(kMarkBytes, '\0')));
  }
  KV_TRY(wal->make_durable(disk));
  for (const std::uint64_t sequence : log->obsolete) {
    KV_TRY(disk.remove(segment_name(sequence)));
    KV_TRY(disk.sync_directory(kWalDirectory));
  }
  for (const std::string& name : log->spares) {
    auto spare = disk.open(name, OpenMode::kExisting);
    if (!spare) return std::unexpected(std::move(spare).error());
    const auto size = (*spare)->size();
    if (!size) return std::unexpected(size.error());
    if (name != kUnfinishedName && *size == options.segment_bytes &&
        wal->spares_.size() < options.spare_segments) {
      wal->spares_.push_back(name);
    } else {
      KV_TRY(disk.remove(name));
    }
  }
  WalRecovered recovered;
  recovered.hard_state = log->hard_state;
  recovered.log_base = log->base;
  recovered.entries = std::move(log->entries);
  recovered.torn_bytes = log->torn_bytes;
  recovered.wal = std::move(wal);
  return recovered;
}

// What was read counts from now on, but may stand in the page cache alone: a killed process left it
// there, or one whose sync failed. After a failed sync the pages count as clean and no other would
// write them: so all that no mark names as durable is written again.
Status Wal::make_durable(Disk& disk) {
  Bytes tail(static_cast<std::size_t>(written_ - marked_), '\0');
  const auto count = file_->read_at(marked_, tail);
  if (!count) return std::unexpected(count.error());
  if (*count < tail.size()) {
    return fail(ErrorCode::kIo, fmt::format("{} has become shorter while it was read",
                                            segment_name(segments_.back().sequence)));
  }
  if (!tail.empty()) KV_TRY(file_->write_at(marked_, tail));
  KV_TRY(file_->sync_data());
  return disk.sync_directory(kWalDirectory);
}

void Wal::adopt(ScannedLog& log) {
  for (const ScannedSegment& segment : log.segments) {
    segments_.push_back({segment.sequence, segment.max_index, segment.bytes, segment.prev});
  }
  file_ = std::move(log.file);
  sealed_ = log.sealed;
  allocated_ = segments_.back().bytes;
  written_ = log.end;
  durable_ = log.end;
  marked_ = log.marked;
  chain_ = log.chain;
  terms_ = std::move(log.terms);
  hard_state_ = log.hard_state;
}

// "Disk full" tells a caller that nothing was taken and the batch may be given again. Here
// something may have been: a file system that finds room only when it writes back (copy-on-write,
// quotas) says it late, of a write, a sync or a rename.
Status Wal::poison(Error error) {
  if (error.code == ErrorCode::kDiskFull) error.code = ErrorCode::kIo;
  if (!poisoned_) poisoned_ = error;
  return std::unexpected(std::move(error));
}

std::uint64_t Wal::capacity() const { return std::max(options_.segment_bytes, allocated_); }

Status Wal::append(const raft::PersistBatch& batch) {
  if (poisoned_) return std::unexpected(*poisoned_);
  if (batch.log_reset) {
    KV_TRY(reset(*batch.log_reset, batch.hard_state.value_or(hard_state_)));
    raft::PersistBatch rest;
    rest.truncate_from = batch.truncate_from;
    rest.entries = batch.entries;
    return append(rest);
  }
  const std::uint64_t size = encoded_size(batch);
  if (size == 0) return {};
  if (size > options_.max_batch_bytes) {
    return fail(ErrorCode::kLimitExceeded,
                fmt::format("a batch of {} bytes is more than the log's limit of {}", size,
                            options_.max_batch_bytes));
  }
  KV_TRY(make_room(size, !batch.entries.empty()));
  begin_write();
  pending_.reserve(pending_.size() + static_cast<std::size_t>(size) + kMarkBytes);
  encode_batch(batch);
  if (pending_.size() >= options_.write_buffer_bytes) return flush();
  return {};
}

void Wal::begin_write() {
  if (!pending_.empty()) return;
  encode_mark(segments_.back().sequence, {durable_, hard_state_, terms_.last()}, written_, pending_,
              chain_);
  marked_ = durable_;
}

void Wal::encode_batch(const raft::PersistBatch& batch) {
  if (batch.hard_state) {
    KV_CHECK(batch.hard_state->current_term >= hard_state_.current_term, "terms never go back");
    hard_state_ = *batch.hard_state;
    vote_pending_ = true;
    encode_hard_state(hard_state_, pending_, chain_);
  }
  if (batch.truncate_from) {
    terms_.truncate_from(*batch.truncate_from);
    encode_truncate(*batch.truncate_from, terms_.last().term, pending_, chain_);
  }
  for (const raft::Entry& entry : batch.entries) {
    terms_.append(entry.id());
    encode_entry(entry, pending_, chain_);
  }
  if (!batch.entries.empty()) {
    Index& max_index = segments_.back().max_index;
    max_index = std::max(max_index, batch.entries.back().index);
  }
}

Status Wal::flush() {
  if (pending_.empty()) return {};
  if (auto status = file_->write_at(written_, pending_); !status) {
    return poison(std::move(status).error());
  }
  written_ += pending_.size();
  unsynced_ = true;
  if (pending_.capacity() > 2 * options_.write_buffer_bytes) {
    pending_ = Bytes();
  } else {
    pending_.clear();
  }
  return {};
}

Status Wal::sync() {
  if (poisoned_) return std::unexpected(*poisoned_);
  if (pending_.empty() && !unsynced_) return {};
  KV_TRY(flush());
  auto synced = mutated(Mutant::kNoSync) ? Status() : file_->sync_data();
  if (!synced && mutated(Mutant::kSyncRetried)) synced = file_->sync_data();
  if (!synced) return poison(std::move(synced).error());
  durable_ = written_;
  unsynced_ = false;
  // A vote that is lost to damage could be given twice, so it does not wait for the next batch to
  // become known as durable.
  if (std::exchange(vote_pending_, false)) return write_mark();
  return {};
}

Status Wal::write_mark() {
  if (poisoned_) return std::unexpected(*poisoned_);
  const bool nothing_new = marked_ == durable_ || unsynced_ || !pending_.empty();
  if (nothing_new || sealed_ || end() + kMarkBytes + kSealWriteBytes > allocated_) return {};
  begin_write();
  KV_TRY(flush());
  unsynced_ = false;  // a mark need not be durable
  return {};
}

Status Wal::reset(raft::EntryId base, const raft::HardState& hard_state) {
  if (poisoned_) return std::unexpected(*poisoned_);
  KV_CHECK(hard_state.current_term >= hard_state_.current_term, "terms never go back");
  SegmentHeader header = next_header(base, hard_state);
  header.starts_anew = true;
  KV_TRY(turn(0, header));
  hard_state_ = hard_state;
  terms_.reset(base);
  while (segments_.size() > 1) KV_TRY(retire_oldest());
  return {};
}

Status Wal::compact(Index through) {
  if (poisoned_) return std::unexpected(*poisoned_);
  bool retired = false;
  while (segments_.size() > 1 && segments_.front().max_index <= through) {
    KV_TRY(retire_oldest());
    retired = true;
  }
  const Index to = segments_.front().prev.index;
  if (retired && to > terms_.base().index) terms_.advance_base(to);
  return {};
}

std::uint64_t Wal::room_bytes() const {
  const std::uint64_t taken = end() + kOverheadBytes + options_.reserve_bytes;
  std::uint64_t room = !sealed_ && allocated_ > taken ? allocated_ - taken : 0;
  const std::uint64_t empty = kSegmentStartBytes + kOverheadBytes + options_.reserve_bytes;
  room += spares_.size() * (options_.segment_bytes - empty);
  return room;
}

WalPosition Wal::durable_position() const { return {segments_.back().sequence, durable_}; }
WalPosition Wal::appended_position() const { return {segments_.back().sequence, end()}; }

}  // namespace kvcluster::storage
