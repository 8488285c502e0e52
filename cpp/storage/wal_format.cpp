#include "storage/wal_format.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "base/check.hpp"
#include "base/codec.hpp"
#include "base/crc32c.hpp"

namespace kvcluster::storage {
namespace {

constexpr BytesView kSegmentMagic = "KVWL";
constexpr BytesView kMarkMagic = "KVWLMARK";
constexpr unsigned kFlagStartsAnew = 1;
constexpr unsigned kFlagRecycled = 2;
constexpr std::size_t kHeaderChecked = 8;  // the checksum covers all from here on

// Offsets of a record's fields.
constexpr std::size_t kAtLength = 4;
constexpr std::size_t kAtTerm = 8;
constexpr std::size_t kAtIndex = 16;
constexpr std::size_t kAtType = 24;
constexpr std::size_t kAtKind = 25;

template <typename T>
void store(char* at, T value) {
  std::memcpy(at, &value, sizeof(value));
}

template <typename T>
T load(const char* at) {
  T value{};
  std::memcpy(&value, at, sizeof(value));
  return value;
}

// The one place where a record is laid out. The checksum covers all but itself.
void encode_record(RecordType type, raft::EntryKind kind, Term term, Index index, BytesView payload,
                   std::uint32_t seed, Bytes& out, std::uint32_t& chain) {
  char header[kRecordHeaderBytes] = {};
  store(header + kAtLength, static_cast<std::uint32_t>(payload.size()));
  store(header + kAtTerm, term.value());
  store(header + kAtIndex, index.value());
  header[kAtType] = static_cast<char>(type);
  header[kAtKind] = static_cast<char>(kind);
  chain = crc32c(payload, crc32c(BytesView(header, sizeof(header)).substr(kAtLength), seed));
  store(header, chain);
  out.append(header, sizeof(header));
  out.append(payload);
}

struct Mark {
  std::uint64_t durable = 0;
  std::uint64_t position = 0;
  std::uint32_t previous = 0;  // the chain before it
  raft::HardState hard_state;
};

std::optional<Mark> decode_mark(BytesView payload) {
  Decoder in(payload);
  if (in.raw(kMarkMagic.size()) != kMarkMagic) return std::nullopt;
  Mark mark;
  mark.durable = in.u64();
  mark.position = in.u64();
  mark.previous = in.u32();
  mark.hard_state.current_term = Term(in.u64());
  mark.hard_state.voted_for = NodeId(in.u64());
  // It tells of what was durable before it was written.
  const bool looks_back = mark.durable >= kSegmentHeaderBytes && mark.durable <= mark.position;
  if (!in.finished() || !looks_back) return std::nullopt;
  return mark;
}

void take_mark(const Mark& mark, WalRecord& record) {
  record.durable = mark.durable;
  record.hard_state = mark.hard_state;
  record.last = {record.term, record.index};
}

bool known_type(std::uint8_t type) {
  return type >= static_cast<std::uint8_t>(RecordType::kMark) &&
         type <= static_cast<std::uint8_t>(RecordType::kSeal);
}

// A record whose lengths and checksum fit; `seed` for all types but marks.
std::optional<WalRecord> parse_checked(BytesView segment, std::size_t offset,
                                       std::uint64_t sequence, std::uint32_t seed) {
  if (offset > segment.size() || segment.size() - offset < kRecordHeaderBytes) return std::nullopt;
  const char* at = segment.data() + offset;
  const auto type = static_cast<std::uint8_t>(at[kAtType]);
  const auto length = load<std::uint32_t>(at + kAtLength);
  if (!known_type(type) || length > segment.size() - offset - kRecordHeaderBytes) {
    return std::nullopt;
  }
  WalRecord record;
  record.type = static_cast<RecordType>(type);
  record.kind = static_cast<raft::EntryKind>(at[kAtKind]);
  record.term = Term(load<std::uint64_t>(at + kAtTerm));
  record.index = Index(load<std::uint64_t>(at + kAtIndex));
  record.size = kRecordHeaderBytes + length;
  record.payload = segment.substr(offset + kRecordHeaderBytes, length);
  record.checksum = load<std::uint32_t>(at);
  if (record.type == RecordType::kMark) seed = chain_start(sequence);
  const BytesView checked = segment.substr(offset, record.size).substr(kAtLength);
  if (crc32c(checked, seed) != record.checksum) return std::nullopt;
  return record;
}

}  // namespace

Bytes encode_segment_header(const SegmentHeader& header) {
  Bytes bytes;
  Encoder out(bytes);
  out.raw(kSegmentMagic);
  out.u32(0);  // the checksum's place
  out.u16(kWalVersion);
  out.u16(static_cast<std::uint16_t>((header.starts_anew ? kFlagStartsAnew : 0U) |
                                     (header.recycled ? kFlagRecycled : 0U)));
  out.u32(0);
  out.u64(header.sequence);
  out.u64(header.identity.node.value());
  out.raw({reinterpret_cast<const char*>(header.identity.incarnation.data()),
           header.identity.incarnation.size()});
  out.u64(header.prev.term.value());
  out.u64(header.prev.index.value());
  out.u64(header.hard_state.current_term.value());
  out.u64(header.hard_state.voted_for.value());
  out.u64(header.hard_state.commit_index.value());
  bytes.resize(kSegmentHeaderBytes, '\0');
  store(bytes.data() + kSegmentMagic.size(), crc32c(BytesView(bytes).substr(kHeaderChecked)));
  return bytes;
}

Result<SegmentHeader> decode_segment_header(BytesView in, const std::string& name) {
  const auto damaged = [&] {
    return fail(ErrorCode::kCorruption,
                fmt::format("{}: the segment header (offset 0) is damaged; this node's log cannot "
                            "be trusted: replace the node as a new member",
                            name));
  };
  if (in.size() < kSegmentHeaderBytes) return damaged();
  in = in.substr(0, kSegmentHeaderBytes);
  Decoder decoder(in);
  if (decoder.raw(kSegmentMagic.size()) != kSegmentMagic) return damaged();
  if (decoder.u32() != crc32c(in.substr(kHeaderChecked))) return damaged();
  if (const std::uint16_t version = decoder.u16(); version != kWalVersion) {
    return fail(ErrorCode::kVersionMismatch,
                fmt::format("{}: written in log format {}, this program knows {}; start the "
                            "program version that wrote it",
                            name, version, kWalVersion));
  }
  SegmentHeader header;
  const unsigned flags = decoder.u16();
  header.starts_anew = (flags & kFlagStartsAnew) != 0;
  header.recycled = (flags & kFlagRecycled) != 0;
  decoder.u32();
  header.sequence = decoder.u64();
  header.identity.node = NodeId(decoder.u64());
  const BytesView incarnation = decoder.raw(header.identity.incarnation.size());
  if (!decoder.ok()) return damaged();
  std::memcpy(header.identity.incarnation.data(), incarnation.data(), incarnation.size());
  header.prev.term = Term(decoder.u64());
  header.prev.index = Index(decoder.u64());
  header.hard_state.current_term = Term(decoder.u64());
  header.hard_state.voted_for = NodeId(decoder.u64());
  header.hard_state.commit_index = Index(decoder.u64());
  return header;
}

std::uint32_t chain_start(std::uint64_t sequence) {
  char raw[sizeof(sequence)];
  store(raw, sequence);
  return crc32c(BytesView(raw, sizeof(raw)));
}

void encode_entry(const raft::Entry& entry, Bytes& out, std::uint32_t& chain) {
  encode_record(RecordType::kEntry, entry.kind, entry.term, entry.index, entry.payload.view(),
                chain, out, chain);
}

void encode_hard_state(const raft::HardState& state, Bytes& out, std::uint32_t& chain) {
  char vote[8];
  store(vote, state.voted_for.value());
  encode_record(RecordType::kHardState, {}, state.current_term, state.commit_index,
                BytesView(vote, sizeof(vote)), chain, out, chain);
}

void encode_truncate(Index from, Term prev_term, Bytes& out, std::uint32_t& chain) {
  encode_record(RecordType::kTruncate, {}, prev_term, from, {}, chain, out, chain);
}

void encode_seal(raft::EntryId last, Bytes& out, std::uint32_t& chain) {
  encode_record(RecordType::kSeal, {}, last.term, last.index, {}, chain, out, chain);
}

void encode_mark(std::uint64_t sequence, const MarkContent& content, std::uint64_t position,
                 Bytes& out, std::uint32_t& chain) {
  Bytes payload;
  payload.reserve(kMarkBytes - kRecordHeaderBytes);
  Encoder encoder(payload);
  encoder.raw(kMarkMagic);
  encoder.u64(content.durable);
  encoder.u64(position);
  encoder.u32(chain);
  encoder.u64(content.hard_state.current_term.value());
  encoder.u64(content.hard_state.voted_for.value());
  encode_record(RecordType::kMark, {}, content.last.term, content.last.index, payload,
                chain_start(sequence), out, chain);
}

std::optional<WalRecord> parse_record(BytesView segment, std::size_t offset, std::uint64_t sequence,
                                      std::uint32_t chain) {
  auto record = parse_checked(segment, offset, sequence, chain);
  if (!record) return std::nullopt;
  switch (record->type) {
    case RecordType::kMark: {
      const auto mark = decode_mark(record->payload);
      if (!mark || mark->position != offset || mark->previous != chain) return std::nullopt;
      take_mark(*mark, *record);
      break;
    }
    case RecordType::kHardState:
      if (record->size != kHardStateBytes) return std::nullopt;
      record->hard_state = {record->term, NodeId(load<std::uint64_t>(record->payload.data())),
                            record->index};
      break;
    case RecordType::kTruncate:
    case RecordType::kSeal:
      if (!record->payload.empty()) return std::nullopt;
      break;
    case RecordType::kEntry:
      if (record->kind > raft::EntryKind::kGenesis) return std::nullopt;
      break;
  }
  return record;
}

std::vector<std::size_t> find_marks(BytesView segment, std::size_t from, std::uint64_t sequence) {
  std::vector<std::size_t> marks;
  for (std::size_t found = segment.find(kMarkMagic, from); found != BytesView::npos;
       found = segment.find(kMarkMagic, found + 1)) {
    if (found < from + kRecordHeaderBytes) continue;
    const std::size_t position = found - kRecordHeaderBytes;
    // Values may be full of the magic: no checksum is computed over more than a mark for that.
    const auto length = load<std::uint32_t>(segment.data() + position + kAtLength);
    if (length != kMarkBytes - kRecordHeaderBytes) continue;
    const auto record = parse_checked(segment, position, sequence, 0);
    if (!record || record->type != RecordType::kMark) continue;
    const auto mark = decode_mark(record->payload);
    if (mark && mark->position == position) marks.push_back(position);
  }
  return marks;
}

WalRecord mark_at(BytesView segment, std::size_t offset, std::uint64_t sequence) {
  auto record = parse_checked(segment, offset, sequence, 0);
  KV_CHECK(record && record->type == RecordType::kMark, "an intact mark stands there");
  const auto mark = decode_mark(record->payload);
  KV_CHECK(mark.has_value(), "an intact mark stands there");
  take_mark(*mark, *record);
  return *record;
}

bool known_durable_at(BytesView segment, std::size_t offset, std::uint64_t sequence) {
  return std::ranges::any_of(find_marks(segment, offset, sequence), [&](std::size_t mark) {
    return mark_at(segment, mark, sequence).durable > offset;
  });
}

}  // namespace kvcluster::storage
