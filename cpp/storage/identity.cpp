#include "storage/identity.hpp"

#include <fmt/format.h>

#include <cstring>

#include "base/codec.hpp"
#include "base/crc32c.hpp"

namespace kvcluster::storage {
namespace {

constexpr BytesView kMagic = "KVID";
constexpr std::uint16_t kVersion = 1;

template <typename Array>
BytesView view_of(const Array& bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace

void encode(const Identity& identity, Bytes& out) {
  Bytes checked;
  Encoder encoder(checked);
  encoder.u16(kVersion);
  encoder.u16(0);
  encoder.u64(identity.node.value());
  encoder.raw(view_of(identity.incarnation));
  encoder.raw(view_of(identity.cluster));
  Encoder whole(out);
  whole.raw(kMagic);
  whole.u32(crc32c(checked));
  whole.raw(checked);
}

Result<Identity> decode_identity(BytesView in) {
  Decoder decoder(in);
  if (in.size() < kIdentityBytes || decoder.raw(kMagic.size()) != kMagic ||
      decoder.u32() != crc32c(in.substr(8))) {
    return fail(ErrorCode::kCorruption,
                "the identity file is damaged; restore it or replace this node as a new member");
  }
  if (const std::uint16_t version = decoder.u16(); version != kVersion) {
    return fail(ErrorCode::kVersionMismatch,
                fmt::format("the data directory has format {}, this program knows {}; start the "
                            "program version that wrote it",
                            version, kVersion));
  }
  decoder.u16();
  Identity identity;
  identity.node = NodeId(decoder.u64());
  std::memcpy(identity.incarnation.data(), decoder.raw(16).data(), 16);
  std::memcpy(identity.cluster.data(), decoder.raw(16).data(), 16);
  if (!decoder.finished()) return fail(ErrorCode::kCorruption, "the identity file is too long");
  return identity;
}

}  // namespace kvcluster::storage
