#include "storage/cell.hpp"

#include <limits>
#include <new>

#include "base/check.hpp"

namespace kvcluster::storage {
namespace {

// The allocator's unit: what is beyond it would be lost.
constexpr std::size_t kGrain = 16;
// So much may lie empty in any cell, and so many times the value in a large one.
constexpr std::size_t kSlackBytes = 128;
constexpr std::size_t kSlackFactor = 2;

}  // namespace

Cell::Owner Cell::make(BytesView key, std::size_t capacity) {
  KV_CHECK(!key.empty() && key.size() <= kv::kMaxKeyBytes, "keys have 1 to 511 bytes");
  const std::size_t needed = sizeof(Cell) + key.size() + capacity;
  const std::size_t block = (needed + kGrain - 1) / kGrain * kGrain;
  capacity += block - needed;
  KV_CHECK(capacity <= std::numeric_limits<std::uint32_t>::max(), "a value is below 4 GiB");
  Owner cell(new (::operator new(block)) Cell(key.size(), capacity));
  key.copy(cell->bytes(), key.size());
  return cell;
}

Cell::Cell(std::size_t key_bytes, std::size_t capacity)
    : capacity_(static_cast<std::uint32_t>(capacity)),
      key_bytes_(static_cast<std::uint16_t>(key_bytes)) {}

void Cell::Free::operator()(Cell* cell) const {
  cell->~Cell();
  ::operator delete(cell);
}

bool Cell::suits(std::size_t value_bytes) const {
  return value_bytes <= capacity_ && capacity_ <= kSlackBytes + kSlackFactor * value_bytes;
}

void Cell::assign(BytesView value) {
  KV_CHECK(suits(value.size()), "a value has its place in the cell");
  value.copy(bytes() + key_bytes_, value.size());
  value_bytes_ = static_cast<std::uint32_t>(value.size());
  erased_ = false;
  has_note_ = false;
}

void Cell::assign(BytesView value, const kv::Table::Note& note) {
  assign(value);
  note_ = note;
  has_note_ = true;
}

void Cell::erase() {
  assign({});
  erased_ = true;
}

std::size_t Cell::block_bytes() const { return sizeof(Cell) + key_bytes_ + capacity_; }

}  // namespace kvcluster::storage
