// Little-endian encoding into a byte string, and bounded decoding out of one.
#pragma once

#include <bit>
#include <concepts>
#include <cstdint>
#include <cstring>

#include "base/bytes.hpp"

namespace kvcluster {

static_assert(std::endian::native == std::endian::little, "formats are little-endian");

// Appends to a byte string that it does not own.
class Encoder {
 public:
  explicit Encoder(Bytes& out) : out_(out) {}

  template <std::unsigned_integral T>
  void fixed(T value) {
    char raw[sizeof(T)];
    std::memcpy(raw, &value, sizeof(T));
    out_.append(raw, sizeof(T));
  }
  void u8(std::uint8_t value) { fixed(value); }
  void u16(std::uint16_t value) { fixed(value); }
  void u32(std::uint32_t value) { fixed(value); }
  void u64(std::uint64_t value) { fixed(value); }
  void boolean(bool value) { u8(value ? 1 : 0); }
  // LEB128, at most 10 bytes.
  void varint(std::uint64_t value) {
    while (value >= 0x80) {
      out_.push_back(static_cast<char>(static_cast<std::uint8_t>(value) | 0x80U));
      value >>= 7U;
    }
    out_.push_back(static_cast<char>(value));
  }
  // Without a length.
  void raw(BytesView bytes) { out_.append(bytes); }
  // A varint length, then the bytes.
  void bytes(BytesView value) {
    varint(value.size());
    raw(value);
  }
  [[nodiscard]] std::size_t size() const { return out_.size(); }

 private:
  Bytes& out_;
};

// Reads from a byte string that it does not own. The first read past the end (or a malformed
// varint or boolean) makes the decoder bad; every later read yields zero or empty. Check ok() once,
// at the end.
class Decoder {
 public:
  explicit Decoder(BytesView in) : in_(in) {}

  template <std::unsigned_integral T>
  T fixed() {
    T value{};
    if (!take(sizeof(T))) return value;
    std::memcpy(&value, in_.data() + at_ - sizeof(T), sizeof(T));
    return value;
  }
  std::uint8_t u8() { return fixed<std::uint8_t>(); }
  std::uint16_t u16() { return fixed<std::uint16_t>(); }
  std::uint32_t u32() { return fixed<std::uint32_t>(); }
  std::uint64_t u64() { return fixed<std::uint64_t>(); }
  bool boolean() {
    const std::uint8_t value = u8();
    if (value > 1) ok_ = false;
    return ok_ && value == 1;
  }
  std::uint64_t varint() {
    std::uint64_t value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
      const std::uint8_t byte = u8();
      if (!ok_) return 0;
      if (shift == 63 && byte > 1) break;  // more than 64 bits
      value |= static_cast<std::uint64_t>(byte & 0x7FU) << shift;
      if ((byte & 0x80U) == 0) return value;
    }
    ok_ = false;
    return 0;
  }
  BytesView raw(std::size_t size) {
    if (!take(size)) return {};
    return in_.substr(at_ - size, size);
  }
  BytesView bytes() {
    const std::uint64_t size = varint();
    if (size > remaining()) {
      ok_ = false;
      return {};
    }
    return raw(static_cast<std::size_t>(size));
  }

  [[nodiscard]] bool ok() const { return ok_; }
  [[nodiscard]] std::size_t remaining() const { return ok_ ? in_.size() - at_ : 0; }
  // True when all was read and nothing was wrong.
  [[nodiscard]] bool finished() const { return ok_ && at_ == in_.size(); }
  void mark_bad() { ok_ = false; }

 private:
  bool take(std::size_t size) {
    if (!ok_ || size > in_.size() - at_) {
      ok_ = false;
      return false;
    }
    at_ += size;
    return true;
  }

  BytesView in_;
  std::size_t at_ = 0;
  bool ok_ = true;
};

}  // namespace kvcluster
