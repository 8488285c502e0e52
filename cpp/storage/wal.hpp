// The write-ahead log: what consensus must not forget, in the order in which it was decided.
//
// Segment files are filled with zeroes ahead of the writer, so that a sync writes data only, and
// are recycled under a new sequence number, whose checksums reject what is left in them. Every
// record's checksum covers the one before it, so that after a cut nothing stale can follow by
// accident. Each write begins with a mark that names the offset known to be durable: after a crash
// an unsynced tail may be torn and is cut, but damage below such an offset is corruption, never
// cut. docs/format.md has every byte.
//
// A failed write or sync ends the log: it is never retried, and every later call gives the first
// error. Only a full disk that is noticed before anything was written leaves it usable.
//
// Thread-safety: none; one thread at a time (the WAL writer's, or the reactor's at small depth).
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.hpp"
#include "base/ids.hpp"
#include "base/result.hpp"
#include "raft/configuration.hpp"
#include "raft/effects.hpp"
#include "raft/log_entry.hpp"
#include "storage/disk.hpp"
#include "storage/log_terms.hpp"

namespace kvcluster::storage {

struct WalOptions {
  std::uint64_t segment_bytes = 64U << 20U;
  // A segment that is not recycled grows by so many zeroes at a time.
  std::uint64_t grow_bytes = 1U << 20U;
  // Room that only batches without entries may use, so that a full disk does not take the vote.
  std::uint64_t reserve_bytes = 64U << 10U;
  // Old segments kept for reuse; more are removed.
  std::size_t spare_segments = 2;
  // Appended bytes above which the buffer is written out before the sync.
  std::size_t write_buffer_bytes = 4U << 20U;
  // A larger batch is refused.
  std::uint64_t max_batch_bytes = 256U << 20U;
};

// Whose log it is; stands in every segment.
struct WalIdentity {
  NodeId node;
  raft::Incarnation incarnation{};

  friend bool operator==(const WalIdentity&, const WalIdentity&) = default;
};

// A place in the log; ordered.
struct WalPosition {
  std::uint64_t sequence = 0;  // of the segment
  std::uint64_t offset = 0;    // in its file

  friend auto operator<=>(const WalPosition&, const WalPosition&) = default;
};

struct WalRecovered;
struct SegmentHeader;
struct ScannedLog;

class Wal {
 public:
  // Makes the directory "wal" and its first, empty segment, durably.
  // Requires: no segment is there.
  [[nodiscard]] static Status create(Disk& disk, const WalOptions& options,
                                     const WalIdentity& identity);

  // Reads all segments, cuts a torn tail and makes the rest durable. `disk` must outlive the Wal.
  // Errors: kCorruption naming file and offset (see wal_salvage.hpp); kVersionMismatch;
  // kWrongIdentity; kIo.
  [[nodiscard]] static Result<WalRecovered> open(Disk& disk, const WalOptions& options,
                                                 const WalIdentity& identity);

  // Makes a segment after `newest`, durably, that starts the log anew before the first entry:
  // whatever the others hold is void, and goes with the next open().
  [[nodiscard]] static Status renew(Disk& disk, const WalOptions& options,
                                    const WalIdentity& identity, std::uint64_t newest,
                                    const raft::HardState& hard_state);

  ~Wal();
  Wal(const Wal&) = delete;
  Wal& operator=(const Wal&) = delete;

  // Takes a batch over: log reset (see reset(); durable at once), hard state, truncation, entries.
  // The rest is durable after the next sync().
  // A batch with nothing to write is fine. Batches must fit the log: entries follow each other,
  // and a truncation starts inside the log.
  // Errors: kDiskFull when there is no room: nothing was taken and the same batch may be given
  // again later; kLimitExceeded likewise; any other ends the log.
  [[nodiscard]] Status append(const raft::PersistBatch& batch);

  // Makes all appended batches durable: one write, one sync. Errors: any ends the log.
  [[nodiscard]] Status sync();

  // Notes in the log, without a sync, up to where it is durable. Call it when idle: damage that
  // hits the newest batch is then told from a torn write.
  [[nodiscard]] Status write_mark();

