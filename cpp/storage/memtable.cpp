#include "storage/memtable.hpp"

#include <utility>

#include "base/check.hpp"

namespace kvcluster::storage {
namespace {

// A cell, its heap blocks, and its share of the tree and of the hash.
constexpr std::size_t kEntryBytes = 192;

}  // namespace

const Cell* Memtable::find(kv::Space space, BytesView key) const {
  const auto& known = space_of(space).known;
  const auto found = known.find(key);
  return found == known.end() ? nullptr : found->second;
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
  if (!hides_below_) {
    Cell& cell = cell_of(space, key);
    memory_bytes_ -= cell.value.size();
    cell.value = Bytes();
    cell.erased = true;
    return;
  }
  // There is nothing below to hide.
  Cells& cells = spaces_[static_cast<std::size_t>(space)];
  const auto found = cells.ordered.find(key);
  if (found == cells.ordered.end()) return;
  const std::unique_ptr<Cell> cell = std::move(found->second);  // the keys live as long as it
  memory_bytes_ -= kEntryBytes + cell->key.size() + cell->value.size();
  cells.known.erase(cell->key);
  cells.ordered.erase(found);
}

Cell& Memtable::cell_of(kv::Space space, BytesView key) {
  Cells& cells = spaces_[static_cast<std::size_t>(space)];
  if (const auto found = cells.known.find(key); found != cells.known.end()) return *found->second;
  auto cell = std::make_unique<Cell>(Cell{Bytes(key), Bytes(), false});
  Cell& made = *cell;
  cells.known.emplace(made.key, &made);
  cells.ordered.emplace(made.key, std::move(cell));
  memory_bytes_ += kEntryBytes + key.size();
  return made;
}

void Memtable::clear() {
  for (Cells& cells : spaces_) {
    cells.known.clear();
    cells.ordered.clear();
  }
  memory_bytes_ = 0;
  hides_below_ = true;
}

std::size_t Memtable::entries() const {
  std::size_t count = 0;
  for (const Cells& cells : spaces_) count += cells.ordered.size();
  return count;
}

}  // namespace kvcluster::storage
