// The newest changes of the state, in log order, as many as fit into a bound of bytes: what
// watchers are served from. Filled by whatever applies the log, so after a start by its replay.
//
// A reader names the revision that it wants next. It gets whole revisions only, none twice and none
// left out; or it is told that the oldest one that it needs is gone.
//
// Pure. Thread-safety: none; one owner.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <optional>

#include "base/bytes.hpp"
#include "base/ids.hpp"
#include "kv/change.hpp"

namespace kvcluster::replica {

class ChangeRing final : public kv::ChangeObserver {
 public:
  // 0 keeps nothing.
  explicit ChangeRing(std::size_t max_bytes);

  void changed(const kv::Change& change) override;
  void applied(Index index) override;
  // What comes before the next index is not known.
  void restored(Index index) override;

  // Everything up to here has been applied.
  [[nodiscard]] Index last() const { return last_; }
  // The oldest revision from which on nothing is missing; at most last() + 1.
  [[nodiscard]] Index oldest() const { return oldest_; }
  [[nodiscard]] std::size_t bytes() const { return bytes_; }

  // Where a reader stands: all before `next` was read. Made from a revision alone; the rest is
  // found by read().
  struct Cursor {
    Index next;
    std::uint64_t chunk = 0;  // 0: not looked for yet
    std::size_t offset = 0;
  };
  // Visits the changes of one revision, the first at or after the cursor that has any, and moves
  // the cursor behind it; the views are valid during the visits. nullopt: there is none up to
  // last(), and the cursor is behind that.
  // Requires: cursor.next >= oldest(); no entry is being applied.
  using Visitor = std::function<void(const kv::Change& change)>;
  std::optional<Index> read(Cursor& cursor, const Visitor& visitor) const;

 private:
  // A row of changes: each a Head, then the key, then the value.
  struct Chunk {
    std::uint64_t id = 0;
    Index last;  // revision of its newest change
    Bytes data;
  };
  struct Place {
    std::size_t chunk = 0;  // by position
    std::size_t offset = 0;
  };

  [[nodiscard]] Place place_of(const Cursor& cursor) const;
  void add_chunk();
  void evict(Index open);

  std::size_t max_bytes_;
  std::size_t chunk_bytes_;
  std::deque<Chunk> chunks_;
  std::uint64_t next_chunk_ = 1;
  std::size_t bytes_ = 0;
  Index last_;
  Index oldest_{1};
  Bytes spare_;  // kept for its memory
};

}  // namespace kvcluster::replica
