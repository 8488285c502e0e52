#include "storage/wal_recovery.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <optional>

#include "base/mutant.hpp"
#include "storage/wal_format.hpp"

namespace kvcluster::storage {
namespace {

constexpr std::string_view kSegmentPrefix = "segment-";
constexpr std::string_view kSparePrefix = "spare-";

std::optional<std::uint64_t> sequence_of(std::string_view name, std::string_view prefix) {
  if (!name.starts_with(prefix)) return std::nullopt;
  name.remove_prefix(prefix.size());
  std::uint64_t sequence = 0;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), sequence);
  if (error != std::errc{} || end != name.data() + name.size()) return std::nullopt;
  return sequence;
}

std::unexpected<Error> corrupt(std::uint64_t sequence, std::uint64_t offset,
                               std::string_view what) {
  return fail(ErrorCode::kCorruption,
              fmt::format("{}, offset {}: {}; this is damage to what was durable, not a torn "
                          "write",
                          segment_name(sequence), offset, what));
}

// A record as found, before the buffer is shared.
struct Found {
  WalRecord record;
  std::size_t offset = 0;
};

class Scanner {
 public:
  Scanner(Disk& disk, const WalIdentity& identity) : disk_(disk), identity_(identity) {}

  Status run() {
    KV_TRY(list());
    Status headers = read_headers();
    if (!headers && headers.error().code != ErrorCode::kCorruption) return headers;
    for (std::size_t i = 0; i < headers_.size(); ++i) {
      const bool newest = headers.has_value() && i + 1 == headers_.size();
      KV_TRY(read_segment(headers_[i], i == 0, newest));
    }
    return headers;
  }

  // After run(): the log, or what was read of it before the damage.
  ScannedLog& log() { return log_; }

 private:
  Status list() {
    auto sequences = list_segments(disk_);
    if (!sequences) return std::unexpected(std::move(sequences).error());
    sequences_ = std::move(*sequences);
    if (sequences_.empty()) {
      return fail(
          ErrorCode::kCorruption,
          fmt::format("{}: the log's segments are missing, and with them this node's votes; "
                      "restore the directory or replace this node as a new member",
                      kWalDirectory));
    }
    auto names = disk_.list(kWalDirectory);
    if (!names) return std::unexpected(names.error());
    for (const std::string& name : *names) {
      if (name.starts_with(kSparePrefix))
        log_.spares.push_back(fmt::format("{}/{}", kWalDirectory, name));
    }
    return {};
  }

  // Finds where the log begins that counts. What is wrong with a segment does not matter when a
  // later one starts the log anew.
  Status read_headers() {
    std::vector<std::uint64_t> before;  // what such a segment makes void
    Status first_fault;
    for (const std::uint64_t sequence : sequences_) {
      auto header = read_header(sequence);
      if (!header && header.error().code != ErrorCode::kCorruption) {
        return std::unexpected(std::move(header).error());
      }
      if (header && header->starts_anew) {
        log_.obsolete = before;
        headers_.clear();
        first_fault = {};
      }
      before.push_back(sequence);
      if (!first_fault) continue;
      if (!header) {
        first_fault = std::unexpected(std::move(header).error());
      } else if (!headers_.empty() && headers_.back().sequence + 1 != sequence) {
        first_fault = corrupt(headers_.back().sequence + 1, 0, "the segment is missing");
      } else {
        headers_.push_back(*header);
      }
    }
    return first_fault;
  }

  Result<SegmentHeader> read_header(std::uint64_t sequence) {
    const std::string name = segment_name(sequence);
    auto file = disk_.open(name, OpenMode::kExisting);
    if (!file) return std::unexpected(std::move(file).error());
    Bytes raw(kSegmentHeaderBytes, '\0');
    const auto count = (*file)->read_at(0, raw);
    if (!count) return std::unexpected(count.error());
    auto header = decode_segment_header(BytesView(raw).substr(0, *count), name);
    if (!header) return header;
    if (header->sequence != sequence) {
      return corrupt(sequence, 0, fmt::format("the header says segment {}", header->sequence));
    }
    if (header->identity != identity_) {
      return fail(ErrorCode::kWrongIdentity,
                  fmt::format("{}: written by node {} or in another data directory, not by this "
                              "one of node {}; put the right files back",
                              name, header->identity.node.value(), identity_.node.value()));
    }
    return header;
  }

