#include "storage/memtable.hpp"

#include "base/check.hpp"

namespace kvcluster::storage {
namespace {

// Two strings, their heap blocks and a share of the tree's node.
constexpr std::size_t kEntryBytes = 128;

}  // namespace

const Cell* Memtable::find(kv::Space space, BytesView key) const {
  const Map& cells = map(space);
  const auto found = cells.find(key);
  return found == cells.end() ? nullptr : &found->second;
}

void Memtable::put(kv::Space space, BytesView key, BytesView value) {
  KV_CHECK(!key.empty() && key.size() <= kv::kMaxKeyBytes, "keys have 1 to 511 bytes");
  Cell& cell = cell_of(space, key);
  memory_bytes_ += value.size();
  memory_bytes_ -= cell.value.size();
  cell.value.assign(value);
  cell.erased = false;
}

void Memtable::erase(kv::Space space, BytesView key) {
  Map& cells = maps_[static_cast<std::size_t>(space)];
  if (hides_below_) {
    // There is nothing below to hide.
    const auto found = cells.find(key);
    if (found == cells.end()) return;
    memory_bytes_ -= kEntryBytes + found->first.size() + found->second.value.size();
    cells.erase(found);
    return;
  }
  Cell& cell = cell_of(space, key);
  memory_bytes_ -= cell.value.size();
  cell.value = Bytes();
  cell.erased = true;
}

Cell& Memtable::cell_of(kv::Space space, BytesView key) {
  Map& cells = maps_[static_cast<std::size_t>(space)];
  auto found = cells.lower_bound(key);
  if (found == cells.end() || BytesView(found->first) != key) {
    found = cells.emplace_hint(found, Bytes(key), Cell{});
    memory_bytes_ += kEntryBytes + key.size();
  }
  return found->second;
}

void Memtable::clear() {
  for (Map& cells : maps_) cells.clear();
  memory_bytes_ = 0;
  hides_below_ = true;
}

std::size_t Memtable::entries() const {
  std::size_t count = 0;
  for (const Map& cells : maps_) count += cells.size();
  return count;
}

}  // namespace kvcluster::storage
