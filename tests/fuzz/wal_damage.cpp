// A log that was written as logs are, then damaged or cut by a power failure: what opens holds
// nothing that was never written, and without damage nothing that was synced is missing. What one
// flipped bit makes unreadable still tells a vote and a floor that bind to no less than was synced.
#include <algorithm>
#include <map>

#include "base/check.hpp"
#include "fuzz/fuzz_input.hpp"
#include "storage/memory_disk.hpp"
#include "storage/wal.hpp"
#include "storage/wal_recovery.hpp"
#include "storage/wal_salvage.hpp"

namespace kvcluster::storage {
namespace {

const WalIdentity kIdentity{NodeId(1), {1, 2, 3}};
constexpr WalOptions kOptions = {.segment_bytes = 4096, .grow_bytes = 512, .reserve_bytes = 256};

class Story {
 public:
  Story() { KV_CHECK(Wal::create(disk_, kOptions, kIdentity), "a log is made"); }

  void write(fuzz::FuzzInput& input) {
    auto opened = Wal::open(disk_, kOptions, kIdentity);
    KV_CHECK(opened, "a whole log opens");
    wal_ = std::move(opened->wal);
    for (unsigned steps = input.byte() % 32; steps > 0; --steps) step(input);
    wal_.reset();
  }

  void damage(fuzz::FuzzInput& input) {
    if (input.flag()) disk_.crash(input.number(2));
    const auto names = disk_.list(kWalDirectory);
    KV_CHECK(names && !names->empty(), "the log is there");
    hits_ = input.byte() % 4;
    for (unsigned i = 0; i < hits_; ++i) {
      const std::string name =
          std::string(kWalDirectory) + "/" + (*names)[input.byte() % names->size()];
      const std::size_t size = disk_.contents(name).size();
      if (size > 0) disk_.flip_bit(name, input.number(2) % size, input.byte() % 8);
    }
  }

  void check() {
    const bool damaged = hits_ > 0;
    auto found = Wal::open(disk_, kOptions, kIdentity);
    if (!found) {
      KV_CHECK(damaged, "a torn tail is no damage");
      KV_CHECK(found.error().code == ErrorCode::kCorruption ||
                   found.error().code == ErrorCode::kVersionMismatch ||
                   found.error().code == ErrorCode::kWrongIdentity,
               "damage is called by its name");
      return check_salvage();
    }
    for (const raft::Entry& entry : found->entries) {
      const auto same = written_.find(entry.id());
      KV_CHECK(same != written_.end() && same->second == entry, "nothing appears from nowhere");
    }
    KV_CHECK(std::ranges::count(votes_, found->hard_state) > 0, "no vote appears from nowhere");
    if (damaged) return;
    KV_CHECK(found->hard_state.current_term >= synced_vote_.current_term, "a synced vote stays");
    KV_CHECK(found->wal->last() >= synced_last_ || truncated_since_, "a synced entry stays");
  }

 private:
  void check_salvage() {
    const auto salvage = salvage_log(disk_, kIdentity);
    if (!salvage) return;
    for (const raft::Entry& entry : salvage->intact) {
      const auto same = written_.find(entry.id());
      KV_CHECK(same != written_.end() && same->second == entry, "nothing is made up");
    }
    if (hits_ == 1) {
      const raft::HardState& state = salvage->hard_state;
      KV_CHECK(state.current_term >= synced_vote_.current_term, "a synced term still binds");
      KV_CHECK(state.current_term > synced_vote_.current_term ||
                   state.voted_for == synced_vote_.voted_for,
               "a synced vote still binds");
      KV_CHECK(salvage->floor >= synced_last_ || truncated_since_, "what was synced is known of");
    }
    auto renewed =
        renew_log(disk_, kOptions, kIdentity, salvage->newest_segment, salvage->hard_state);
    KV_CHECK(renewed, "a salvaged log can be renewed");
    renewed->reset();
    const auto again = Wal::open(disk_, kOptions, kIdentity);
    KV_CHECK(again && again->entries.empty() && again->hard_state == salvage->hard_state,
             "a renewed log keeps the vote and nothing else");
  }

  void step(fuzz::FuzzInput& input) {
    const std::uint8_t choice = input.byte() % 16;
    if (choice == 0) return noted(wal_->write_mark());
    if (choice == 1) return noted(wal_->compact(Index(wal_->last().index.value() / 2)));
    if (choice == 2) return replace_log(input);
    if (choice < 8) return synced(input);
    raft::PersistBatch batch;
    if (choice == 8) vote(input, batch);
    raft::EntryId last = wal_->last();
    const std::uint64_t above = last.index.value() - wal_->base().index.value();
    if (choice == 9 && above > 0) {
      batch.truncate_from = Index(last.index.value() - input.byte() % above);
      truncated_since_ = true;
      last.index = batch.truncate_from->prev();
    }
    for (unsigned entries = input.byte() % 4; entries > 0; --entries) {
      // A new term each time: no id names two entries.
      last = {Term(++newest_term_), last.index.next()};
      batch.entries.push_back(
          {last.term, last.index, raft::EntryKind::kCommand,
           Slice::of(Bytes(input.number(2) % 1500, static_cast<char>(choice)))});
      written_.emplace(last, batch.entries.back());
    }
    noted(wal_->append(batch));
  }

  void vote(fuzz::FuzzInput& input, raft::PersistBatch& batch) {
    batch.hard_state = {Term(++newest_term_), NodeId(input.byte()), wal_->last().index};
    votes_.push_back(*batch.hard_state);
  }

  void synced(fuzz::FuzzInput& /*input*/) {
    noted(wal_->sync());
    synced_vote_ = wal_->hard_state();
    synced_last_ = wal_->last();
    truncated_since_ = false;
  }

  void replace_log(fuzz::FuzzInput& input) {
    const raft::HardState state{Term(++newest_term_), NodeId(input.byte()), wal_->last().index};
    votes_.push_back(state);
    noted(
        wal_->reset({Term(newest_term_), Index(wal_->last().index.value() + input.byte())}, state));
    synced_vote_ = state;
    synced_last_ = wal_->base();
    truncated_since_ = false;
  }

  static void noted(const Status& status) { KV_CHECK(status, "the disk works"); }

  MemoryDisk disk_;
  std::unique_ptr<Wal> wal_;
  std::map<raft::EntryId, raft::Entry> written_;
  std::vector<raft::HardState> votes_{raft::HardState{}};
  raft::HardState synced_vote_;
  raft::EntryId synced_last_;
  bool truncated_since_ = false;
  std::uint64_t newest_term_ = 0;
  unsigned hits_ = 0;  // bits that were flipped
};

}  // namespace
}  // namespace kvcluster::storage

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  kvcluster::fuzz::FuzzInput input(data, size);
  kvcluster::storage::Story story;
  story.write(input);
  story.damage(input);
  story.check();
  return 0;
}
