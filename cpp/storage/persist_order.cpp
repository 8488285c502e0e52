#include "storage/persist_order.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

#include "base/check.hpp"

namespace kvcluster::storage {
namespace {

bool has_writes(const raft::PersistBatch& batch) {
  return batch.log_reset || batch.hard_state || batch.truncate_from || !batch.entries.empty();
}

std::size_t bytes_of(const raft::PersistBatch& batch) {
  std::size_t bytes = 0;
  for (const raft::Entry& entry : batch.entries) {
    bytes += entry.payload.size() + PersistOrder::kEntryOverhead;
  }
  return bytes;
}

bool small(const PersistOrder::Batches& batches) {
  std::size_t entries = 0;
  std::size_t bytes = 0;
  for (const raft::PersistBatch& batch : batches) {
    if (batch.log_reset) return false;  // several files and syncs
    entries += batch.entries.size();
    bytes += bytes_of(batch);
  }
  return entries < PersistOrder::kReactorEntries && bytes < PersistOrder::kReactorBytes;
}

void append(PersistOrder::Batches& to, PersistOrder::Batches from) {
  if (to.empty()) {
    to = std::move(from);
  } else {
    to.insert(to.end(), std::make_move_iterator(from.begin()), std::make_move_iterator(from.end()));
  }
}

}  // namespace

void PersistOrder::wait_for(const raft::PersistBatch& batch) {
  KV_CHECK(batch.sequence > newest_, "persist batches come in their order");
  newest_ = batch.sequence;
  const bool writes = has_writes(batch);
  // Neighbours that write nothing become durable together: a full disk may hold them up for hours.
  if (!writes && !waiting_.empty() && !waiting_.back().has_writes) {
    waiting_.back().sequence = batch.sequence;
  } else {
    waiting_.push_back({batch.sequence, writes});
  }
}

PersistOrder::Batches PersistOrder::start(Batches batches, bool quick) {
  for (const raft::PersistBatch& batch : batches) {
    wait_for(batch);
    logged_bytes_ += bytes_of(batch);
  }
  const bool by_reactor = quick && idle() && small(batches);
  std::erase_if(batches, [](const raft::PersistBatch& batch) { return !has_writes(batch); });
  if (batches.empty()) return {};
  if (!by_reactor) return hand_over(std::move(batches));
  append(own_, std::move(batches));
  return {};
}

PersistOrder::Batches PersistOrder::own_synced(std::size_t appended) {
  KV_CHECK(appended <= own_.size(), "the reactor writes what is its own");
  const auto refused = own_.begin() + static_cast<Batches::difference_type>(appended);
  if (appended > 0) durable_ = std::max(durable_, std::prev(refused)->sequence);
  own_.erase(own_.begin(), refused);
  return hand_over({});
}

PersistOrder::Batches PersistOrder::begin_compaction() {
  Batches first = hand_over({});
  ++jobs_at_writer_;
  return first;
}

PersistOrder::Batches PersistOrder::hand_over(Batches batches) {
  Batches handed = std::exchange(own_, {});
  append(handed, std::move(batches));
  jobs_at_writer_ += handed.size();
  return handed;
}

void PersistOrder::writer_synced(std::uint64_t sequence, std::uint64_t jobs) {
  KV_CHECK(jobs <= jobs_at_writer_, "the writer does what it was given");
  KV_CHECK(sequence <= newest_, "the writer syncs what it was given");
  jobs_at_writer_ -= jobs;
  durable_ = std::max(durable_, sequence);
}

std::uint64_t PersistOrder::release() {
  std::uint64_t newest = 0;
  while (!waiting_.empty() &&
         (waiting_.front().sequence <= durable_ || !waiting_.front().has_writes)) {
    newest = waiting_.front().sequence;
    waiting_.pop_front();
  }
  return newest;
}

}  // namespace kvcluster::storage
