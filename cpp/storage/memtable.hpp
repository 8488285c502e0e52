// Changes that are newer than a checkpoint, in memory, ordered as the checkpoint orders them.
//
// Thread-safety: none while it changes; a frozen one (shared as const) may be read by any thread.
#pragma once

#include <absl/container/btree_map.h>
#include <absl/container/flat_hash_map.h>

#include <array>
#include <cstdint>
#include <span>

#include "base/bytes.hpp"
#include "kv/table.hpp"
#include "storage/cell.hpp"

namespace kvcluster::storage {

class Memtable {
 public:
  // Keys are views into their cells, which move only together with their entry here.
  using Map = absl::btree_map<BytesView, Cell::Owner>;
  // Of keys, for the lookup; never walked, so that it decides nothing but speed.
  using Hash = std::uint64_t (*)(BytesView key);

  Memtable();
  explicit Memtable(Hash hash) : hash_(hash) {}

  // nullptr: this layer knows nothing of the key.
  [[nodiscard]] const Cell* find(kv::Space space, BytesView key) const;
  void put(kv::Space space, BytesView key, BytesView value);
  void put(kv::Space space, BytesView key, BytesView value, const kv::Table::Note& note);
  void erase(kv::Space space, BytesView key);
  // Everything goes, here and in the layers below.
  void clear();

  // Asks the processor to bring what is known of these keys near, all at the same time.
  void prefetch(kv::Space space, std::span<const BytesView> keys) const;

  [[nodiscard]] const Map& map(kv::Space space) const { return space_of(space).ordered; }
  // True when the layers below hold nothing any more.
  [[nodiscard]] bool hides_below() const { return hides_below_; }
  [[nodiscard]] std::size_t entries() const;
  // Cells, and an estimate of what each costs beside its block.
  [[nodiscard]] std::size_t memory_bytes() const { return memory_bytes_; }

 private:
  struct AsItIs {
    std::size_t operator()(std::uint64_t hash) const { return hash; }
  };
  // The hash finds a known key in one step, which is what a write of a busy key costs; the tree is
  // for order, and is touched only when a cell comes, goes or moves. Under a hash stands the first
  // of a chain of cells, nearly always the only one.
  struct Cells {
    Map ordered;
    absl::flat_hash_map<std::uint64_t, Cell*, AsItIs> known;
  };
  [[nodiscard]] const Cells& space_of(kv::Space space) const {
    return spaces_[static_cast<std::size_t>(space)];
  }
  [[nodiscard]] static Cell* find(const Cells& cells, std::uint64_t hash, BytesView key);
  // The key's cell, made or moved when there is none that has room.
  Cell& cell_for(kv::Space space, BytesView key, std::size_t value_bytes);
  void link(Cells& cells, std::uint64_t hash, Cell::Owner cell);
  Cell::Owner unlink(Cells& cells, std::uint64_t hash, Cell& cell);

  Hash hash_;
  std::array<Cells, kv::kSpaceCount> spaces_;
  bool hides_below_ = false;
  std::size_t memory_bytes_ = 0;
};

}  // namespace kvcluster::storage
