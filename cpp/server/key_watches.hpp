// Who watches which keys: the clients that sent KV.WATCH, and how far each has been told.
//
// Thread-safety: none; the reactor thread only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <vector>

#include "base/bytes.hpp"
#include "base/ids.hpp"
#include "replica/change_ring.hpp"

namespace kvcluster::server {

struct KeyWatch {
  Bytes prefix;
  replica::ChangeRing::Cursor cursor;
  Index told;  // the client knows that it knows everything up to here
};

class KeyWatches {
 public:
  static constexpr std::size_t kMaxOfConnection = 64;

  // Requires: `from` is 1 or more.
  void add(std::uint64_t connection, BytesView prefix, Index from);
  [[nodiscard]] bool has(std::uint64_t connection, BytesView prefix) const;
  // How many there were.
  std::size_t remove(std::uint64_t connection);
  std::size_t remove(std::uint64_t connection, BytesView prefix);

  [[nodiscard]] bool empty() const { return by_connection_.empty(); }
  // Since the start.
  [[nodiscard]] std::uint64_t added() const { return added_; }
  // Of one connection; empty when it watches nothing. Valid until the next change.
  [[nodiscard]] std::vector<KeyWatch>& of(std::uint64_t connection);
  [[nodiscard]] std::vector<std::uint64_t> connections() const;

 private:
  std::map<std::uint64_t, std::vector<KeyWatch>> by_connection_;
  std::vector<KeyWatch> none_;
  std::uint64_t added_ = 0;
};

}  // namespace kvcluster::server