  // The log starts anew after `base`, because a snapshot replaced it; durable on return. All
  // entries go. Errors: kDiskFull (nothing changed); any other ends the log.
  [[nodiscard]] Status reset(raft::EntryId base, const raft::HardState& hard_state);

  // Gives up the oldest segments that hold no entry after `through`. Requires: `through` is
  // covered by a durable checkpoint. Errors: any ends the log.
  [[nodiscard]] Status compact(Index through);

  // Payload and record bytes that certainly can still be appended without new room on the disk.
  [[nodiscard]] std::uint64_t room_bytes() const;
  // True when the last batch was refused for a full disk.
  [[nodiscard]] bool disk_full() const { return disk_full_; }

  [[nodiscard]] WalPosition durable_position() const;
  // A mark in the log names all that is durable: damage to it is told from a torn write. Else the
  // newest batch, or the end of a sealed segment without a successor, is not named yet.
  [[nodiscard]] bool all_marked() const { return marked_ == durable_; }
  [[nodiscard]] WalPosition appended_position() const;
  [[nodiscard]] raft::EntryId base() const { return terms_.base(); }
  [[nodiscard]] raft::EntryId last() const { return terms_.last(); }
  [[nodiscard]] const raft::HardState& hard_state() const { return hard_state_; }
  [[nodiscard]] std::size_t segment_count() const { return segments_.size(); }

 private:
  struct Segment {
    std::uint64_t sequence = 0;
    Index max_index;  // of any entry that was ever written to it
    std::uint64_t bytes = 0;
    raft::EntryId prev;  // the last entry of the log when it was begun
  };

  Wal(Disk& disk, const WalOptions& options, const WalIdentity& identity);
  void adopt(ScannedLog& log);
  [[nodiscard]] Status make_durable(Disk& disk);

  [[nodiscard]] Status poison(Error error);
  [[nodiscard]] Status make_room(std::uint64_t bytes, bool has_entries);
  [[nodiscard]] Status grow_to(std::uint64_t end);
  [[nodiscard]] Status turn(std::uint64_t bytes, const SegmentHeader& header);
  [[nodiscard]] Result<std::string> prepare_segment(std::uint64_t bytes);
  [[nodiscard]] Status retire_oldest();
  [[nodiscard]] Status flush();
  void begin_write();
  void encode_batch(const raft::PersistBatch& batch);
  [[nodiscard]] SegmentHeader next_header(raft::EntryId prev,
                                          const raft::HardState& hard_state) const;
  [[nodiscard]] std::uint64_t end() const { return written_ + pending_.size(); }
  [[nodiscard]] std::uint64_t capacity() const;

  Disk& disk_;
  WalOptions options_;
  WalIdentity identity_;
  std::optional<Error> poisoned_;
  bool disk_full_ = false;

  std::vector<Segment> segments_;    // oldest first; the last one is written to
  std::vector<std::string> spares_;  // files of exactly segment_bytes
  std::unique_ptr<File> file_;       // of the newest segment
  bool sealed_ = false;              // it takes no more records
  std::uint64_t allocated_ = 0;      // its zero-filled (or recycled) size
  std::uint64_t written_ = 0;        // its offset after the last byte given to the disk
  std::uint64_t durable_ = 0;        // Invariant: durable_ <= written_ <= allocated_
  std::uint64_t marked_ = 0;         // the durable offset that the newest mark names
  bool unsynced_ = false;            // records (not only marks) were written since the last sync
  bool vote_pending_ = false;        // a hard state was appended since the last sync
  std::uint32_t chain_ = 0;          // checksum of the last record
  Bytes pending_;                    // appended, not yet written

  LogTerms terms_;
  raft::HardState hard_state_;
};

struct WalRecovered {
  std::unique_ptr<Wal> wal;
  raft::HardState hard_state;
  raft::EntryId log_base;  // the entry just before `entries`
  std::vector<raft::Entry> entries;
  std::uint64_t torn_bytes = 0;  // invalid bytes seen after the end; they were never acknowledged
};

}  // namespace kvcluster::storage
