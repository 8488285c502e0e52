// What a write costs when it is applied: digests, memtable, state machine.

#include <benchmark/benchmark.h>

#include "base/crc32c.hpp"
#include "base/digest.hpp"
#include "bench/micro/commands.hpp"
#include "kv/map_table.hpp"
#include "replica/change_ring.hpp"
#include "storage/memtable.hpp"

namespace kvcluster::bench {
namespace {

HashKey some_key() {
  HashKey key{};
  key.fill(7);
  return key;
}

void checksum_crc32c(benchmark::State& state) {
  const std::string bytes(static_cast<std::size_t>(state.range(0)), 'x');
  for (auto _ : state) benchmark::DoNotOptimize(crc32c(bytes));
  state.SetBytesProcessed(state.iterations() * state.range(0));
}
BENCHMARK(checksum_crc32c)->Arg(150)->Arg(4096);

void chain_history(benchmark::State& state) {
  const std::string entry(150, 'x');
  Digest digest;
  for (auto _ : state) digest = chain(digest, entry);
  benchmark::DoNotOptimize(digest);
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(chain_history);

void hash_overwritten_record(benchmark::State& state) {
  MultisetHash hash(some_key());
  const std::string record(140, 'x');
  hash.add(record);
  for (auto _ : state) {
    hash.remove(record);
    hash.add(record);
  }
  benchmark::DoNotOptimize(hash.count());
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(hash_overwritten_record);

void root_of_state(benchmark::State& state) {
  MultisetHash hash(some_key());
  hash.add("record");
  std::uint64_t index = 0;
  for (auto _ : state) benchmark::DoNotOptimize(hash.root(++index));
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(root_of_state);

template <typename Table>
void put_all(Table& table, const std::vector<std::string>& keys, const std::string& value) {
  for (const std::string& key : keys) table.put(kv::Space::kData, key, value);
}

std::vector<std::string> shuffled_keys() {
  Random random(3);
  std::vector<std::string> keys;
  keys.reserve(kMicroKeys);
  for (std::uint64_t i = 0; i < kMicroKeys; ++i)
    keys.push_back(micro_key(random.below(kMicroKeys)));
  return keys;
}

template <typename Table>
void overwrite(benchmark::State& state) {
  const std::vector<std::string> keys = shuffled_keys();
  const std::string value(kMicroValueBytes, 'v');
  Table table;
  put_all(table, keys, value);
  std::size_t next = 0;
  for (auto _ : state) {
    table.put(kv::Space::kData, keys[next], value);
    next = (next + 1) % keys.size();
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(overwrite<storage::Memtable>);
BENCHMARK(overwrite<kv::MapTable>);

void insert_into_memtable(benchmark::State& state) {
  const std::vector<std::string> keys = shuffled_keys();
  const std::string value(kMicroValueBytes, 'v');
  for (auto _ : state) {
    storage::Memtable table;
    put_all(table, keys, value);
    benchmark::DoNotOptimize(table.entries());
  }
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(keys.size()));
}
BENCHMARK(insert_into_memtable)->Unit(benchmark::kMillisecond);

void find_in_memtable(benchmark::State& state) {
  const std::vector<std::string> keys = shuffled_keys();
  storage::Memtable table;
  put_all(table, keys, std::string(kMicroValueBytes, 'v'));
  std::size_t next = 0;
  for (auto _ : state) {
    benchmark::DoNotOptimize(table.find(kv::Space::kData, keys[next]));
    next = (next + 1) % keys.size();
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(find_in_memtable);

// With 1 the changes are kept for watchers, as every node does.
void apply_set(benchmark::State& state) {
  const std::vector<Bytes> payloads = set_payloads(10'000);
  kv::MapTable table;
  kv::StateMachine machine(table);
  replica::ChangeRing ring(std::size_t{16} << 20U);
  if (state.range(0) == 1) machine.observe(&ring);
  machine.apply_genesis({.index = Index(1), .term = Term(1)}, some_key(), "genesis");
  std::size_t next = 0;
  for (auto _ : state) {
    benchmark::DoNotOptimize(
        machine.apply({.index = machine.applied().next(), .term = Term(1)}, payloads[next]));
    next = (next + 1) % payloads.size();
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(apply_set)->Arg(0)->Arg(1);

}  // namespace
}  // namespace kvcluster::bench
