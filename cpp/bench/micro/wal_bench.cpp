// The log: encoding a batch, and making it durable in the directory where it is run.

#include <benchmark/benchmark.h>

#include <cstdlib>
#include <filesystem>
#include <string>

#include "bench/micro/commands.hpp"
#include "storage/memory_disk.hpp"
#include "storage/posix_disk.hpp"
#include "storage/wal.hpp"

namespace kvcluster::bench {
namespace {

const storage::WalIdentity kIdentity{NodeId(1), {1, 2, 3}};

// Appends batches to a log that lets go of old segments.
void append_batches(benchmark::State& state, storage::Disk& disk, bool synced) {
  storage::WalOptions options;
  options.segment_bytes = 8U << 20U;
  KV_CHECK(storage::Wal::create(disk, options, kIdentity), "an empty disk takes a log");
  auto recovered = storage::Wal::open(disk, options, kIdentity);
  KV_CHECK(recovered, "a new log opens");
  storage::Wal& wal = *recovered->wal;
  std::vector<Slice> payloads;
  for (Bytes& payload : set_payloads(static_cast<std::size_t>(state.range(0)))) {
    payloads.push_back(Slice::of(std::move(payload)));
  }
  Index last = wal.last().index;
  for (auto _ : state) {
    raft::PersistBatch batch;
    for (const Slice& payload : payloads) {
      last = last.next();
      batch.entries.push_back({Term(1), last, raft::EntryKind::kCommand, payload});
    }
    KV_CHECK(wal.append(batch), "there is room");
    if (synced) KV_CHECK(wal.sync(), "the disk works");
    if (wal.segment_count() > 2) {
      if (!synced) KV_CHECK(wal.sync(), "the disk works");
      KV_CHECK(wal.compact(last), "the disk works");
    }
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
}

void append_to_memory(benchmark::State& state) {
  storage::MemoryDisk disk;
  append_batches(state, disk, false);
}
BENCHMARK(append_to_memory)->Arg(1)->Arg(16)->Arg(256);

void append_and_sync(benchmark::State& state) {
  std::string directory = "micro-bench-XXXXXX";
  KV_CHECK(mkdtemp(directory.data()) != nullptr, "the working directory can be written");
  {
    auto disk = storage::open_posix_disk(directory);
    KV_CHECK(disk, "a new directory opens");
    append_batches(state, **disk, true);
  }
  std::filesystem::remove_all(directory);
}
BENCHMARK(append_and_sync)->Arg(1)->Arg(16)->Arg(256)->UseRealTime();

}  // namespace
}  // namespace kvcluster::bench
