#include "server/scan_cursors.hpp"

#include "base/check.hpp"

namespace kvcluster::server {
namespace {

// Leaves 2^32 cursors below each tag, and keeps all of them below 2^53: some clients hold numbers
// as doubles.
constexpr unsigned kCounterBits = 32;
constexpr std::uint64_t kTagMask = (std::uint64_t{1} << 21U) - 1;

}  // namespace

ScanCursors::ScanCursors(std::uint64_t tag, std::size_t max_cursors)
    : next_(((tag & kTagMask) << kCounterBits) + 1), max_cursors_(max_cursors) {
  KV_CHECK(max_cursors > 0, "at least the newest cursor is remembered");
}

std::uint64_t ScanCursors::remember(BytesView last_key) {
  if (keys_.size() == max_cursors_) {
    by_cursor_.erase(keys_.front().first);
    keys_.pop_front();
  }
  const std::uint64_t cursor = next_++;
  keys_.emplace_back(cursor, Bytes(last_key));
  by_cursor_.emplace(cursor, std::prev(keys_.end()));
  return cursor;
}

std::optional<Bytes> ScanCursors::find(std::uint64_t cursor) const {
  const auto found = by_cursor_.find(cursor);
  if (found == by_cursor_.end()) return std::nullopt;
  return found->second->second;
}

}  // namespace kvcluster::server
