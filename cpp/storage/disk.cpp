#include "storage/disk.hpp"

#include <fmt/format.h>

namespace kvcluster::storage {

Status replace_file(Disk& disk, const std::string& name, BytesView bytes) {
  const std::string fresh = name + ".new";
  {
    auto file = disk.open(fresh, OpenMode::kCreateNew);
    if (!file) return std::unexpected(std::move(file).error());
    KV_TRY((*file)->write_at(0, bytes));
    KV_TRY((*file)->sync_data());
  }
  KV_TRY(disk.rename(fresh, name));
  const Status synced = disk.sync_directory("");
  // The new name stands already, so this is no refusal that leaves things as they were.
  if (!synced) return fail(ErrorCode::kIo, synced.error().context);
  return {};
}

Result<Bytes> read_file(Disk& disk, const std::string& name, std::size_t max_bytes) {
  auto file = disk.open(name, OpenMode::kExisting);
  if (!file) return std::unexpected(std::move(file).error());
  const auto size = (*file)->size();
  if (!size) return std::unexpected(size.error());
  if (*size > max_bytes) {
    return fail(ErrorCode::kLimitExceeded,
                fmt::format("{} has {} bytes, more than the {} expected", name, *size, max_bytes));
  }
  Bytes bytes(static_cast<std::size_t>(*size), '\0');
  const auto count = (*file)->read_at(0, bytes);
  if (!count) return std::unexpected(count.error());
  bytes.resize(*count);
  return bytes;
}

}  // namespace kvcluster::storage