  Status read_segment(const SegmentHeader& header, bool oldest, bool newest) {
    auto file = disk_.open(segment_name(header.sequence), OpenMode::kExisting);
    if (!file) return std::unexpected(std::move(file).error());
    auto bytes = read_segment_file(**file);
    if (!bytes) return std::unexpected(std::move(bytes).error());
    Bytes raw = std::move(*bytes);

    if (oldest) {
      log_.base = header.prev;
      log_.terms.reset(header.prev);
    } else if (header.prev != log_.terms.last()) {
      return corrupt(header.sequence, 0, "the segment does not continue the one before");
    }
    log_.hard_state = header.hard_state;
    log_.segments.push_back({header.sequence, Index{}, raw.size(), header.prev});

    find_records(raw, header.sequence);
    const Status whole = judge_end(raw, header, newest);
    if (newest) log_.file = std::move(*file);
    // What stands before the damage is taken in any case.
    KV_TRY(take_records(std::move(raw), header.sequence));
    return whole;
  }

  Status judge_end(BytesView raw, const SegmentHeader& header, bool newest) {
    if (log_.sealed) return {};
    if (!newest) {
      return corrupt(header.sequence, log_.end, "no valid record, although a later segment exists");
    }
    const auto end = static_cast<std::size_t>(log_.end);
    if (end == kSegmentHeaderBytes) {
      return corrupt(header.sequence, end, "the mark that begins every segment is not valid");
    }
    for (const std::size_t mark : find_marks(raw, end, header.sequence)) {
      const bool was_durable = mark_at(raw, mark, header.sequence).durable > end;
      if (was_durable && !mutated(Mutant::kDamageCut)) {
        return corrupt(header.sequence, end,
                       "no valid record, although a later mark says that it was durable");
      }
      log_.stale_marks.push_back(mark);
    }
    const std::size_t last = raw.find_last_not_of('\0');
    if (!header.recycled && last != Bytes::npos && last >= end) log_.torn_bytes = last + 1 - end;
    if (log_.torn_bytes > 0 && mutated(Mutant::kTornTailRefused)) {
      return corrupt(header.sequence, end, "no valid record");
    }
    return {};
  }

  // Fills found_ up to the first invalid record, or the seal.
  void find_records(BytesView raw, std::uint64_t sequence) {
    found_.clear();
    log_.end = kSegmentHeaderBytes;
    log_.marked = kSegmentHeaderBytes;
    log_.chain = chain_start(sequence);
    log_.sealed = false;
    while (!log_.sealed) {
      const auto offset = static_cast<std::size_t>(log_.end);
      const auto record = parse_record(raw, offset, sequence, log_.chain);
      if (!record) return;
      if (record->type == RecordType::kMark) log_.marked = record->durable;
      log_.sealed = record->type == RecordType::kSeal;
      log_.chain = record->checksum;
      log_.end += record->size;
      found_.push_back({*record, offset});
    }
  }

  // Entries share the segment's buffer; of one that is mostly empty only the used part is kept.
  Status take_records(Bytes raw, std::uint64_t sequence) {
    const auto used = static_cast<std::size_t>(log_.end);
    if (used < raw.size() - raw.size() / 4) raw = Bytes(raw, 0, used);
    const auto owner = std::make_shared<const Bytes>(std::move(raw));
    for (const Found& found : found_) {
      const WalRecord& record = found.record;
      const bool fits = record.type == RecordType::kEntry       ? take_entry(found, owner)
                        : record.type == RecordType::kTruncate  ? take_truncation(record)
                        : record.type == RecordType::kHardState ? take_hard_state(record)
                                                                : true;
      if (!fits) return corrupt(sequence, found.offset, "the record does not follow from the log");
    }
    return {};
  }

  bool take_entry(const Found& found, const std::shared_ptr<const Bytes>& owner) {
    const WalRecord& record = found.record;
    const raft::EntryId last = log_.terms.last();
    if (record.index != last.index.next() || record.term < last.term) return false;
    log_.terms.append({record.term, record.index});
    const std::size_t length = record.size - kRecordHeaderBytes;
    const BytesView payload = BytesView(*owner).substr(found.offset + kRecordHeaderBytes, length);
    log_.entries.push_back(
        {record.term, record.index, record.kind, length == 0 ? Slice{} : Slice(owner, payload)});
    Index& max_index = log_.segments.back().max_index;
    max_index = std::max(max_index, record.index);
    return true;
  }

