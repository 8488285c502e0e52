// The byte stream of a snapshot: header, records in order, trailer with counts and digest.
// docs/format.md, "Snapshot stream".
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "base/bytes.hpp"
#include "base/digest.hpp"
#include "base/result.hpp"
#include "kv/table.hpp"
#include "storage/checkpoint.hpp"
#include "storage/identity.hpp"

namespace kvcluster::storage {

inline constexpr std::array<char, 4> kSnapshotMagic = {'K', 'V', 'S', 'N'};
inline constexpr std::uint16_t kSnapshotVersion = 1;
inline constexpr std::size_t kSnapshotPrefixBytes = 32;  // up to and with the meta's length
inline constexpr std::size_t kMaxSnapshotMetaBytes = 16U << 20U;
inline constexpr std::size_t kMaxSnapshotValueBytes = 64U << 20U;
inline constexpr std::size_t kRecordPrefixBytes = 1 + 2 + 4;
inline constexpr std::uint8_t kTrailerTag = 0xFF;  // in the place of a record's space
inline constexpr std::size_t kTrailerBytes = 1 + 8 * kv::kSpaceCount + 32;

using SpaceCounts = std::array<std::uint64_t, kv::kSpaceCount>;

struct SnapshotRecord {
  kv::Space space = kv::Space::kData;
  BytesView key;
  BytesView value;
};

void encode_snapshot_header(const ClusterId& cluster, const CheckpointMeta& meta, Bytes& out);
void encode_snapshot_record(const SnapshotRecord& record, Bytes& out);
// All of the trailer but its last field, the digest of everything before that.
void encode_snapshot_counts(const SpaceCounts& counts, Bytes& out);

struct SnapshotHeader {
  ClusterId cluster{};
  CheckpointMeta meta;
};

// Each takes one item off the front of `in`; nullopt: more bytes are needed.
// Errors: kCorruption, kVersionMismatch.
[[nodiscard]] Result<std::optional<SnapshotHeader>> take_snapshot_header(BytesView& in);
[[nodiscard]] Result<std::optional<SnapshotRecord>> take_snapshot_record(BytesView& in);

}  // namespace kvcluster::storage
