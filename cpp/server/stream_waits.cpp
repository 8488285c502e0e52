#include "server/stream_waits.hpp"

#include "base/check.hpp"

namespace kvcluster::server {

bool StreamWaits::add(std::uint64_t connection, std::span<const BytesView> keys, Instant deadline) {
  if (waits_.size() >= max_waits_) return false;
  const auto [at, added] = waits_.emplace(connection, Wait{{keys.begin(), keys.end()}, deadline});
  KV_CHECK(added, "a connection waits once");
  for (const Bytes& key : at->second.keys) by_stream_[key].insert(connection);
  by_deadline_.emplace(deadline, connection);
  return true;
}

void StreamWaits::remove(std::uint64_t connection) {
  const auto found = waits_.find(connection);
  if (found == waits_.end()) return;
  for (const Bytes& key : found->second.keys) {
    const auto waiting = by_stream_.find(key);
    if (waiting == by_stream_.end()) continue;  // the same key twice
    waiting->second.erase(connection);
    if (waiting->second.empty()) by_stream_.erase(waiting);
  }
  by_deadline_.erase({found->second.deadline, connection});
  waits_.erase(found);
}

std::vector<std::uint64_t> StreamWaits::for_stream(BytesView key) const {
  const auto found = by_stream_.find(key);
  if (found == by_stream_.end()) return {};
  return {found->second.begin(), found->second.end()};
}

std::vector<std::uint64_t> StreamWaits::all() const {
  std::vector<std::uint64_t> connections;
  connections.reserve(waits_.size());
  for (const auto& [connection, wait] : waits_) connections.push_back(connection);
  return connections;
}

std::vector<std::uint64_t> StreamWaits::overdue(Instant now) const {
  std::vector<std::uint64_t> connections;
  for (const auto& [deadline, connection] : by_deadline_) {
    if (deadline > now) break;
    connections.push_back(connection);
  }
  return connections;
}

Instant StreamWaits::next_deadline() const {
  return by_deadline_.empty() ? Instant::max() : by_deadline_.begin()->first;
}

}  // namespace kvcluster::server