  bool take_truncation(const WalRecord& record) {
    if (record.index == Index{} || record.index > log_.terms.last().index.next()) return false;
    if (record.index <= log_.base.index) {
      // The base is an entry that was cut later, when its segment was already given up: the log
      // that counts begins at the cut.
      log_.base = {record.term, record.index.prev()};
      log_.terms.reset(log_.base);
      log_.entries.clear();
      return true;
    }
    if (log_.terms.term_at(record.index.prev()) != record.term) return false;
    log_.terms.truncate_from(record.index);
    log_.entries.resize(
        static_cast<std::size_t>(record.index.value() - log_.base.index.value() - 1));
    return true;
  }

  bool take_hard_state(const WalRecord& record) {
    if (record.term < log_.hard_state.current_term) return false;
    log_.hard_state = record.hard_state;
    return true;
  }

  // A mark repeats what the records before it have told.
  [[nodiscard]] bool agrees(const WalRecord& mark) const {
    return mark.last == log_.terms.last() &&
           mark.hard_state.current_term == log_.hard_state.current_term &&
           mark.hard_state.voted_for == log_.hard_state.voted_for;
  }

  Disk& disk_;
  const WalIdentity& identity_;
  std::vector<std::uint64_t> sequences_;
  std::vector<SegmentHeader> headers_;
  std::vector<Found> found_;
  ScannedLog log_;
};

}  // namespace

std::string segment_name(std::uint64_t sequence) {
  return fmt::format("{}/{}{:010}", kWalDirectory, kSegmentPrefix, sequence);
}

std::string spare_name(std::uint64_t sequence) {
  return fmt::format("{}/{}{:010}", kWalDirectory, kSparePrefix, sequence);
}

Result<std::vector<std::uint64_t>> list_segments(Disk& disk) {
  const auto present = disk.exists(kWalDirectory);
  if (!present) return std::unexpected(present.error());
  auto names = *present ? disk.list(kWalDirectory) : std::vector<std::string>{};
  if (!names) return std::unexpected(std::move(names).error());
  std::vector<std::uint64_t> sequences;
  for (const std::string& name : *names) {
    if (const auto sequence = sequence_of(name, kSegmentPrefix)) sequences.push_back(*sequence);
  }
  std::sort(sequences.begin(), sequences.end());
  return sequences;
}

Result<Bytes> read_segment_file(File& file) {
  const auto size = file.size();
  if (!size) return std::unexpected(size.error());
  Bytes raw(static_cast<std::size_t>(*size), '\0');
  const auto count = file.read_at(0, raw);
  if (!count) return std::unexpected(count.error());
  raw.resize(*count);
  return raw;
}

Result<bool> is_pristine_log(Disk& disk) {
  const auto present = disk.exists(kWalDirectory);
  if (!present || !*present) return present ? Result<bool>(true) : present;
  const auto names = disk.list(kWalDirectory);
  if (!names) return std::unexpected(names.error());
  for (const std::string& name : *names) {
    const auto sequence = sequence_of(name, kSegmentPrefix);
    if (!sequence) continue;
    if (*sequence != 1) return false;
    auto file = disk.open(segment_name(*sequence), OpenMode::kExisting);
    if (!file) return std::unexpected(std::move(file).error());
    Bytes first(kRecordHeaderBytes, '\0');
    const auto count = (*file)->read_at(kSegmentStartBytes, first);
    if (!count) return std::unexpected(count.error());
    if (first.find_first_not_of('\0') != Bytes::npos) return false;
  }
  return true;
}

Status remove_log(Disk& disk) {
  const auto present = disk.exists(kWalDirectory);
  if (!present) return std::unexpected(present.error());
  if (!*present) return {};
  const auto names = disk.list(kWalDirectory);
  if (!names) return std::unexpected(names.error());
  for (const std::string& name : *names) {
    KV_TRY(disk.remove(fmt::format("{}/{}", kWalDirectory, name)));
  }
  return disk.sync_directory(kWalDirectory);
}

Result<ScannedLog> scan_log(Disk& disk, const WalIdentity& identity,
                            std::vector<raft::Entry>* intact) {
  Scanner scanner(disk, identity);
  if (auto read = scanner.run(); !read) {
    if (intact != nullptr) *intact = std::move(scanner.log().entries);
    return std::unexpected(std::move(read).error());
  }
  return std::move(scanner.log());
}

}  // namespace kvcluster::storage
