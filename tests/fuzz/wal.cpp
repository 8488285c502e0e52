// Segment files of any content, with headers and checksums put right where the input wants it: a
// log either opens or is refused with a reason that names the file, and one that opens can be
// written to and opened again.
#include "storage/wal.hpp"

#include <fmt/format.h>

#include "base/check.hpp"
#include "fuzz/fuzz_input.hpp"
#include "storage/memory_disk.hpp"
#include "storage/wal_format.hpp"
#include "storage/wal_recovery.hpp"

namespace kvcluster::storage {
namespace {

const WalIdentity kIdentity{NodeId(1), {1, 2, 3}};
constexpr WalOptions kOptions = {.segment_bytes = 8192, .grow_bytes = 1024, .reserve_bytes = 512};
constexpr std::uint64_t kSane = std::uint64_t{1} << 62U;  // no index of a log comes near

MarkContent mark(fuzz::FuzzInput& input, std::uint64_t durable) {
  return {.durable = durable,
          .hard_state = {Term(input.varied()), NodeId(input.varied()), Index(input.varied())},
          .last = {Term(input.varied()), Index(input.varied())}};
}

void put_record(fuzz::FuzzInput& input, std::uint64_t sequence, Bytes& out, std::uint32_t& chain) {
  const std::uint64_t first = input.varied();
  const std::uint64_t second = input.varied();
  switch (input.byte() % 8) {
    case 0:
      return encode_mark(sequence, mark(input, first), second % 2 == 0 ? out.size() : second, out,
                         chain);
    case 1:
      return encode_hard_state({Term(first), NodeId(second), Index(input.varied())}, out, chain);
    case 2:
      return encode_truncate(Index(first), Term(second), out, chain);
    case 3:
      return encode_seal({Term(first), Index(second)}, out, chain);
    case 4:
      out.append(input.string());
      return;
    default:
      const auto kind = static_cast<raft::EntryKind>(input.byte() % 5);
      encode_entry({Term(first), Index(second), kind, Slice::copy_of(input.string())}, out, chain);
  }
}

Bytes segment(fuzz::FuzzInput& input, std::uint64_t sequence) {
  const std::uint8_t shape = input.byte();
  if (shape == 0xFF) return Bytes(input.string());
  SegmentHeader header;
  header.sequence = sequence;
  header.identity = kIdentity;
  header.prev = {Term(input.varied()), Index(input.varied())};
  header.hard_state = {Term(input.varied()), NodeId(input.varied()), Index(input.varied())};
  header.starts_anew = (shape & 1U) != 0;
  header.recycled = (shape & 2U) != 0;
  Bytes bytes = encode_segment_header(header);
  std::uint32_t chain = chain_start(sequence);
  for (unsigned records = (shape >> 2U) & 15U; records > 0; --records) {
    put_record(input, sequence, bytes, chain);
  }
  if ((shape & 64U) != 0) bytes.append(Bytes(1024, '\0'));
  return bytes;
}

void put_file(MemoryDisk& disk, const std::string& name, BytesView bytes) {
  auto file = disk.open(name, OpenMode::kCreateNew);
  KV_CHECK(file && (*file)->write_at(0, bytes), "the disk takes what it is given");
}

// What opened takes one more entry, and is found again as it was.
void check_usable(MemoryDisk& disk, WalRecovered found) {
  raft::EntryId last = found.log_base;
  for (const raft::Entry& entry : found.entries) {
    KV_CHECK(entry.index == last.index.next() && entry.term >= last.term, "a log has no gaps");
    last = entry.id();
  }
  KV_CHECK(found.wal->last() == last, "the log ends with its last entry");
  if (last.index.value() > kSane) return;
  raft::PersistBatch batch;
  batch.entries = {{last.term, last.index.next(), raft::EntryKind::kNoop, {}}};
  KV_CHECK(found.wal->append(batch) && found.wal->sync(), "a log that opened takes entries");
  found.wal.reset();
  auto again = Wal::open(disk, kOptions, kIdentity);
  KV_CHECK(again, "a log that opened opens again");
  found.entries.push_back(batch.entries.front());
  KV_CHECK(again->entries == found.entries && again->hard_state == found.hard_state &&
               again->log_base == found.log_base,
           "a log holds what was in it");
}

void run(fuzz::FuzzInput input) {
  MemoryDisk disk;
  KV_CHECK(disk.make_directory(kWalDirectory), "the disk takes a directory");
  std::uint64_t sequence = 1 + input.byte() % 4;
  for (int files = 1 + input.byte() % 4; files > 0; --files) {
    put_file(disk, segment_name(sequence), segment(input, sequence));
    sequence += input.byte() == 0xFF ? 2 : 1;
  }
  if (input.flag()) put_file(disk, spare_name(7), input.string());
  auto opened = Wal::open(disk, kOptions, kIdentity);
  if (opened) {
    check_usable(disk, std::move(*opened));
  } else {
    KV_CHECK(opened.error().context.find(kWalDirectory) != std::string::npos, "who is to blame");
  }
}

}  // namespace
}  // namespace kvcluster::storage

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  kvcluster::storage::run({data, size});
  return 0;
}
