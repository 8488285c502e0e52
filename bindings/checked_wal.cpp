#include "checked_wal.hpp"

#include <unistd.h>

#include <stdexcept>
#include <utility>

#include "errors.hpp"
#include "storage/posix_disk.hpp"

namespace kvcluster::python {

using storage::LogTerms;
using storage::open_posix_disk;
using storage::Wal;
using storage::WalIdentity;
using storage::WalOptions;
using storage::WalPosition;
using storage::WalRecovered;

namespace {

// More than a segment's header, its marks and its seal take.
constexpr std::uint64_t kSegmentOverheadBytes = 4096;

void require(bool condition, const char* otherwise) {
  if (!condition) throw std::invalid_argument(otherwise);
}

void check_options(const WalOptions& options) {
  require(options.segment_bytes >= kSegmentOverheadBytes &&
              options.segment_bytes - kSegmentOverheadBytes >= options.reserve_bytes,
          "segment_bytes must be larger than reserve_bytes by 4096 at least");
}

}  // namespace

void CheckedWal::create(const std::string& directory, const WalOptions& options,
                        const WalIdentity& identity) {
  check_options(options);
  const auto disk = value_or_throw(open_posix_disk(directory));
  if (value_or_throw(disk->exists("wal"))) {
    require(value_or_throw(disk->list("wal")).empty(), "the directory holds a log already");
  }
  value_or_throw(Wal::create(*disk, options, identity));
}

CheckedWal::CheckedWal(const std::string& directory, const WalOptions& options,
                       const WalIdentity& identity)
    : owner_(getpid()) {
  check_options(options);
  disk_ = value_or_throw(open_posix_disk(directory));
  WalRecovered found = value_or_throw(Wal::open(*disk_, options, identity));
  wal_ = std::move(found.wal);
  terms_.reset(found.log_base);
  for (const raft::Entry& entry : found.entries) terms_.append(entry.id());
  recovered_ = {.hard_state = found.hard_state,
                .log_base = found.log_base,
                .entries = std::move(found.entries),
                .torn_bytes = found.torn_bytes};
}

// In a fork the lock may be held forever, by a thread that did not come along.
std::unique_lock<std::mutex> CheckedWal::take_turn() const {
  require(owner_ == getpid(), "the log was opened by the process that this one was forked from");
  return std::unique_lock(mutex_);
}

Wal& CheckedWal::open() const {
  require(wal_ != nullptr, "the log is closed");
  return *wal_;
}

void CheckedWal::check_hard_state(const raft::HardState& hard_state) const {
  require(hard_state.current_term >= wal_->hard_state().current_term, "terms never go back");
}

void CheckedWal::check(const raft::PersistBatch& batch) const {
  if (batch.hard_state) check_hard_state(*batch.hard_state);
  LogTerms terms = terms_;
  if (batch.log_reset) terms.reset(*batch.log_reset);
  if (batch.truncate_from) {
    const Index from = *batch.truncate_from;
    require(from > terms.base().index && from <= terms.last().index.next(),
            "a truncation must start inside the log");
    terms.truncate_from(from);
  }
  raft::EntryId previous = terms.last();
  for (const raft::Entry& entry : batch.entries) {
    require(entry.index == previous.index.next(), "log entries follow each other without gaps");
    require(entry.term >= previous.term, "terms never fall along a log");
    previous = entry.id();
  }
}

void CheckedWal::append(const raft::PersistBatch& batch) {
  const auto turn = take_turn();
  Wal& wal = open();
  check(batch);
  value_or_throw(wal.append(batch));
  if (batch.log_reset) terms_.reset(*batch.log_reset);
  if (batch.truncate_from) terms_.truncate_from(*batch.truncate_from);
  for (const raft::Entry& entry : batch.entries) terms_.append(entry.id());
}

void CheckedWal::sync() {
  const auto turn = take_turn();
  value_or_throw(open().sync());
}

void CheckedWal::write_mark() {
  const auto turn = take_turn();
  value_or_throw(open().write_mark());
}

void CheckedWal::reset(raft::EntryId base, const raft::HardState& hard_state) {
  const auto turn = take_turn();
  Wal& wal = open();
  check_hard_state(hard_state);
  value_or_throw(wal.reset(base, hard_state));
  terms_.reset(base);
}

void CheckedWal::compact(Index through) {
  const auto turn = take_turn();
  Wal& wal = open();
  value_or_throw(wal.compact(through));
  if (wal.base().index > terms_.base().index) terms_.advance_base(wal.base().index);
}

void CheckedWal::close() {
  const auto turn = take_turn();
  wal_.reset();
}

WalPosition CheckedWal::durable_position() const {
  const auto turn = take_turn();
  return open().durable_position();
}

WalPosition CheckedWal::appended_position() const {
  const auto turn = take_turn();
  return open().appended_position();
}

raft::EntryId CheckedWal::base() const {
  const auto turn = take_turn();
  return open().base();
}

raft::EntryId CheckedWal::last() const {
  const auto turn = take_turn();
  return open().last();
}

raft::HardState CheckedWal::hard_state() const {
  const auto turn = take_turn();
  return open().hard_state();
}

std::size_t CheckedWal::segment_count() const {
  const auto turn = take_turn();
  return open().segment_count();
}

std::uint64_t CheckedWal::room_bytes() const {
  const auto turn = take_turn();
  return open().room_bytes();
}

bool CheckedWal::disk_full() const {
  const auto turn = take_turn();
  return open().disk_full();
}

}  // namespace kvcluster::python
