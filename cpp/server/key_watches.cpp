#include "server/key_watches.hpp"

#include <algorithm>

namespace kvcluster::server {

void KeyWatches::add(std::uint64_t connection, BytesView prefix, Index from) {
  ++added_;
  by_connection_[connection].push_back(
      {.prefix = Bytes(prefix), .cursor = {.next = from}, .told = Index(from.value() - 1)});
}

bool KeyWatches::has(std::uint64_t connection, BytesView prefix) const {
  const auto found = by_connection_.find(connection);
  return found != by_connection_.end() &&
         std::ranges::find(found->second, prefix, &KeyWatch::prefix) != found->second.end();
}

std::size_t KeyWatches::remove(std::uint64_t connection) {
  const auto found = by_connection_.find(connection);
  if (found == by_connection_.end()) return 0;
  const std::size_t count = found->second.size();
  by_connection_.erase(found);
  return count;
}

std::size_t KeyWatches::remove(std::uint64_t connection, BytesView prefix) {
  const auto found = by_connection_.find(connection);
  if (found == by_connection_.end()) return 0;
  const std::size_t count = std::erase_if(
      found->second, [prefix](const KeyWatch& watch) { return watch.prefix == prefix; });
  if (found->second.empty()) by_connection_.erase(found);
  return count;
}

std::vector<KeyWatch>& KeyWatches::of(std::uint64_t connection) {
  const auto found = by_connection_.find(connection);
  none_.clear();
  return found == by_connection_.end() ? none_ : found->second;
}

std::vector<std::uint64_t> KeyWatches::connections() const {
  std::vector<std::uint64_t> found;
  found.reserve(by_connection_.size());
  for (const auto& [connection, watches] : by_connection_) found.push_back(connection);
  return found;
}

}  // namespace kvcluster::server
