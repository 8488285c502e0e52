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
  Story() { KV_CHECK(Wal::create(disk, kOptions, kIdentity), "a log is made"); }

  void write(fuzz::FuzzInput& input) {
    auto opened = Wal::open(disk, kOptions, kIdentity);
    KV_CHECK(opened, "a whole log opens");
    wal = std::move(opened->wal);
    for (unsigned steps = input.byte() % 32; steps > 0; --steps) step(input);
    wal.reset();
  }

  void damage(fuzz::FuzzInput& input) {
    if (input.flag()) disk.crash(input.number(2));
    const auto names = disk.list(kWalDirectory);
    KV_CHECK(names && !names->empty(), "the log is there");
    hits = input.byte() % 4;
    for (unsigned i = 0; i < hits; ++i) {
      const std::string name =
          std::string(kWalDirectory) + "/" + (*names)[input.byte() % names->size()];
      const std::size_t size = disk.contents(name).size();
      if (size > 0) disk.flip_bit(name, input.number(2) % size, input.byte() % 8);
    }
  }

  void check() {
    const bool damaged = hits > 0;
    auto found = Wal::open(disk, kOptions, kIdentity);
    if (!found) {
      KV_CHECK(damaged, "a torn tail is no damage");
      KV_CHECK(found.error().code == ErrorCode::kCorruption ||
                   found.error().code == ErrorCode::kVersionMismatch ||
                   found.error().code == ErrorCode::kWrongIdentity,
               "damage is called by its name");
      return check_salvage();
    }
    for (const raft::Entry& entry : found->entries) {
      const auto same = written.find(entry.id());
      KV_CHECK(same != written.end() && same->second == entry, "nothing appears from nowhere");
    }
    KV_CHECK(std::ranges::count(votes, found->hard_state) > 0, "no vote appears from nowhere");
    if (damaged) return;
    KV_CHECK(found->hard_state.current_term >= synced_vote.current_term, "a synced vote stays");
    KV_CHECK(found->wal->last() >= synced_last || truncated_since, "a synced entry stays");
  }

 private:
  void check_salvage() {
    const auto salvage = salvage_log(disk, kIdentity);
    if (!salvage) return;
    for (const raft::Entry& entry : salvage->intact) {
      const auto same = written.find(entry.id());
      KV_CHECK(same != written.end() && same->second == entry, "nothing is made up");
    }
    if (hits == 1) {
      const raft::HardState& state = salvage->hard_state;
      KV_CHECK(state.current_term >= synced_vote.current_term, "a synced term still binds");
      KV_CHECK(
          state.current_term > synced_vote.current_term || state.voted_for == synced_vote.voted_for,
          "a synced vote still binds");
      KV_CHECK(salvage->floor >= synced_last || truncated_since, "what was synced is known of");
    }
    auto renewed =
        renew_log(disk, kOptions, kIdentity, salvage->newest_segment, salvage->hard_state);
    KV_CHECK(renewed, "a salvaged log can be renewed");
    renewed->reset();
    const auto again = Wal::open(disk, kOptions, kIdentity);
    KV_CHECK(again && again->entries.empty() && again->hard_state == salvage->hard_state,
             "a renewed log keeps the vote and nothing else");
  }

  void step(fuzz::FuzzInput& input) {
    const std::uint8_t choice = input.byte() % 16;
    if (choice == 0) return noted(wal->write_mark());
    if (choice == 1) return noted(wal->compact(Index(wal->last().index.value() / 2)));
    if (choice == 2) return replace_log(input);
    if (choice < 8) return synced(input);
    raft::PersistBatch batch;
    if (choice == 8) vote(input, batch);
    raft::EntryId last = wal->last();
    const std::uint64_t above = last.index.value() - wal->base().index.value();
    if (choice == 9 && above > 0) {
      batch.truncate_from = Index(last.index.value() - input.byte() % above);
      truncated_since = true;
      last.index = batch.truncate_from->prev();
    }
    for (unsigned entries = input.byte() % 4; entries > 0; --entries) {
      // A new term each time: no id names two entries.
      last = {Term(++newest_term), last.index.next()};
      batch.entries.push_back(
          {last.term, last.index, raft::EntryKind::kCommand,
           Slice::of(Bytes(input.number(2) % 1500, static_cast<char>(choice)))});
      written.emplace(last, batch.entries.back());
    }
    noted(wal->append(batch));
  }

  void vote(fuzz::FuzzInput& input, raft::PersistBatch& batch) {
    batch.hard_state = {Term(++newest_term), NodeId(input.byte()), wal->last().index};
    votes.push_back(*batch.hard_state);
  }

  void synced(fuzz::FuzzInput& /*input*/) {
    noted(wal->sync());
    synced_vote = wal->hard_state();
    synced_last = wal->last();
    truncated_since = false;
  }

  void replace_log(fuzz::FuzzInput& input) {
    const raft::HardState state{Term(++newest_term), NodeId(input.byte()), wal->last().index};
    votes.push_back(state);
    noted(wal->reset({Term(newest_term), Index(wal->last().index.value() + input.byte())}, state));
    synced_vote = state;
    synced_last = wal->base();
    truncated_since = false;
  }

  static void noted(const Status& status) { KV_CHECK(status, "the disk works"); }

  MemoryDisk disk;
  std::unique_ptr<Wal> wal;
  std::map<raft::EntryId, raft::Entry> written;
  std::vector<raft::HardState> votes{raft::HardState{}};
  raft::HardState synced_vote;
  raft::EntryId synced_last;
  bool truncated_since = false;
  std::uint64_t newest_term = 0;
  unsigned hits = 0;  // bits that were flipped
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
