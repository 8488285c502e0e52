#include "storage/set_aside.hpp"

#include <fmt/format.h>

#include <string_view>
#include <utility>
#include <vector>

#include "storage/wal_recovery.hpp"

namespace kvcluster::storage {
namespace {

constexpr std::string_view kPrefix = "damaged-";

// Names in a directory that stand aside.
Result<std::vector<std::string>> aside_in(Disk& disk, const std::string& directory) {
  const auto present = directory.empty() ? Result<bool>(true) : disk.exists(directory);
  if (!present) return std::unexpected(present.error());
  if (!*present) return std::vector<std::string>{};
  auto names = disk.list(directory);
  if (names)
    std::erase_if(*names, [](const std::string& name) { return !name.starts_with(kPrefix); });
  return names;
}

}  // namespace

Status set_aside_log(Disk& disk, std::uint64_t newest) {
  const auto aside = aside_in(disk, kWalDirectory);
  if (!aside) return std::unexpected(aside.error());
  if (!aside->empty()) return {};
  const auto sequences = list_segments(disk);
  if (!sequences) return std::unexpected(sequences.error());
  for (const std::uint64_t sequence : *sequences) {
    if (sequence >= newest) continue;
    KV_TRY(disk.rename(segment_name(sequence),
                       fmt::format("{}/{}segment-{:010}", kWalDirectory, kPrefix, sequence)));
  }
  return disk.sync_directory(kWalDirectory);
}

Result<bool> set_aside_checkpoint(Disk& disk, const std::string& name) {
  const auto aside = aside_in(disk, "");
  if (!aside) return std::unexpected(aside.error());
  if (!aside->empty()) return false;
  KV_TRY(disk.rename(name, fmt::format("{}{}", kPrefix, name)));
  KV_TRY(disk.sync_directory(""));
  return true;
}

Status discard_set_aside(Disk& disk) {
  const auto segments = aside_in(disk, kWalDirectory);
  if (!segments) return std::unexpected(segments.error());
  for (const std::string& name : *segments) {
    KV_TRY(disk.remove(fmt::format("{}/{}", kWalDirectory, name)));
  }
  if (!segments->empty()) KV_TRY(disk.sync_directory(kWalDirectory));
  const auto checkpoints = aside_in(disk, "");
  if (!checkpoints) return std::unexpected(checkpoints.error());
  for (const std::string& directory : *checkpoints) {
    const auto files = disk.list(directory);
    if (!files) return std::unexpected(files.error());
    for (const std::string& file : *files) {
      KV_TRY(disk.remove(fmt::format("{}/{}", directory, file)));
    }
    KV_TRY(disk.remove(directory));
  }
  return checkpoints->empty() ? Status{} : disk.sync_directory("");
}

}  // namespace kvcluster::storage
