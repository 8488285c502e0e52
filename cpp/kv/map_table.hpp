// A Table in memory: for tests, the simulator, and as the reference of what a Table is.
#pragma once

#include <array>
#include <functional>

#include "absl/container/btree_map.h"
#include "base/bytes.hpp"
#include "kv/table.hpp"

namespace kvcluster::kv {

// Thread-safety: none; one owner.
class MapTable final : public Table {
 public:
  [[nodiscard]] std::optional<BytesView> get(Space space, BytesView key) const override;
  void put(Space space, BytesView key, BytesView value) override;
  void erase(Space space, BytesView key) override;
  void scan(Space space, BytesView from, const Visitor& visitor) const override;
  void clear() override;

  // Equal in every space, byte for byte.
  friend bool operator==(const MapTable& a, const MapTable& b) { return a.spaces_ == b.spaces_; }

 private:
  using Records = absl::btree_map<Bytes, Bytes, std::less<>>;
  std::array<Records, kSpaceCount> spaces_;
};

}  // namespace kvcluster::kv
