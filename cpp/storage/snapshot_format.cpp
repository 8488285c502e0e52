#include "storage/snapshot_format.hpp"

#include <fmt/format.h>

#include <cstring>

#include "base/codec.hpp"

namespace kvcluster::storage {
namespace {

std::unexpected<Error> malformed(std::string_view what) {
  return fail(ErrorCode::kCorruption, fmt::format("the snapshot's stream is malformed: {}", what));
}

}  // namespace

void encode_snapshot_header(const ClusterId& cluster, const CheckpointMeta& meta, Bytes& out) {
  Bytes encoded;
  encode(meta, encoded);
  Encoder encoder(out);
  encoder.raw({kSnapshotMagic.data(), kSnapshotMagic.size()});
  encoder.u16(kSnapshotVersion);
  encoder.u16(0);
  encoder.raw({reinterpret_cast<const char*>(cluster.data()), cluster.size()});
  encoder.u32(0);
  encoder.u32(static_cast<std::uint32_t>(encoded.size()));
  encoder.raw(encoded);
}

void encode_snapshot_record(const SnapshotRecord& record, Bytes& out) {
  Encoder encoder(out);
  encoder.u8(static_cast<std::uint8_t>(record.space));
  encoder.u16(static_cast<std::uint16_t>(record.key.size()));
  encoder.u32(static_cast<std::uint32_t>(record.value.size()));
  encoder.raw(record.key);
  encoder.raw(record.value);
}

void encode_snapshot_counts(const SpaceCounts& counts, Bytes& out) {
  Encoder encoder(out);
  encoder.u8(kTrailerTag);
  for (const std::uint64_t count : counts) encoder.u64(count);
}

Result<std::optional<SnapshotHeader>> take_snapshot_header(BytesView& in) {
  if (in.size() < kSnapshotPrefixBytes) return std::nullopt;
  Decoder decoder(in);
  if (decoder.raw(kSnapshotMagic.size()) !=
      BytesView(kSnapshotMagic.data(), kSnapshotMagic.size())) {
    return malformed("it does not begin as a snapshot does");
  }
  if (const std::uint16_t version = decoder.u16(); version != kSnapshotVersion) {
    return fail(ErrorCode::kVersionMismatch,
                fmt::format("the snapshot has format {}, this program knows {}", version,
                            kSnapshotVersion));
  }
  decoder.u16();
  SnapshotHeader header;
  std::memcpy(header.cluster.data(), decoder.raw(header.cluster.size()).data(),
              header.cluster.size());
  decoder.u32();
  const std::size_t meta_size = decoder.u32();
  if (meta_size > kMaxSnapshotMetaBytes) return malformed("its meta record is too long");
  if (decoder.remaining() < meta_size) return std::nullopt;
  auto meta = decode_checkpoint_meta(decoder.raw(meta_size));
  if (!meta) return std::unexpected(std::move(meta).error());
  header.meta = std::move(*meta);
  in.remove_prefix(kSnapshotPrefixBytes + meta_size);
  return header;
}

Result<std::optional<SnapshotRecord>> take_snapshot_record(BytesView& in) {
  if (in.size() < kRecordPrefixBytes) return std::nullopt;
  Decoder decoder(in);
  const std::uint8_t space = decoder.u8();
  const std::size_t key_size = decoder.u16();
  const std::size_t value_size = decoder.u32();
  if (space >= kv::kSpaceCount) return malformed("a record of an unknown space");
  if (key_size == 0 || key_size > kv::kMaxKeyBytes) return malformed("a key of impossible size");
  if (value_size > kMaxSnapshotValueBytes) return malformed("a value of impossible size");
  if (decoder.remaining() < key_size + value_size) return std::nullopt;
  SnapshotRecord record;
  record.space = static_cast<kv::Space>(space);
  record.key = decoder.raw(key_size);
  record.value = decoder.raw(value_size);
  in.remove_prefix(kRecordPrefixBytes + key_size + value_size);
  return record;
}

}  // namespace kvcluster::storage
