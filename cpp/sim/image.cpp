#include "sim/image.hpp"

#include <utility>
#include <vector>

#include "base/check.hpp"
#include "base/codec.hpp"
#include "base/digest.hpp"
#include "base/mutant.hpp"
#include "replica/genesis.hpp"

namespace kvcluster::sim {
namespace {

constexpr std::size_t kDigestBytes = 32;

raft::Configuration configuration_of(const kv::StateMachine& state) {
  if (const BytesView payload = state.configuration_payload(); !payload.empty()) {
    auto decoded = raft::decode_configuration(payload);
    KV_CHECK(decoded, "a configuration in the state is readable");
    return std::move(*decoded);
  }
  auto genesis = replica::decode_genesis(state.genesis_payload());
  KV_CHECK(genesis, "the genesis in the state is readable");
  return std::move(genesis->configuration);
}

}  // namespace

std::shared_ptr<const Image> image_of(const kv::StateMachine& state, const kv::MapTable& table,
                                      bool digest_wrong) {
  auto image = std::make_shared<Image>(Image{.last = {state.applied_term(), state.applied()},
                                             .configuration = configuration_of(state),
                                             .meta = {},
                                             .table = table,
                                             .digest_wrong = digest_wrong});
  state.encode_meta(image->meta);
  return image;
}

Bytes snapshot_of(const Image& image) {
  Bytes stream;
  Encoder encoder(stream);
  encoder.u64(image.last.term.value());
  encoder.u64(image.last.index.value());
  Bytes configuration;
  raft::encode(image.configuration, configuration);
  encoder.bytes(configuration);
  encoder.bytes(image.meta);
  for (std::size_t space = 0; space < kv::kSpaceCount; ++space) {
    const auto which = static_cast<kv::Space>(space);
    if (which == kv::Space::kSession && mutated(Mutant::kSessionsNotInSnapshot)) continue;
    image.table.scan(which, {}, [&](BytesView key, BytesView value) {
      encoder.u8(static_cast<std::uint8_t>(space));
      encoder.bytes(key);
      encoder.bytes(value);
      return true;
    });
  }
  const Digest digest = blake2b_256(stream);
  stream.append(digest.view());
  return stream;
}

Result<std::shared_ptr<Image>> read_snapshot(BytesView stream) {
  const auto corrupt = [] { return fail(ErrorCode::kCorruption, "the snapshot is damaged"); };
  if (stream.size() < kDigestBytes) return corrupt();
  const BytesView body = stream.substr(0, stream.size() - kDigestBytes);
  if (blake2b_256(body).view() != stream.substr(body.size())) return corrupt();
  auto image = std::make_shared<Image>();
  Decoder decoder(body);
  const Term term(decoder.u64());
  image->last = {term, Index(decoder.u64())};
  auto configuration = raft::decode_configuration(decoder.bytes());
  if (!configuration) return corrupt();
  image->configuration = std::move(*configuration);
  image->meta = Bytes(decoder.bytes());
  while (decoder.ok() && !decoder.finished()) {
    const std::uint8_t space = decoder.u8();
    const BytesView key = decoder.bytes();
    const BytesView value = decoder.bytes();
    if (!decoder.ok() || space >= kv::kSpaceCount) return corrupt();
    image->table.put(static_cast<kv::Space>(space), key, value);
  }
  if (!decoder.finished()) return corrupt();
  return image;
}

std::shared_ptr<const Image> damaged(const Image& image, std::uint64_t where) {
  std::vector<std::pair<Bytes, Bytes>> records;
  image.table.scan(kv::Space::kData, {}, [&](BytesView key, BytesView value) {
    records.emplace_back(key, value);
    return true;
  });
  if (records.empty()) return nullptr;
  auto& [key, value] = records[static_cast<std::size_t>(where % records.size())];
  if (value.empty()) return nullptr;
  char& byte = value[static_cast<std::size_t>((where / 64) % value.size())];
  byte = static_cast<char>(static_cast<unsigned char>(byte) ^ (1U << (where % 8)));
  auto copy = std::make_shared<Image>(image);
  copy->table.put(kv::Space::kData, key, value);
  copy->damaged = true;
  return copy;
}

}  // namespace kvcluster::sim
