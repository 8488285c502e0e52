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
  return found->second.bytes;
}

MapTable::Value& MapTable::place_of(Space space, BytesView key) {
  KV_CHECK(!key.empty() && key.size() <= kMaxKeyBytes, "a key has 1 to 511 bytes");
  Records& records = spaces_[number_of(space)];
  auto place = records.lower_bound(key);
  if (place == records.end() || place->first != key) {
    place = records.emplace_hint(place, key, Value());
  }
  return place->second;
}

void MapTable::put(Space space, BytesView key, BytesView value) {
  Value& place = place_of(space, key);
  place.bytes.assign(value);
  place.note.reset();
}

void MapTable::put_noted(Space space, BytesView key, BytesView value, const Note& note) {
  Value& place = place_of(space, key);
  place.bytes.assign(value);
  place.note = note;
}

const Table::Note* MapTable::note(Space space, BytesView key) const {
  const Records& records = spaces_[number_of(space)];
  const auto found = records.find(key);
  return found == records.end() || !found->second.note ? nullptr : &*found->second.note;
}

void MapTable::erase(Space space, BytesView key) {
  Records& records = spaces_[number_of(space)];
  const auto found = records.find(key);
  if (found != records.end()) records.erase(found);
}

void MapTable::scan(Space space, BytesView from, const Visitor& visitor) const {
  const Records& records = spaces_[number_of(space)];
  for (auto at = records.lower_bound(from); at != records.end(); ++at) {
    if (!visitor(at->first, at->second.bytes)) return;
  }
}

void MapTable::clear() {
  for (Records& records : spaces_) records.clear();
}

}  // namespace kvcluster::kv
