#include "storage/checkpoint.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <string_view>
#include <utility>

#include "base/check.hpp"
#include "base/codec.hpp"
#include "base/crc32c.hpp"
#include "storage/page_check.hpp"
#include "storage/set_aside.hpp"

namespace kvcluster::storage {
namespace {

constexpr std::uint16_t kMetaVersion = 2;
constexpr const char* kCurrent = "CURRENT";
constexpr std::string_view kPrefix = "checkpoint-";
constexpr std::size_t kMaxCurrentBytes = 64;

std::string name_of(std::uint64_t number) { return fmt::format("{}{}", kPrefix, number); }

std::optional<std::uint64_t> number_of(std::string_view name) {
  if (!name.starts_with(kPrefix)) return std::nullopt;
  name.remove_prefix(kPrefix.size());
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), number);
  if (error != std::errc{} || end != name.data() + name.size()) return std::nullopt;
  return number;
}

// "checkpoint-<n> <crc32c of the name, 8 hex digits>\n": readable, and damage is noticed.
std::string current_line(std::uint64_t number) {
  const std::string name = name_of(number);
  return fmt::format("{} {:08x}\n", name, crc32c(name));
}

Result<std::uint64_t> read_current(Disk& disk) {
  const auto line = read_file(disk, kCurrent, kMaxCurrentBytes);
  if (!line) return std::unexpected(line.error());
  const auto number = number_of(std::string_view(*line).substr(0, line->find(' ')));
  if (!number || *line != current_line(*number)) {
    return fail(ErrorCode::kCorruption, fmt::format("{} does not name a checkpoint"
                                                    "",
                                                    kCurrent));
  }
  return *number;
}

}  // namespace

void encode(const CheckpointMeta& meta, Bytes& out) {
  Encoder encoder(out);
  encoder.u16(kMetaVersion);
  encoder.u64(meta.applied.term.value());
  encoder.u64(meta.applied.index.value());
  Bytes configuration;
  raft::encode(meta.configuration, configuration);
  encoder.bytes(configuration);
  encoder.bytes(meta.state_machine);
}

Result<CheckpointMeta> decode_checkpoint_meta(BytesView in) {
  Decoder decoder(in);
  if (const std::uint16_t version = decoder.u16(); decoder.ok() && version != kMetaVersion) {
    return fail(
        ErrorCode::kVersionMismatch,
        fmt::format("the checkpoint has format {}, this program knows {}", version, kMetaVersion));
  }
  CheckpointMeta meta;
  meta.applied.term = Term(decoder.u64());
  meta.applied.index = Index(decoder.u64());
  const BytesView configuration = decoder.bytes();
  meta.state_machine = Bytes(decoder.bytes());
  if (!decoder.finished()) {
    return fail(ErrorCode::kCorruption, "the checkpoint's meta record is malformed");
  }
  auto decoded = raft::decode_configuration(configuration);
  if (!decoded) return std::unexpected(std::move(decoded).error());
  meta.configuration = std::move(*decoded);
  return meta;
}

CheckpointStore::CheckpointStore(Disk& disk, std::string path, const EnvironmentOptions& options)
    : disk_(disk), path_(std::move(path)), options_(options) {}

std::string CheckpointStore::path_of(std::uint64_t number) const {
  return path_ + "/" + name_of(number);
}

Status CheckpointStore::create(Disk& disk, const std::string& path,
                               const EnvironmentOptions& options) {
  const auto named = disk.exists(kCurrent);
  if (!named) return std::unexpected(named.error());
  if (*named) {
    const auto existing = open(disk, path, options);
    if (!existing) return std::unexpected(existing.error());
    if (!(*existing)->meta()) return {};
    return fail(ErrorCode::kCorruption,
                fmt::format("{} holds a checkpoint, but no identity file; restore it", path));
  }
  CheckpointStore store(disk, path, options);
  KV_TRY(store.remove_leftovers(0));
  const auto first = store.make_successor();
  if (!first) return std::unexpected(first.error());
  return store.name_current((*first)->number());
}

Result<std::unique_ptr<CheckpointStore>> CheckpointStore::open(Disk& disk, const std::string& path,
                                                               const EnvironmentOptions& options) {
  std::unique_ptr<CheckpointStore> store(new CheckpointStore(disk, path, options));
  const auto named = disk.exists(kCurrent);
  if (!named) return std::unexpected(named.error());
  if (!*named) {
    return fail(ErrorCode::kCorruption,
                fmt::format("{}/{} is missing: it names the checkpoint; restore it or replace this "
                            "node as a new member",
                            path, kCurrent));
  }
  const auto number = read_current(disk);
  if (!number) return std::unexpected(number.error());
  KV_TRY(store->remove_leftovers(*number));
  const auto present = disk.exists(fmt::format("{}/{}", name_of(*number), kPagesFile));
  if (!present) return std::unexpected(present.error());
  if (!*present) {
    return fail(ErrorCode::kCorruption,
                fmt::format("{} names {}, which is missing; restore it or replace this node as a "
                            "new member",
                            kCurrent, name_of(*number)));
  }
  // Before LMDB follows the first pointer.
  const auto checked = check_pages(disk, fmt::format("{}/{}", name_of(*number), kPagesFile));
  if (!checked) return std::unexpected(checked.error());
  auto environment = Environment::open(store->path_of(*number), *number, options);
  if (!environment) return std::unexpected(std::move(environment).error());
  store->environment_ = std::move(*environment);
  auto view = ReadTransaction::begin(store->environment_);
  if (!view) return std::unexpected(std::move(view).error());
  if (const auto meta = view->meta()) {
    auto decoded = decode_checkpoint_meta(*meta);
    if (!decoded) return std::unexpected(std::move(decoded).error());
    store->meta_ = std::move(*decoded);
  }
  return store;
}

