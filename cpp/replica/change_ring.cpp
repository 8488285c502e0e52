#include "replica/change_ring.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <type_traits>
#include <utility>

#include "base/check.hpp"

namespace kvcluster::replica {
namespace {

// So much goes at once when the ring is full.
constexpr std::size_t kChunks = 16;
constexpr std::size_t kLargestChunk = std::size_t{1} << 20U;

// What is beyond the size at which a chunk is full.
constexpr std::size_t kUsualChangeBytes = std::size_t{4} << 10U;

// Of a change, as it lies in a chunk: of one size, because it is written for every write of a node,
// watched or not.
struct Head {
  std::uint64_t revision = 0;
  std::uint32_t key_bytes = 0;
  std::uint32_t value_bytes = 0;
  std::uint64_t kind = 0;
};
static_assert(std::has_unique_object_representations_v<Head>);

}  // namespace

ChangeRing::ChangeRing(std::size_t max_bytes)
    : max_bytes_(max_bytes), chunk_bytes_(std::min(max_bytes / kChunks, kLargestChunk)) {}

void ChangeRing::changed(const kv::Change& change) {
  const Index open = last_.next();
  if (open < oldest_) return;  // what came before it in this revision is gone already
  if (max_bytes_ == 0) {
    oldest_ = open.next();
    return;
  }
  if (chunks_.empty() || chunks_.back().data.size() >= chunk_bytes_) add_chunk();
  Chunk& chunk = chunks_.back();
  const Head head{.revision = open.value(),
                  .key_bytes = static_cast<std::uint32_t>(change.key.size()),
                  .value_bytes = static_cast<std::uint32_t>(change.value.size()),
                  .kind = static_cast<std::uint64_t>(change.kind)};
  std::array<char, sizeof(Head)> raw;
  std::memcpy(raw.data(), &head, sizeof(Head));
  chunk.data.append(raw.data(), raw.size());
  chunk.data.append(change.key);
  chunk.data.append(change.value);
  chunk.last = open;
  bytes_ += sizeof(Head) + change.key.size() + change.value.size();
  if (bytes_ > max_bytes_) evict(open);
}

void ChangeRing::applied(Index index) { last_ = index; }

void ChangeRing::restored(Index index) {
  chunks_.clear();
  bytes_ = 0;
  last_ = index;
  oldest_ = index.next();
}

void ChangeRing::add_chunk() {
  Chunk& chunk = chunks_.emplace_back();
  chunk.id = next_chunk_++;
  chunk.data = std::exchange(spare_, {});
  chunk.data.reserve(chunk_bytes_ + kUsualChangeBytes);
}

void ChangeRing::evict(Index open) {
  while (bytes_ > max_bytes_ && chunks_.size() > 1) {
    Chunk& oldest = chunks_.front();
    oldest_ = std::max(oldest_, oldest.last.next());
    bytes_ -= oldest.data.size();
    oldest.data.clear();
    if (oldest.data.capacity() <= 2 * (chunk_bytes_ + kUsualChangeBytes))
      spare_ = std::move(oldest.data);
    chunks_.pop_front();
  }
  if (bytes_ <= max_bytes_) return;
  chunks_.clear();  // one change alone is larger than the bound
  bytes_ = 0;
  oldest_ = open.next();
}

ChangeRing::Place ChangeRing::place_of(const Cursor& cursor) const {
  if (chunks_.empty()) return {};
  const std::uint64_t first = chunks_.front().id;
  if (cursor.chunk >= first && cursor.chunk - first < chunks_.size()) {
    return {static_cast<std::size_t>(cursor.chunk - first), cursor.offset};
  }
  const auto found = std::ranges::lower_bound(chunks_, cursor.next, {}, &Chunk::last);
  return {static_cast<std::size_t>(found - chunks_.begin()), 0};
}

std::optional<Index> ChangeRing::read(Cursor& cursor, const Visitor& visitor) const {
  KV_CHECK(cursor.next >= oldest_, "what is read is there");
  std::optional<Index> found;
  Place place = place_of(cursor);
  for (; place.chunk < chunks_.size(); ++place.chunk, place.offset = 0) {
    const BytesView data = chunks_[place.chunk].data;
    while (place.offset < data.size()) {
      Head head;
      std::memcpy(&head, data.data() + place.offset, sizeof(Head));
      const Index revision(head.revision);
      if (found && revision != *found) {
        cursor = {found->next(), chunks_[place.chunk].id, place.offset};
        return found;
      }
      const std::size_t key_at = place.offset + sizeof(Head);
      const std::size_t value_at = key_at + head.key_bytes;
      place.offset = value_at + head.value_bytes;
      if (revision < cursor.next) continue;
      found = revision;
      visitor({static_cast<kv::ChangeKind>(head.kind), data.substr(key_at, head.key_bytes),
               data.substr(value_at, head.value_bytes)});
    }
  }
  cursor.next = std::max(cursor.next, last_.next());
  if (!chunks_.empty()) {
    cursor.chunk = chunks_.back().id;
    cursor.offset = chunks_.back().data.size();
  }
  if (found) cursor.next = found->next();
  return found;
}

}  // namespace kvcluster::replica
