#include "server/repair_mark.hpp"

#include <array>
#include <string>

#include "base/codec.hpp"
#include "base/crc32c.hpp"

namespace kvcluster::server {

namespace {

// "KVRP", u16 version, u64 term, u64 index, bytes configuration, bytes genesis, u32 CRC-32C of all
// before it. Little-endian; `bytes` is a varint length and so many bytes.
constexpr BytesView kMagic = "KVRP";
constexpr std::uint16_t kVersion = 1;
constexpr std::size_t kMaxBytes = 1U << 20U;

Result<RepairMark> decode(BytesView in) {
  const auto damaged = [] {
    return fail(ErrorCode::kCorruption, std::string(kRepairMarkFile) +
                                            ": the file is damaged; restore the data directory, "
                                            "or replace this node as a new member");
  };
  if (in.size() < sizeof(std::uint32_t)) return damaged();
  Decoder sum(in.substr(in.size() - sizeof(std::uint32_t)));
  in.remove_suffix(sizeof(std::uint32_t));
  if (sum.u32() != crc32c(in)) return damaged();
  Decoder decoder(in);
  if (decoder.raw(kMagic.size()) != kMagic) return damaged();
  if (decoder.u16() != kVersion) {
    return fail(ErrorCode::kVersionMismatch,
                std::string(kRepairMarkFile) + ": written by a newer version");
  }
  RepairMark mark;
  mark.floor.term = Term(decoder.u64());
  mark.floor.index = Index(decoder.u64());
  auto configuration = raft::decode_configuration(decoder.bytes());
  auto genesis = replica::decode_genesis(decoder.bytes());
  if (!decoder.finished() || !configuration || !genesis) return damaged();
  mark.configuration = std::move(*configuration);
  mark.genesis = std::move(*genesis);
  return mark;
}

}  // namespace

Status write_repair_mark(storage::Disk& disk, const RepairMark& mark) {
  Bytes configuration;
  raft::encode(mark.configuration, configuration);
  Bytes genesis;
  replica::encode(mark.genesis, genesis);
  Bytes out;
  Encoder encoder(out);
  encoder.raw(kMagic);
  encoder.u16(kVersion);
  encoder.u64(mark.floor.term.value());
  encoder.u64(mark.floor.index.value());
  encoder.bytes(configuration);
  encoder.bytes(genesis);
  encoder.u32(crc32c(out));
  return storage::replace_file(disk, kRepairMarkFile, out);
}

Result<std::optional<RepairMark>> read_repair_mark(storage::Disk& disk) {
  auto bytes = storage::read_file(disk, kRepairMarkFile, kMaxBytes);
  if (!bytes) {
    if (bytes.error().code == ErrorCode::kNotFound) return std::optional<RepairMark>();
    return std::unexpected(std::move(bytes).error());
  }
  auto mark = decode(*bytes);
  if (!mark) return std::unexpected(std::move(mark).error());
  return std::optional<RepairMark>(std::move(*mark));
}

Status remove_repair_mark(storage::Disk& disk) {
  KV_TRY(disk.remove(kRepairMarkFile));
  return disk.sync_directory("");
}

}  // namespace kvcluster::server
