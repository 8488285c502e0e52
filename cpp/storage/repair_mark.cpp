#include "storage/repair_mark.hpp"

#include <string>

#include "base/codec.hpp"
#include "base/crc32c.hpp"

namespace kvcluster::storage {

namespace {

// docs/format.md, "REPAIR".
constexpr BytesView kMagic = "KVRP";
constexpr std::uint16_t kVersion = 1;
constexpr std::size_t kMaxBytes = 1U << 20U;

Result<RepairMark> decode(BytesView in) {
  const auto damaged = [] {
    return fail(ErrorCode::kCorruption, std::string(kRepairMarkFile) +
                                            ": the file (offset 0) is damaged, and with it "
                                            "what this node has acknowledged; restore it, or "
                                            "replace this node as a new member");
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
  mark.genesis = Bytes(decoder.bytes());
  mark.cause = std::string(decoder.bytes());
  if (!decoder.finished() || !configuration) return damaged();
  mark.configuration = std::move(*configuration);
  return mark;
}

}  // namespace

Status write_repair_mark(Disk& disk, const RepairMark& mark) {
  Bytes configuration;
  raft::encode(mark.configuration, configuration);
  Bytes out;
  Encoder encoder(out);
  encoder.raw(kMagic);
  encoder.u16(kVersion);
  encoder.u64(mark.floor.term.value());
  encoder.u64(mark.floor.index.value());
  encoder.bytes(configuration);
  encoder.bytes(mark.genesis);
  encoder.bytes(mark.cause);
  encoder.u32(crc32c(out));
  return replace_file(disk, kRepairMarkFile, out);
}

Result<std::optional<RepairMark>> read_repair_mark(Disk& disk) {
  auto bytes = read_file(disk, kRepairMarkFile, kMaxBytes);
  if (!bytes) {
    if (bytes.error().code == ErrorCode::kNotFound) return std::optional<RepairMark>();
    return std::unexpected(std::move(bytes).error());
  }
  auto mark = decode(*bytes);
  if (!mark) return std::unexpected(std::move(mark).error());
  return std::optional<RepairMark>(std::move(*mark));
}

Status remove_repair_mark(Disk& disk) {
  KV_TRY(disk.remove(kRepairMarkFile));
  return disk.sync_directory("");
}

}  // namespace kvcluster::storage
