#include "replica/genesis.hpp"

#include <algorithm>
#include <string>

#include "base/codec.hpp"

namespace kvcluster::replica {
namespace {

constexpr std::uint8_t kGenesisVersion = 1;

template <std::size_t N>
BytesView view_of(const std::array<std::uint8_t, N>& bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), N};
}

template <std::size_t N>
void read_into(Decoder& decoder, std::array<std::uint8_t, N>& bytes) {
  const BytesView raw = decoder.raw(N);
  if (raw.size() == N) std::copy(raw.begin(), raw.end(), bytes.begin());
}

}  // namespace

void encode(const Genesis& genesis, Bytes& out) {
  Encoder encoder(out);
  encoder.u8(kGenesisVersion);
  encoder.raw(view_of(genesis.cluster_id));
  encoder.raw(view_of(genesis.hash_key));
  Bytes members;
  raft::encode(genesis.configuration, members);
  encoder.bytes(members);
}

Result<Genesis> decode_genesis(BytesView in) {
  Decoder decoder(in);
  if (decoder.u8() != kGenesisVersion) {
    return fail(ErrorCode::kVersionMismatch,
                "the genesis has a format that this version does not know");
  }
  Genesis genesis;
  read_into(decoder, genesis.cluster_id);
  read_into(decoder, genesis.hash_key);
  const BytesView members = decoder.bytes();
  if (!decoder.finished()) return fail(ErrorCode::kCorruption, "the genesis is malformed");
  auto configuration = raft::decode_configuration(members);
  if (!configuration) return std::unexpected(std::move(configuration).error());
  genesis.configuration = std::move(*configuration);
  return genesis;
}

std::string to_hex(const std::array<std::uint8_t, 16>& id) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  text.reserve(2 * id.size());
  for (const std::uint8_t byte : id) {
    text.push_back(kDigits[byte >> 4U]);
    text.push_back(kDigits[byte & 0xFU]);
  }
  return text;
}

}  // namespace kvcluster::replica
