// Every value in a checkpoint ends with a checksum over where it belongs and what it is: LMDB's
// pages have none.
#pragma once

#include <cstdint>
#include <optional>

#include "base/bytes.hpp"

namespace kvcluster::storage {

inline constexpr std::size_t kRecordChecksumBytes = 4;
// In place of a kv::Space, for the meta record.
inline constexpr std::uint8_t kMetaSpace = 0xFF;

// Of a key and its value in a space. docs/format.md, "Checkpoint".
[[nodiscard]] std::uint32_t record_checksum(std::uint8_t space, BytesView key, BytesView value);

// The value in what is stored; nullopt when it is not the one that was written there.
[[nodiscard]] std::optional<BytesView> checked_value(std::uint8_t space, BytesView key,
                                                     BytesView stored);

}  // namespace kvcluster::storage
