// A Table in memory: for tests, the simulator, and as the reference of what a Table is.
#pragma once

#include <array>
#include <functional>
#include <optional>

#include "absl/container/btree_map.h"
#include "base/bytes.hpp"
#include "kv/table.hpp"

namespace kvcluster::kv {

// Thread-safety: none; one owner.
class MapTable final : public Table {
 public:
  [[nodiscard]] std::optional<BytesView> get(Space space, BytesView key) const override;
  void put(Space space, BytesView key, BytesView value) override;
  void put_noted(Space space, BytesView key, BytesView value, const Note& note) override;
  [[nodiscard]] const Note* note(Space space, BytesView key) const override;
  void erase(Space space, BytesView key) override;
  void scan(Space space, BytesView from, const Visitor& visitor) const override;
  void clear() override;

  // Equal in every space, byte for byte; notes do not count.
  friend bool operator==(const MapTable& a, const MapTable& b) { return a.spaces_ == b.spaces_; }

 private:
  struct Value {
    Bytes bytes;
    std::optional<Note> note;
    friend bool operator==(const Value& a, const Value& b) { return a.bytes == b.bytes; }
  };
  using Records = absl::btree_map<Bytes, Value, std::less<>>;
  Value& place_of(Space space, BytesView key);

  std::array<Records, kSpaceCount> spaces_;
};

}  // namespace kvcluster::kv
