#include "storage/layered_table.hpp"

#include <utility>

#include "base/check.hpp"

namespace kvcluster::storage {
namespace {

// Walks a memtable's map; an absent map is empty.
class CellCursor {
 public:
  CellCursor(const Memtable* table, kv::Space space, BytesView from) {
    if (table == nullptr) return;
    const Memtable::Map& cells = table->map(space);
    at_ = cells.lower_bound(from);
    end_ = cells.end();
    present_ = true;
  }
  [[nodiscard]] bool valid() const { return present_ && at_ != end_; }
  [[nodiscard]] BytesView key() const { return at_->first; }
  [[nodiscard]] const Cell& cell() const { return *at_->second; }
  void next() { ++at_; }

 private:
  Memtable::Map::const_iterator at_;
  Memtable::Map::const_iterator end_;
  bool present_ = false;
};

}  // namespace

Result<std::unique_ptr<LayeredTable>> LayeredTable::open(std::shared_ptr<Environment> base) {
  auto view = ReadTransaction::begin(std::move(base));
  if (!view) return std::unexpected(std::move(view).error());
  return std::unique_ptr<LayeredTable>(new LayeredTable(std::move(*view)));
}

LayeredTable::LayeredTable(ReadTransaction base)
    : active_(std::make_unique<Memtable>()), base_(std::move(base)) {}

const Cell* LayeredTable::find_cell(kv::Space space, BytesView key) const {
  const Cell* const cell = active_->find(space, key);
  if (cell != nullptr || frozen_ == nullptr || active_->hides_below()) return cell;
  return frozen_->find(space, key);
}

bool LayeredTable::hides_base() const {
  return active_->hides_below() || (frozen_ != nullptr && frozen_->hides_below());
}

std::optional<BytesView> LayeredTable::get(kv::Space space, BytesView key) const {
  if (const Cell* const cell = find_cell(space, key)) {
    return cell->erased() ? std::nullopt : std::optional(cell->value());
  }
  return hides_base() ? std::nullopt : base_.get(space, key);
}

const kv::Table::Note* LayeredTable::note(kv::Space space, BytesView key) const {
  const Cell* const cell = find_cell(space, key);
  return cell == nullptr ? nullptr : cell->note();
}

void LayeredTable::put(kv::Space space, BytesView key, BytesView value) {
  active_->put(space, key, value);
}

void LayeredTable::put_noted(kv::Space space, BytesView key, BytesView value, const Note& note) {
  active_->put(space, key, value, note);
}

void LayeredTable::erase(kv::Space space, BytesView key) {
  // A key that nothing below knows needs no cell to hide it.
  if (!get(space, key)) return;
  active_->erase(space, key);
}

void LayeredTable::prefetch(kv::Space space, std::span<const BytesView> keys) const {
  active_->prefetch(space, keys);
}

void LayeredTable::clear() { active_->clear(); }

void LayeredTable::scan(kv::Space space, BytesView from, const Visitor& visitor) const {
  const Memtable* frozen = active_->hides_below() ? nullptr : frozen_.get();
  CellCursor top(active_.get(), space, from);
  CellCursor middle(frozen, space, from);
  std::optional<ReadCursor> bottom;
  if (!hides_base()) bottom.emplace(base_, space).seek(from);

  for (;;) {
    // The smallest key of the three; of equal ones the upper layer's.
    std::optional<BytesView> key;
    if (top.valid()) key = top.key();
    if (middle.valid() && (!key || middle.key() < *key)) key = middle.key();
    if (bottom && bottom->valid() && (!key || bottom->key() < *key)) key = bottom->key();
    if (!key) return;

    const bool in_top = top.valid() && top.key() == *key;
    const bool in_middle = middle.valid() && middle.key() == *key;
    const bool in_bottom = bottom && bottom->valid() && bottom->key() == *key;
    const Cell* cell = in_top ? &top.cell() : in_middle ? &middle.cell() : nullptr;
    if (cell == nullptr || !cell->erased()) {
      const BytesView value = cell != nullptr ? cell->value() : bottom->value();
      if (!visitor(*key, value)) return;
    }
    if (in_top) top.next();
    if (in_middle) middle.next();
    if (in_bottom) bottom->next();
  }
}

std::shared_ptr<const Memtable> LayeredTable::freeze() {
  KV_CHECK(frozen_ == nullptr, "one checkpoint at a time");
  frozen_ = std::move(active_);
  active_ = std::make_unique<Memtable>();
  return frozen_;
}

Status LayeredTable::checkpoint_done() {
  if (!frozen_) return {};
  KV_TRY(base_.renew());
  frozen_.reset();
  return {};
}

Status LayeredTable::grow_base() {
  base_.release();
  const Status grown = base_.environment().grow();
  KV_TRY(base_.renew());
  return grown;
}

Status LayeredTable::replace_base(std::shared_ptr<Environment> base) {
  auto view = ReadTransaction::begin(std::move(base));
  if (!view) return std::unexpected(std::move(view).error());
  base_ = std::move(*view);
  frozen_.reset();
  active_ = std::make_unique<Memtable>();
  return {};
}

std::size_t LayeredTable::memory_bytes() const {
  return active_->memory_bytes() + (frozen_ ? frozen_->memory_bytes() : 0);
}

std::uint64_t LayeredTable::environment_number() const { return base_.environment().number(); }

}  // namespace kvcluster::storage
