// The bytes of a WAL segment: a header, then records. docs/format.md, "WAL".
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.hpp"
#include "base/ids.hpp"
#include "base/result.hpp"
#include "raft/log_entry.hpp"
#include "storage/wal.hpp"

namespace kvcluster::storage {

inline constexpr std::uint16_t kWalVersion = 2;
inline constexpr std::size_t kSegmentHeaderBytes = 512;
inline constexpr std::size_t kRecordHeaderBytes = 28;
inline constexpr std::size_t kHardStateBytes = kRecordHeaderBytes + 8;
inline constexpr std::size_t kTruncateBytes = kRecordHeaderBytes;
inline constexpr std::size_t kSealBytes = kRecordHeaderBytes;
inline constexpr std::size_t kMarkBytes = kRecordHeaderBytes + 44;
// The write that ends a segment, and what every write needs beside its records: a mark before, one
// after (that of a vote must always find room), and the end.
inline constexpr std::size_t kSealWriteBytes = kMarkBytes + kSealBytes;
inline constexpr std::size_t kOverheadBytes = kMarkBytes + kMarkBytes + kSealWriteBytes;
// Every segment begins with a mark that repeats what its header says, in another sector.
inline constexpr std::size_t kSegmentStartBytes = kSegmentHeaderBytes + kMarkBytes;

struct SegmentHeader {
  // Of the segment; never given twice in one log, so it is also the epoch that tells this use of a
  // recycled file from the ones before.
  std::uint64_t sequence = 0;
  WalIdentity identity;
  raft::EntryId prev;  // the last entry of the log when the segment was begun
  raft::HardState hard_state;
  // The log starts anew after `prev`: whatever older segments hold is void.
  bool starts_anew = false;
  // The file held an older segment: what follows the last record is its rest, not zeroes.
  bool recycled = false;
};

// kSegmentHeaderBytes bytes.
[[nodiscard]] Bytes encode_segment_header(const SegmentHeader& header);
// Errors: kCorruption, kVersionMismatch; `name` is for the message.
[[nodiscard]] Result<SegmentHeader> decode_segment_header(BytesView in, const std::string& name);

// Written to disk: values are never reused. Zero is where nothing was written yet.
enum class RecordType : std::uint8_t {
  kMark = 1,       // begins a write; says what was durable then and what the log holds up to here
  kHardState = 2,  // term, vote, commit index
  kTruncate = 3,   // this index and all after it go; term: of the entry before
  kEntry = 4,
  kSeal = 5,  // the segment is complete and durable before the next one is begun
};

struct WalRecord {
  RecordType type{};
  raft::EntryKind kind{};  // of an entry
  Term term;
  Index index;
  BytesView payload;           // of an entry
  raft::HardState hard_state;  // of a hard state; of a mark, without the commit index
  raft::EntryId last;          // of a mark: the log's last entry before it
  std::uint64_t durable = 0;   // of a mark
  std::uint32_t checksum = 0;
  std::size_t size = 0;  // in the file
};

// What the checksum of a segment's first record continues.
[[nodiscard]] std::uint32_t chain_start(std::uint64_t sequence);

// Each appends one record to `out` and moves `chain` on.
void encode_entry(const raft::Entry& entry, Bytes& out, std::uint32_t& chain);
void encode_hard_state(const raft::HardState& state, Bytes& out, std::uint32_t& chain);
void encode_truncate(Index from, Term prev_term, Bytes& out, std::uint32_t& chain);
void encode_seal(raft::EntryId last, Bytes& out, std::uint32_t& chain);

// What a mark says of the log before it.
struct MarkContent {
  std::uint64_t durable = 0;   // offset below which the segment is known to be durable
  raft::HardState hard_state;  // the commit index is not written
  raft::EntryId last;
};
// `position` is the mark's own offset in the file. Its checksum starts a chain of its own, so that
// it can be checked where records before it are damaged.
void encode_mark(std::uint64_t sequence, const MarkContent& content, std::uint64_t position,
                 Bytes& out, std::uint32_t& chain);

// The record at `offset`; nullopt when there is no valid one that continues `chain`.
[[nodiscard]] std::optional<WalRecord> parse_record(BytesView segment, std::size_t offset,
                                                    std::uint64_t sequence, std::uint32_t chain);

// Offsets of all intact marks of this segment at or after `from`, ascending, whatever stands
// between them.
[[nodiscard]] std::vector<std::size_t> find_marks(BytesView segment, std::size_t from,
                                                  std::uint64_t sequence);
// The mark at an offset that find_marks() gave.
[[nodiscard]] WalRecord mark_at(BytesView segment, std::size_t offset, std::uint64_t sequence);

// True when a valid mark of this segment at or after `offset` names a durable offset beyond
// `offset`: what is there was once whole.
[[nodiscard]] bool known_durable_at(BytesView segment, std::size_t offset, std::uint64_t sequence);

}  // namespace kvcluster::storage
