#include "kv/keyspace.hpp"

#include <algorithm>
#include <limits>
#include <utility>
#include <vector>

#include "base/check.hpp"
#include "base/codec.hpp"
#include "base/digest.hpp"
#include "kv/big_endian.hpp"
#include "kv/stream.hpp"

namespace kvcluster::kv {
namespace {

constexpr WallMillis kNever = std::numeric_limits<WallMillis>::max();
constexpr std::size_t kTimeBytes = sizeof(WallMillis);

// u8 space | key
Bytes located(Space space, BytesView key) {
  Bytes bytes;
  bytes.reserve(1 + key.size());
  Encoder encoder(bytes);
  encoder.u8(static_cast<std::uint8_t>(space));
  encoder.raw(key);
  return bytes;
}

// What the entries of the expiry index from this time on begin with.
Bytes time_prefix(WallMillis time) {
  Bytes bytes;
  append_big_endian(time, kTimeBytes, bytes);
  return bytes;
}

// The time; then as much of a hash as tells records of the same time apart, because a key with a
// time before it could pass 511 bytes.
Bytes expiry_key(WallMillis time, BytesView located_key) {
  Bytes key = time_prefix(time);
  key.append(blake2b_256(located_key).view().substr(0, 16));
  return key;
}

WallMillis expiry_time(BytesView key) {
  KV_CHECK(key.size() == kTimeBytes + 16, "an entry of the expiry index is damaged");
  return big_endian(key.substr(0, kTimeBytes));
}

// Empty unless the slot holds a stream.
StreamHead head_in(const Slot& slot) {
  const bool is_stream = slot.stored && slot.record.type == RecordType::kStream;
  return is_stream ? decode_stream_head(slot.record.value) : StreamHead{};
}

}  // namespace

Slot Keyspace::find(BytesView key, WallMillis now) const {
  Slot slot{.key = key, .stored = table_.get(Space::kData, key), .record = {}, .live = false};
  if (slot.stored) {
    slot.record = decode_record(*slot.stored);
    slot.live = !slot.record.due(now);
  }
  return slot;
}

void Keyspace::tell(ChangeKind kind, BytesView key, BytesView value) {
  if (observer_ != nullptr) observer_->changed({kind, key, value});
}

void Keyspace::write(const Slot& slot, const Record& record) {
  // Before the change: the record's value may be a view that it ends.
  if (record.type == RecordType::kString) {
    tell(ChangeKind::kPut, slot.key, record.value);
  } else if (observer_ != nullptr) {
    tell(ChangeKind::kStream, slot.key, stream_id(decode_stream_head(record.value).last));
  }
  put(slot, record);
}

void Keyspace::put(const Slot& slot, const Record& record) {
  // Read before the first change of the table ends the slot's views.
  const StreamHead replaced = record.type == RecordType::kStream ? StreamHead{} : head_in(slot);
  fresh_.clear();
  encode(record, fresh_);
  replace(Space::kData, slot.key, slot.stored, slot.record.expire_at_ms, fresh_,
          record.expire_at_ms);
  erase_elements(slot.key, replaced.first, replaced.last + 1);
}

bool Keyspace::erase(const Slot& slot) {
  const bool was_live = slot.live;
  const StreamHead head = head_in(slot);
  if (slot.stored) {
    tell(was_live ? ChangeKind::kDelete : ChangeKind::kExpire, slot.key);
    remove(Space::kData, slot.key, *slot.stored, slot.record.expire_at_ms);
  }
  erase_elements(slot.key, head.first, head.last + 1);
  return was_live;
}

void Keyspace::flush() {
  constexpr std::size_t kPage = 1024;
  std::vector<Bytes> keys;
  do {
    keys.clear();
    table_.scan(Space::kData, {}, [&](BytesView key, BytesView) {
      keys.emplace_back(key);
      return keys.size() < kPage;
    });
    for (const Bytes& key : keys) erase(find(key, 0));
  } while (!keys.empty());
}

void Keyspace::scan(BytesView from, const Visitor& visitor) const {
  table_.scan(Space::kData, from,
              [&](BytesView key, BytesView stored) { return visitor(key, decode_record(stored)); });
}

void Keyspace::add_element(BytesView key, std::uint64_t sequence, BytesView value) {
  const Bytes element = stream_element_key(key, sequence);
  hash_.add(Space::kStream, element, value);
  table_.put(Space::kStream, element, value);
}

void Keyspace::erase_element(BytesView element_key) {
  const auto stored = table_.get(Space::kStream, element_key);
  KV_CHECK(stored, "a stream has all the elements that its record names");
  hash_.remove(Space::kStream, element_key, *stored);
  table_.erase(Space::kStream, element_key);
}

void Keyspace::erase_elements(BytesView key, std::uint64_t first, std::uint64_t end) {
  for (std::uint64_t sequence = first; sequence < end; ++sequence) {
    erase_element(stream_element_key(key, sequence));
  }
}

void Keyspace::scan_elements(BytesView key, std::uint64_t first, std::uint64_t last,
                             const ElementVisitor& visitor) const {
  const Bytes end = stream_element_key(key, last);
  table_.scan(Space::kStream, stream_element_key(key, first),
              [&](BytesView element, BytesView value) {
                return element <= end && visitor(stream_sequence(element), value);
              });
}

std::optional<Session> Keyspace::session(BytesView client) const {
  const auto stored = table_.get(Space::kSession, client);
  if (!stored) return std::nullopt;
  return decode_session(*stored);
}

void Keyspace::write_session(BytesView client, const Session& session) {
  const auto old = table_.get(Space::kSession, client);
  const WallMillis old_expiry = old ? session_expiry_ms(decode_session(*old).last_used_ms) : 0;
  fresh_.clear();
  encode(session, fresh_);
  replace(Space::kSession, client, old, old_expiry, fresh_,
          session_expiry_ms(session.last_used_ms));
}

void Keyspace::replace(Space space, BytesView key, std::optional<BytesView> old,
                       WallMillis old_expiry, BytesView fresh, WallMillis fresh_expiry) {
  // The hash first: `old` is a view that the first change of the table ends.
  if (old) {
    unhash(space, key, *old);
  } else {
    ++count(space);
  }
  const MultisetHash::Term term = hash_.add(space, key, fresh);
  if (old_expiry != fresh_expiry) {
    if (old_expiry != 0) unindex_expiry(old_expiry, space, key);
    if (fresh_expiry != 0) index_expiry(fresh_expiry, space, key);
  }
  table_.put_noted(space, key, fresh, term);
}

void Keyspace::remove(Space space, BytesView key, BytesView old, WallMillis old_expiry) {
  unhash(space, key, old);
  --count(space);
  if (old_expiry != 0) unindex_expiry(old_expiry, space, key);
  table_.erase(space, key);
}

// The table may still have the term that the record added.
void Keyspace::unhash(Space space, BytesView key, BytesView old) {
  if (const Table::Note* const term = table_.note(space, key)) {
    hash_.remove(*term);
  } else {
    hash_.remove(space, key, old);
  }
}

void Keyspace::index_expiry(WallMillis time, Space space, BytesView key) {
  const Bytes place = located(space, key);
  table_.put(Space::kExpiry, expiry_key(time, place), place);
  nothing_before_ = std::min(nothing_before_, time);
}

void Keyspace::unindex_expiry(WallMillis time, Space space, BytesView key) {
  table_.erase(Space::kExpiry, expiry_key(time, located(space, key)));
}

void Keyspace::purge_due(WallMillis now) {
  if (now < nothing_before_) return;
  std::vector<std::pair<WallMillis, Bytes>> due;
  const Bytes from = time_prefix(nothing_before_);
  nothing_before_ = kNever;
  table_.scan(Space::kExpiry, from, [&](BytesView key, BytesView place) {
    const WallMillis time = expiry_time(key);
    if (time > now || due.size() == kMaxPurge) {
      nothing_before_ = time;
      return false;
    }
    due.emplace_back(time, place);
    return true;
  });
  std::size_t work = kMaxPurge;
  for (const auto& [time, place] : due) {
    KV_CHECK(place.size() > 1, "an entry of the expiry index is damaged");
    if (!purge(static_cast<Space>(place.front()), BytesView(place).substr(1), time, work)) {
      nothing_before_ = time;
      return;
    }
  }
}

bool Keyspace::purge(Space space, BytesView key, WallMillis expected_expiry, std::size_t& work) {
  const auto stored = table_.get(space, key);
  KV_CHECK(stored, "the expiry index names what is not there");
  const WallMillis expiry = space == Space::kSession
                                ? session_expiry_ms(decode_session(*stored).last_used_ms)
                                : decode_record(*stored).expire_at_ms;
  KV_CHECK(expiry == expected_expiry, "the expiry index names another time than the record");
  if (work == 0) return false;
  if (space != Space::kData) {
    remove(space, key, *stored, expiry);
    --work;
    return true;
  }
  const Slot slot{.key = key, .stored = stored, .record = decode_record(*stored), .live = false};
  const StreamHead head = head_in(slot);
  if (head.length() < work) {
    work -= 1 + static_cast<std::size_t>(head.length());
    erase(slot);
    return true;
  }
  // The oldest go first; what is left is a shorter stream, due as it was.
  Bytes shorter;
  encode(StreamHead{.first = head.first + work, .last = head.last}, shorter);
  Record record = slot.record;
  record.value = shorter;
  put(slot, record);
  erase_elements(key, head.first, head.first + work);
  work = 0;
  return false;
}

std::optional<WallMillis> Keyspace::expiry_deadline(WallMillis now) const {
  if (nothing_before_ <= now) {
    const Bytes from = time_prefix(nothing_before_);
    nothing_before_ = kNever;
    table_.scan(Space::kExpiry, from, [&](BytesView key, BytesView) {
      nothing_before_ = expiry_time(key);
      return false;
    });
  }
  if (nothing_before_ == kNever) return std::nullopt;
  return nothing_before_;
}

void Keyspace::restore_counts(std::uint64_t keys, std::uint64_t sessions) {
  key_count_ = keys;
  session_count_ = sessions;
  nothing_before_ = 0;
}

std::uint64_t& Keyspace::count(Space space) {
  return space == Space::kSession ? session_count_ : key_count_;
}

}  // namespace kvcluster::kv
