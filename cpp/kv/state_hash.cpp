#include "kv/state_hash.hpp"

#include "base/codec.hpp"

namespace kvcluster::kv {

void StateHash::set_element(Space space, BytesView key, BytesView stored) {
  element_.clear();
  Encoder encoder(element_);
  encoder.u8(static_cast<std::uint8_t>(space));
  encoder.bytes(key);
  encoder.raw(stored);
}

void StateHash::set_element(StatePart part, BytesView payload) {
  element_.clear();
  Encoder encoder(element_);
  encoder.u8(static_cast<std::uint8_t>(part));
  encoder.raw(payload);
}

MultisetHash::Term StateHash::add(Space space, BytesView key, BytesView stored) {
  set_element(space, key, stored);
  const MultisetHash::Term term = sum_.term(element_);
  sum_.add(term);
  return term;
}

void StateHash::remove(Space space, BytesView key, BytesView stored) {
  set_element(space, key, stored);
  sum_.remove(element_);
}

void StateHash::add(StatePart part, BytesView payload) {
  set_element(part, payload);
  sum_.add(element_);
}

void StateHash::remove(StatePart part, BytesView payload) {
  set_element(part, payload);
  sum_.remove(element_);
}

StateHash recompute_state_hash(const Table& table, const StateParts& parts, const HashKey& key) {
  StateHash hash(key);
  for (const Space space : kHashedSpaces) {
    table.scan(space, {}, [&](BytesView record_key, BytesView stored) {
      hash.add(space, record_key, stored);
      return true;
    });
  }
  if (parts.has_genesis) hash.add(StatePart::kGenesis, parts.genesis);
  if (parts.has_membership) hash.add(StatePart::kMembership, parts.membership);
  return hash;
}

Digest canonical_digest(const Table& table, const StateParts& parts) {
  Blake2b256 hash;
  Bytes piece;
  for (const Space space : kHashedSpaces) {
    table.scan(space, {}, [&](BytesView key, BytesView stored) {
      piece.clear();
      Encoder encoder(piece);
      encoder.u8(static_cast<std::uint8_t>(space));
      encoder.bytes(key);
      encoder.bytes(stored);
      hash.update(piece);
      return true;
    });
  }
  const auto add_part = [&](StatePart part, BytesView payload) {
    piece.clear();
    Encoder encoder(piece);
    encoder.u8(static_cast<std::uint8_t>(part));
    encoder.bytes(payload);
    hash.update(piece);
  };
  if (parts.has_genesis) add_part(StatePart::kGenesis, parts.genesis);
  if (parts.has_membership) add_part(StatePart::kMembership, parts.membership);
  return hash.finish();
}

}  // namespace kvcluster::kv