Result<std::unique_ptr<CheckpointStore>> CheckpointStore::begin_anew(
    Disk& disk, const std::string& path, const EnvironmentOptions& options) {
  std::unique_ptr<CheckpointStore> store(new CheckpointStore(disk, path, options));
  const auto present = store->numbers();
  if (!present) return std::unexpected(present.error());
  const std::uint64_t number = present->empty() ? 1 : std::ranges::max(*present) + 1;
  auto environment = store->make_environment(number);
  if (!environment) return std::unexpected(std::move(environment).error());
  store->environment_ = std::move(*environment);
  KV_TRY(store->name_current(number));
  for (const std::uint64_t old : *present) {
    const auto kept = set_aside_checkpoint(disk, name_of(old));
    if (!kept) return std::unexpected(kept.error());
  }
  KV_TRY(store->remove_leftovers(number));
  return store;
}

Status CheckpointStore::write(const CheckpointJob& job) {
  if (job.environment != environment_->number()) return {};  // superseded by a snapshot
  // Only a state that was given up and built anew from nothing may stand at an older entry.
  KV_CHECK(!meta_ || job.frozen->hides_below() || job.meta.applied.index >= meta_->applied.index,
           "checkpoints never go back");
  auto transaction = WriteTransaction::begin(*environment_);
  if (!transaction) return std::unexpected(std::move(transaction).error());
  for (std::size_t i = 0; i < kv::kSpaceCount; ++i) {
    const auto space = static_cast<kv::Space>(i);
    if (job.frozen->hides_below()) KV_TRY(transaction->clear(space));
    for (const auto& [key, cell] : job.frozen->map(space)) {
      KV_TRY(cell->erased() ? transaction->erase(space, key)
                            : transaction->put(space, key, cell->value()));
    }
  }
  Bytes meta;
  encode(job.meta, meta);
  KV_TRY(transaction->put_meta(meta));
  KV_TRY(transaction->commit());
  meta_ = job.meta;
  return {};
}

Result<std::shared_ptr<Environment>> CheckpointStore::make_successor() {
  return make_environment(environment_ ? environment_->number() + 1 : 1);
}

Result<std::shared_ptr<Environment>> CheckpointStore::make_environment(std::uint64_t number) {
  KV_TRY(remove_environment(number));
  KV_TRY(disk_.make_directory(name_of(number)));
  auto environment = Environment::open(path_of(number), number, options_);
  if (!environment) return environment;
  // LMDB syncs its data, but not the directories that name it.
  KV_TRY(disk_.sync_directory(name_of(number)));
  KV_TRY(disk_.sync_directory(""));
  return environment;
}

Status CheckpointStore::switch_to(std::shared_ptr<Environment> successor) {
  std::optional<CheckpointMeta> meta;
  {
    auto view = ReadTransaction::begin(successor);
    if (!view) return std::unexpected(std::move(view).error());
    const auto raw = view->meta();
    KV_CHECK(raw.has_value(), "only a complete environment takes the place of another");
    auto decoded = decode_checkpoint_meta(*raw);
    if (!decoded) return std::unexpected(std::move(decoded).error());
    meta = std::move(*decoded);
  }
  KV_TRY(name_current(successor->number()));
  const std::uint64_t old = environment_->number();
  environment_ = std::move(successor);
  meta_ = std::move(meta);
  // Who still reads the old files keeps them open; their names are not needed any more. What
  // cannot be removed now is removed at the next start.
  static_cast<void>(remove_environment(old));
  return {};
}

void CheckpointStore::discard_successor(std::uint64_t number) {
  KV_CHECK(number != environment_->number(), "the current checkpoint stays");
  // What cannot be removed now is removed by the next attempt, or at the next start.
  static_cast<void>(remove_environment(number));
}

Status CheckpointStore::name_current(std::uint64_t number) {
  return replace_file(disk_, kCurrent, current_line(number));
}

Status CheckpointStore::remove_environment(std::uint64_t number) {
  const std::string name = name_of(number);
  const auto present = disk_.exists(name);
  if (!present) return std::unexpected(present.error());
  if (!*present) return {};
  const auto files = disk_.list(name);
  if (!files) return std::unexpected(files.error());
  for (const std::string& file : *files) KV_TRY(disk_.remove(fmt::format("{}/{}", name, file)));
  KV_TRY(disk_.remove(name));
  return disk_.sync_directory("");
}

Result<std::vector<std::uint64_t>> CheckpointStore::numbers() const {
  const auto names = disk_.list("");
  if (!names) return std::unexpected(names.error());
  std::vector<std::uint64_t> numbers;
  for (const std::string& name : *names) {
    if (const auto number = number_of(name)) numbers.push_back(*number);
  }
  return numbers;
}

Status CheckpointStore::remove_leftovers(std::uint64_t keep) {
  const auto present = numbers();
  if (!present) return std::unexpected(present.error());
  for (const std::uint64_t number : *present) {
    if (number != keep) KV_TRY(remove_environment(number));
  }
  return {};
}

}  // namespace kvcluster::storage
