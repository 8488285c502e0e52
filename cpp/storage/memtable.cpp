#include "storage/memtable.hpp"

#include <absl/container/inlined_vector.h>
#include <absl/hash/hash.h>

#include <utility>

#include "base/check.hpp"

namespace kvcluster::storage {
namespace {

// The allocator's head of a block, and a cell's share of the tree and of the hash.
constexpr std::size_t kEntryBytes = 80;
constexpr std::size_t kCacheLine = 64;
// Of a cell's block, from its start: header, note, key and a usual value.
constexpr std::size_t kPrefetchLines = 4;
// Of one prefetch, without memory of its own on the heap.
constexpr std::size_t kUsualKeys = 32;

std::uint64_t hash_of(BytesView key) { return absl::Hash<BytesView>{}(key); }

}  // namespace

Memtable::Memtable() : Memtable(hash_of) {}

Cell* Memtable::find(const Cells& cells, std::uint64_t hash, BytesView key) {
  const auto found = cells.known.find(hash);
  Cell* cell = found == cells.known.end() ? nullptr : found->second;
  while (cell != nullptr && cell->key() != key) cell = cell->next;
  return cell;
}

const Cell* Memtable::find(kv::Space space, BytesView key) const {
  return find(space_of(space), hash_(key), key);
}

void Memtable::put(kv::Space space, BytesView key, BytesView value) {
  cell_for(space, key, value.size()).assign(value);
}

void Memtable::put(kv::Space space, BytesView key, BytesView value, const kv::Table::Note& note) {
  cell_for(space, key, value.size()).assign(value, note);
}

void Memtable::erase(kv::Space space, BytesView key) {
  if (!hides_below_) {
    cell_for(space, key, 0).erase();
    return;
  }
  // There is nothing below to hide.
  Cells& cells = spaces_[static_cast<std::size_t>(space)];
  const std::uint64_t hash = hash_(key);
  if (Cell* cell = find(cells, hash, key)) unlink(cells, hash, *cell);
}

Cell& Memtable::cell_for(kv::Space space, BytesView key, std::size_t value_bytes) {
  Cells& cells = spaces_[static_cast<std::size_t>(space)];
  const std::uint64_t hash = hash_(key);
  Cell* const old = find(cells, hash, key);
  if (old != nullptr && old->suits(value_bytes)) return *old;
  // What grew once will grow again.
  const bool grew = old != nullptr && value_bytes > old->value().size();
  Cell::Owner fresh = Cell::make(key, grew ? value_bytes + value_bytes / 2 : value_bytes);
  Cell& cell = *fresh;
  if (old != nullptr) unlink(cells, hash, *old);
  link(cells, hash, std::move(fresh));
  return cell;
}

void Memtable::link(Cells& cells, std::uint64_t hash, Cell::Owner cell) {
  memory_bytes_ += kEntryBytes + cell->block_bytes();
  cell->next = std::exchange(cells.known[hash], cell.get());
  const BytesView key = cell->key();
  cells.ordered.emplace(key, std::move(cell));
}

Cell::Owner Memtable::unlink(Cells& cells, std::uint64_t hash, Cell& cell) {
  memory_bytes_ -= kEntryBytes + cell.block_bytes();
  const auto chain = cells.known.find(hash);
  Cell** link = &chain->second;
  while (*link != &cell) link = &(*link)->next;
  *link = cell.next;
  if (chain->second == nullptr) cells.known.erase(chain);
  const auto place = cells.ordered.find(cell.key());
  Cell::Owner owner = std::move(place->second);  // the key lives as long as it
  cells.ordered.erase(place);
  return owner;
}

void Memtable::clear() {
  for (Cells& cells : spaces_) {
    cells.known.clear();
    cells.ordered.clear();
  }
  memory_bytes_ = 0;
  hides_below_ = true;
}

void Memtable::prefetch(kv::Space space, std::span<const BytesView> keys) const {
  const auto& known = space_of(space).known;
  absl::InlinedVector<std::uint64_t, kUsualKeys> hashes;
  for (const BytesView key : keys) {
    hashes.push_back(hash_(key));
    known.prefetch(hashes.back());
  }
  for (const std::uint64_t hash : hashes) {
    const auto found = known.find(hash);
    if (found == known.end()) continue;
    const auto* const block = reinterpret_cast<const char*>(found->second);
    for (std::size_t line = 0; line < kPrefetchLines; ++line) {
      __builtin_prefetch(block + line * kCacheLine);
    }
  }
}

std::size_t Memtable::entries() const {
  std::size_t count = 0;
  for (const Cells& cells : spaces_) count += cells.ordered.size();
  return count;
}

}  // namespace kvcluster::storage
