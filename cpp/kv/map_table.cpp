#include "kv/map_table.hpp"

#include "base/check.hpp"

namespace kvcluster::kv {

namespace {

std::size_t number_of(Space space) {
  const auto number = static_cast<std::size_t>(space);
  KV_CHECK(number < kSpaceCount, "there is no such space");
  return number;
}

}  // namespace

std::optional<BytesView> MapTable::get(Space space, BytesView key) const {
  const Records& records = spaces_[number_of(space)];
  const auto found = records.find(key);
  if (found == records.end()) return std::nullopt;
  return found->second;
}

void MapTable::put(Space space, BytesView key, BytesView value) {
  KV_CHECK(!key.empty() && key.size() <= kMaxKeyBytes, "a key has 1 to 511 bytes");
  Records& records = spaces_[number_of(space)];
  const auto place = records.lower_bound(key);
  if (place != records.end() && place->first == key) {
    place->second.assign(value);
  } else {
    records.emplace_hint(place, key, value);
  }
}

void MapTable::erase(Space space, BytesView key) {
  Records& records = spaces_[number_of(space)];
  const auto found = records.find(key);
  if (found != records.end()) records.erase(found);
}

void MapTable::scan(Space space, BytesView from, const Visitor& visitor) const {
  const Records& records = spaces_[number_of(space)];
  for (auto at = records.lower_bound(from); at != records.end(); ++at) {
    if (!visitor(at->first, at->second)) return;
  }
}

void MapTable::clear() {
  for (Records& records : spaces_) records.clear();
}

}  // namespace kvcluster::kv
