#include "base/digest.hpp"

#include <blake2.h>

#include <algorithm>
#include <cstring>
#include <memory>

#include "base/check.hpp"
#include "base/codec.hpp"

namespace kvcluster {
namespace {

Digest hash_256(const void* key, std::size_t key_size, BytesView bytes) {
  Digest digest;
  const int failed =
      blake2b(digest.bytes.data(), bytes.data(), key, digest.bytes.size(), bytes.size(), key_size);
  KV_CHECK(failed == 0, "BLAKE2b refuses only wrong sizes");
  return digest;
}

using ChainingValue = std::array<std::uint64_t, 8>;

// Of the parameter block alone.
ChainingValue initial_value() {
  blake2b_state state;
  KV_CHECK(blake2b_init(&state, sizeof(Digest::bytes)) == 0, "32 bytes is a valid size");
  ChainingValue value;
  std::ranges::copy(state.h, value.begin());
  return value;
}

// libb2 holds a block back until it knows that it is not the last one: two more push it through.
ChainingValue chaining_value_after(const HashKey& key) {
  constexpr std::array<std::uint8_t, std::size_t{2} * BLAKE2B_BLOCKBYTES> kZeros{};
  blake2b_state state;
  KV_CHECK(blake2b_init_key(&state, BLAKE2B_OUTBYTES, key.data(), key.size()) == 0,
           "32 bytes is a valid key");
  blake2b_update(&state, kZeros.data(), kZeros.size());
  KV_CHECK(state.t[0] == BLAKE2B_BLOCKBYTES, "the block of the key alone is hashed");
  ChainingValue value;
  std::ranges::copy(state.h, value.begin());
  return value;
}

// Goes on after `taken` bytes that led to `value`. Leaves the buffer as it is, which libb2's own
// start would clear: the state is larger than most of what is hashed.
void begin(blake2b_state& state, const ChainingValue& value, std::uint64_t taken,
           std::size_t digest_bytes) {
  std::ranges::copy(value, state.h);
  state.t[0] = taken;
  state.t[1] = state.f[0] = state.f[1] = 0;
  state.buflen = 0;
  state.outlen = static_cast<std::uint8_t>(digest_bytes);
  state.last_node = 0;
}

void absorb(blake2b_state& state, BytesView bytes) {
  blake2b_update(&state, reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
}

void squeeze(blake2b_state& state, std::uint8_t* out, std::size_t size) {
  KV_CHECK(blake2b_final(&state, out, size) == 0, "a stream is finished once");
}

template <std::size_t Size>
blake2b_state& state_of(std::array<std::byte, Size>& place) {
  static_assert(sizeof(blake2b_state) <= Size);
  return *reinterpret_cast<blake2b_state*>(place.data());
}

}  // namespace

std::string Digest::hex() const {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  text.reserve(2 * bytes.size());
  for (const std::uint8_t byte : bytes) {
    text.push_back(kDigits[byte >> 4U]);
    text.push_back(kDigits[byte & 0xFU]);
  }
  return text;
}

Digest Digest::from(BytesView raw) {
  Digest digest;
  KV_CHECK(raw.size() == digest.bytes.size(), "a digest has 32 bytes");
  std::memcpy(digest.bytes.data(), raw.data(), raw.size());
  return digest;
}

Digest blake2b_256(BytesView bytes) { return hash_256(nullptr, 0, bytes); }

Digest blake2b_256_keyed(const HashKey& key, BytesView bytes) {
  return hash_256(key.data(), key.size(), bytes);
}

Blake2b256::Blake2b256() {
  static const ChainingValue kStart = initial_value();
  begin(*std::construct_at(&state_of(state_)), kStart, 0, sizeof(Digest::bytes));
}

void Blake2b256::update(BytesView bytes) { absorb(state_of(state_), bytes); }

Digest Blake2b256::finish() {
  Digest digest;
  squeeze(state_of(state_), digest.bytes.data(), digest.bytes.size());
  return digest;
}

Digest chain(const Digest& previous, BytesView bytes) {
  Blake2b256 hash;
  hash.update(previous.view());
  hash.update(bytes);
  return hash.finish();
}

MultisetHash::MultisetHash(const HashKey& key) : key_(key), after_key_(chaining_value_after(key)) {}

MultisetHash::Term MultisetHash::term(BytesView element) const {
  Term sum;
  auto* const out = reinterpret_cast<std::uint8_t*>(sum.data());
  if (element.empty()) {  // the key's block is the last one
    KV_CHECK(blake2b(out, nullptr, key_.data(), sizeof(sum), 0, key_.size()) == 0,
             "BLAKE2b refuses only wrong sizes");
    return sum;
  }
  blake2b_state state;
  begin(state, after_key_, BLAKE2B_BLOCKBYTES, sizeof(sum));
  absorb(state, element);
  squeeze(state, out, sizeof(sum));
  return sum;
}

void MultisetHash::add(const Term& term) {
  unsigned long long carry = 0;
  for (std::size_t i = 0; i < sum_.size(); ++i) {
    const std::uint64_t with_carry = sum_[i] + carry;
    carry = with_carry < carry ? 1 : 0;
    sum_[i] = with_carry + term[i];
    carry += sum_[i] < term[i] ? 1 : 0;
  }
  ++count_;
}

void MultisetHash::remove(const Term& term) {
  KV_CHECK(count_ > 0, "only what was added can be removed");
  std::uint64_t borrow = 0;
  for (std::size_t i = 0; i < sum_.size(); ++i) {
    const std::uint64_t before = sum_[i];
    const std::uint64_t less = before - term[i];
    sum_[i] = less - borrow;
    borrow = (before < term[i] || less < borrow) ? 1 : 0;
  }
  --count_;
}

Digest MultisetHash::root(std::uint64_t index) const {
  Bytes shown;
  encode(shown);
  Encoder(shown).u64(index);
  return blake2b_256_keyed(key_, shown);
}

void MultisetHash::encode(Bytes& out) const {
  Encoder encoder(out);
  for (const std::uint64_t limb : sum_) encoder.u64(limb);
  encoder.u64(count_);
}

void MultisetHash::decode(BytesView raw) {
  KV_CHECK(raw.size() == kEncodedSize, "an encoded sum has 72 bytes");
  Decoder decoder(raw);
  for (std::uint64_t& limb : sum_) limb = decoder.u64();
  count_ = decoder.u64();
}

}  // namespace kvcluster
