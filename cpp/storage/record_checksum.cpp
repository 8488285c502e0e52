#include "storage/record_checksum.hpp"

#include <cstring>

#include "base/crc32c.hpp"

namespace kvcluster::storage {

std::uint32_t record_checksum(std::uint8_t space, BytesView key, BytesView value) {
  const char place[] = {static_cast<char>(space), static_cast<char>(key.size() & 0xFF),
                        static_cast<char>(key.size() >> 8U)};
  return crc32c(value, crc32c(key, crc32c(BytesView(place, sizeof(place)))));
}

std::optional<BytesView> checked_value(std::uint8_t space, BytesView key, BytesView stored) {
  if (stored.size() < kRecordChecksumBytes) return std::nullopt;
  const BytesView value = stored.substr(0, stored.size() - kRecordChecksumBytes);
  std::uint32_t checksum = 0;
  std::memcpy(&checksum, stored.data() + value.size(), sizeof(checksum));
  if (checksum != record_checksum(space, key, value)) return std::nullopt;
  return value;
}

}  // namespace kvcluster::storage
