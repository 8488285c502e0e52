// The byte stream of a snapshot, in chunks of any size: refused, or installed and read back as it
// was. The input is a stream without its end; counts and digest are put right unless the first byte
// says not to.
#include <stdlib.h>

#include <filesystem>

#include "base/check.hpp"
#include "fuzz/fuzz_input.hpp"
#include "kv/map_table.hpp"
#include "kv/state_machine.hpp"
#include "storage/posix_disk.hpp"
#include "storage/snapshot_format.hpp"
#include "storage/snapshot_reader.hpp"
#include "storage/snapshot_writer.hpp"

namespace kvcluster::storage {
namespace {

constexpr EnvironmentOptions kOptions = {.map_bytes = 1U << 20U};

// One directory for all inputs, gone at the end.
class Receiver {
 public:
  Receiver() {
    path_ = (std::filesystem::temp_directory_path() / "kv-fuzz-XXXXXX").string();
    KV_CHECK(::mkdtemp(path_.data()) != nullptr, "a temporary directory is made");
    disk_ = std::move(*open_posix_disk(path_));
    KV_CHECK(CheckpointStore::create(*disk_, path_, kOptions), "a store is made");
    store_ = std::move(*CheckpointStore::open(*disk_, path_, kOptions));
  }
  ~Receiver() {
    store_.reset();
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  Receiver(const Receiver&) = delete;
  Receiver& operator=(const Receiver&) = delete;

  Status receive(BytesView stream, std::size_t piece, const raft::EntryId& last) {
    auto writer = SnapshotWriter::begin(*store_, {});
    KV_CHECK(writer, "a writer can begin");
    for (std::size_t at = 0; at < stream.size(); at += piece) {
      KV_TRY((*writer)->write(at, stream.substr(at, piece)));
    }
    const auto installed = (*writer)->finish(last);
    if (!installed) return std::unexpected(installed.error());
    KV_CHECK(store_->meta() == installed->meta, "the new state counts");
    return {};
  }

  Bytes send(const ClusterId& cluster) {
    auto reader = SnapshotReader::open(store_->environment(), cluster);
    KV_CHECK(reader, "what was installed can be sent");
    const auto all = (*reader)->read(0, 64U << 20U);
    KV_CHECK(all && all->done, "it is sent whole");
    return Bytes(all->data.view());
  }

 private:
  std::string path_;
  std::unique_ptr<Disk> disk_;
  std::unique_ptr<CheckpointStore> store_;
};

// The records from `in` on, as far as they are whole, with what ends a stream.
Bytes ended(BytesView stream, BytesView in) {
  SpaceCounts counts{};
  for (;;) {
    const auto record = take_snapshot_record(in);
    if (!record || !*record) break;
    ++counts[static_cast<std::size_t>((*record)->space)];
  }
  Bytes whole(stream.substr(0, stream.size() - in.size()));
  encode_snapshot_counts(counts, whole);
  whole.append(blake2b_256(whole).view());
  return whole;
}

void receive(BytesView stream, std::size_t piece, bool mend) {
  BytesView records = stream;
  const auto header = take_snapshot_header(records);
  if (!header || !*header) return;
  kv::MapTable table;
  kv::StateMachine machine(table);
  static_cast<void>(machine.restore((*header)->meta.state_machine));
  const Bytes whole = mend ? ended(stream, records) : Bytes(stream);
  static Receiver receiver;
  if (!receiver.receive(whole, piece, (*header)->meta.applied)) return;
  const Bytes sent = receiver.send((*header)->cluster);
  BytesView sent_records = sent;
  const auto sent_header = take_snapshot_header(sent_records);
  KV_CHECK(sent_header && *sent_header && (*sent_header)->meta == (*header)->meta,
           "the state stands where it stood");
  const std::size_t size = whole.size() - (stream.size() - records.size()) - 32;
  KV_CHECK(sent_records.substr(0, size) == BytesView(whole).substr(whole.size() - 32 - size, size),
           "the records are sent on as they came");
}

}  // namespace
}  // namespace kvcluster::storage

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  kvcluster::fuzz::FuzzInput input(data, size);
  const bool mend = (input.byte() & 1U) == 0;
  const std::size_t piece = std::size_t{input.byte()} * 16 + 1;
  kvcluster::storage::receive(input.rest(), piece, mend);
  return 0;
}
