// SCAN's cursors: numbers that stand for the key after which a scan goes on. They belong to one
// node and are bounded: the least recently made one is forgotten first.
//
// Thread-safety: none.
#pragma once

#include <absl/container/flat_hash_map.h>

#include <cstddef>
#include <cstdint>
#include <list>
#include <optional>
#include <utility>

#include "base/bytes.hpp"

namespace kvcluster::server {

class ScanCursors {
 public:
  // `tag` tells the cursors of one run of one node from all others, so that a cursor taken to
  // another node is unknown there instead of meaning another key.
  ScanCursors(std::uint64_t tag, std::size_t max_cursors);

  // Never 0, which begins and ends a scan.
  [[nodiscard]] std::uint64_t remember(BytesView last_key);
  // nullopt: never made here, or forgotten. A cursor can be used again while it is remembered.
  [[nodiscard]] std::optional<Bytes> find(std::uint64_t cursor) const;
  [[nodiscard]] std::size_t size() const { return keys_.size(); }

 private:
  using Entry = std::pair<std::uint64_t, Bytes>;

  std::uint64_t next_;
  std::size_t max_cursors_;
  std::list<Entry> keys_;  // oldest first
  absl::flat_hash_map<std::uint64_t, std::list<Entry>::iterator> by_cursor_;
};

}  // namespace kvcluster::server
