// Changes that are newer than a checkpoint, in memory, ordered as the checkpoint orders them.
//
// Thread-safety: none while it changes; a frozen one (shared as const) may be read by any thread.
#pragma once

#include <absl/container/btree_map.h>
#include <absl/container/flat_hash_map.h>

#include <array>
#include <cstdint>
#include <memory>

#include "base/bytes.hpp"
#include "kv/table.hpp"

namespace kvcluster::storage {

// What a layer knows of a key.
struct Cell {
  Bytes key;
  Bytes value;
  bool erased = false;  // hides the layers below
};

class Memtable {
 public:
  // Keys are views of their cells' own, which never move.
  using Map = absl::btree_map<BytesView, std::unique_ptr<Cell>>;

  // nullptr: this layer knows nothing of the key.
  [[nodiscard]] const Cell* find(kv::Space space, BytesView key) const;
  void put(kv::Space space, BytesView key, BytesView value);
  void erase(kv::Space space, BytesView key);
  // Everything goes, here and in the layers below.
  void clear();

  [[nodiscard]] const Map& map(kv::Space space) const { return space_of(space).ordered; }
  // True when the layers below hold nothing any more.
  [[nodiscard]] bool hides_below() const { return hides_below_; }
  [[nodiscard]] std::size_t entries() const;
  // Keys, values and an estimate of what each costs beside them.
  [[nodiscard]] std::size_t memory_bytes() const { return memory_bytes_; }

 private:
  // The hash finds a known key in one step, which is what a write of a busy key costs; the tree is
  // for order, and is touched only when a key comes or goes.
  struct Cells {
    Map ordered;
    absl::flat_hash_map<BytesView, Cell*> known;  // never walked
  };
  [[nodiscard]] const Cells& space_of(kv::Space space) const {
    return spaces_[static_cast<std::size_t>(space)];
  }
  Cell& cell_of(kv::Space space, BytesView key);

  std::array<Cells, kv::kSpaceCount> spaces_;
  bool hides_below_ = false;
  std::size_t memory_bytes_ = 0;
};

}  // namespace kvcluster::storage
