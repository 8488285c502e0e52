#include "server/hash_slot.hpp"

#include <array>

namespace kvcluster::server {
namespace {

constexpr std::uint16_t kPolynomial = 0x1021;

constexpr std::array<std::uint16_t, 256> make_table() {
  std::array<std::uint16_t, 256> table{};
  for (unsigned byte = 0; byte < 256; ++byte) {
    unsigned crc = byte << 8U;
    for (int bit = 0; bit < 8; ++bit) {
      crc = (crc & 0x8000U) != 0 ? (crc << 1U) ^ kPolynomial : crc << 1U;
    }
    table[byte] = static_cast<std::uint16_t>(crc & 0xFFFFU);
  }
  return table;
}

constexpr std::array<std::uint16_t, 256> kTable = make_table();

std::uint16_t crc16(BytesView bytes) {
  std::uint16_t crc = 0;
  for (const char c : bytes) {
    const auto at = static_cast<std::uint8_t>((crc >> 8U) ^ static_cast<std::uint8_t>(c));
    crc = static_cast<std::uint16_t>((crc << 8U) ^ kTable[at]);
  }
  return crc;
}

}  // namespace

std::uint16_t hash_slot(BytesView key) {
  const std::size_t open = key.find('{');
  if (open != BytesView::npos) {
    const std::size_t close = key.find('}', open + 1);
    if (close != BytesView::npos && close > open + 1) {
      key = key.substr(open + 1, close - open - 1);
    }
  }
  return crc16(key) % kHashSlots;
}

}  // namespace kvcluster::server
