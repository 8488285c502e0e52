#include "storage/environment.hpp"

#include <fmt/format.h>
#include <lmdb.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "base/check.hpp"
#include "storage/posix_disk.hpp"
#include "storage/record_checksum.hpp"

namespace kvcluster::storage {
namespace {

constexpr mdb_mode_t kFileMode = 0600;
constexpr unsigned int kMaxReaders = 64;
constexpr BytesView kMetaKey = "meta";
// Written to disk: never renamed.
constexpr std::array<const char*, kv::kSpaceCount> kSpaceNames = {"data", "session", "expiry",
                                                                  "stream"};
constexpr const char* kMetaName = "meta";

Error lmdb_error(const std::string& what, const std::string& path, int number) {
  const std::string where = fmt::format("{} {}", what, path);
  switch (number) {
    case MDB_MAP_FULL:
      return {ErrorCode::kLimitExceeded, fmt::format("{}: the map is full", where)};
    case MDB_READERS_FULL:
      return {ErrorCode::kLimitExceeded, fmt::format("{}: too many readers", where)};
    case MDB_VERSION_MISMATCH:
      return {ErrorCode::kVersionMismatch, fmt::format("{}: {}", where, ::mdb_strerror(number))};
    case MDB_CORRUPTED:
    case MDB_PAGE_NOTFOUND:
    case MDB_INVALID:
    case MDB_PANIC:
    case MDB_BAD_TXN:
      return {ErrorCode::kCorruption, fmt::format("{}: {}", where, ::mdb_strerror(number))};
    default:
      if (number > 0) return system_error(where, number);
      return {ErrorCode::kIo, fmt::format("{}: {}", where, ::mdb_strerror(number))};
  }
}

// Calls LMDB to change something. It says EIO of a write that stored only a part, as happens when a
// file system gets full in the middle of it; no call has failed then, and errno knows.
template <typename Change>
int changed(const Change& change) {
  errno = 0;
  const int failed = change();
  return failed == EIO && errno == 0 ? ENOSPC : failed;
}

MDB_val to_val(BytesView bytes) {
  // LMDB only reads keys and values that are given to it.
  return {bytes.size(), const_cast<char*>(bytes.data())};
}

BytesView to_view(const MDB_val& val) {
  return {static_cast<const char*>(val.mv_data), val.mv_size};
}

std::size_t position(kv::Space space) { return static_cast<std::size_t>(space); }
std::uint8_t number(kv::Space space) { return static_cast<std::uint8_t>(space); }

}  // namespace

std::optional<std::uint8_t> space_of_database(BytesView name) {
  if (name == kMetaName) return kMetaSpace;
  for (std::size_t i = 0; i < kSpaceNames.size(); ++i) {
    if (name == kSpaceNames[i]) return static_cast<std::uint8_t>(i);
  }
  return std::nullopt;
}

Environment::Environment(std::string path, std::uint64_t number, MDB_env* handle)
    : path_(std::move(path)), number_(number), handle_(handle) {}

Environment::~Environment() { ::mdb_env_close(handle_); }

Result<std::shared_ptr<Environment>> Environment::open(const std::string& path,
                                                       std::uint64_t number,
                                                       const EnvironmentOptions& options) {
  MDB_env* handle = nullptr;
  if (const int failed = ::mdb_env_create(&handle); failed != 0) {
    return std::unexpected(lmdb_error("cannot prepare", path, failed));
  }
  std::shared_ptr<Environment> environment(new Environment(path, number, handle));
  ::mdb_env_set_maxdbs(handle, kv::kSpaceCount + 1);
  ::mdb_env_set_maxreaders(handle, kMaxReaders);
  if (const int failed = ::mdb_env_set_mapsize(handle, options.map_bytes); failed != 0) {
    return std::unexpected(lmdb_error("cannot size the map of", path, failed));
  }
  // Default durability: a commit writes and syncs its data, then its meta page.
  if (const int failed = ::mdb_env_open(handle, path.c_str(), MDB_NOTLS, kFileMode); failed != 0) {
    return std::unexpected(lmdb_error("cannot open the checkpoint", path, failed));
  }
  KV_TRY(environment->open_databases());
  return environment;
}

Status Environment::open_databases() {
  MDB_txn* transaction = nullptr;
  if (const int failed = ::mdb_txn_begin(handle_, nullptr, 0, &transaction); failed != 0) {
    return std::unexpected(lmdb_error("cannot open the checkpoint", path_, failed));
  }
  int failed = ::mdb_dbi_open(transaction, kMetaName, MDB_CREATE, &meta_database_);
  for (std::size_t i = 0; i < kv::kSpaceCount && failed == 0; ++i) {
    failed = ::mdb_dbi_open(transaction, kSpaceNames[i], MDB_CREATE, &databases_[i]);
  }
  if (failed != 0) {
    ::mdb_txn_abort(transaction);
  } else {
    failed = ::mdb_txn_commit(transaction);
  }
  if (failed != 0) return std::unexpected(lmdb_error("cannot open the checkpoint", path_, failed));
  return {};
}

std::uint64_t Environment::map_bytes() const {
  MDB_envinfo info{};
  ::mdb_env_info(handle_, &info);
  return info.me_mapsize;
}

std::uint64_t Environment::used_bytes() const {
  MDB_envinfo info{};
  MDB_stat stat{};
  ::mdb_env_info(handle_, &info);
  ::mdb_env_stat(handle_, &stat);
  return (info.me_last_pgno + 1) * static_cast<std::uint64_t>(stat.ms_psize);
}

Status Environment::grow() {
  const std::scoped_lock lock(views_mutex_);
  if (views_ != 0) {
    return fail(ErrorCode::kBusy, fmt::format("cannot grow the map of {} while it is read", path_));
  }
  if (const int failed = ::mdb_env_set_mapsize(handle_, 2 * map_bytes()); failed != 0) {
    return std::unexpected(lmdb_error("cannot grow the map of", path_, failed));
  }
  return {};
}

// --- ReadTransaction

ReadTransaction::ReadTransaction(std::shared_ptr<Environment> environment, MDB_txn* transaction)
    : environment_(std::move(environment)), transaction_(transaction), holds_view_(true) {}

Result<ReadTransaction> ReadTransaction::begin(std::shared_ptr<Environment> environment) {
  MDB_txn* transaction = nullptr;
  {
    const std::scoped_lock lock(environment->views_mutex_);
    const int failed = ::mdb_txn_begin(environment->handle_, nullptr, MDB_RDONLY, &transaction);
    if (failed != 0) {
      return std::unexpected(lmdb_error("cannot read the checkpoint", environment->path_, failed));
    }
    ++environment->views_;
  }
  return ReadTransaction(std::move(environment), transaction);
}

ReadTransaction::~ReadTransaction() { end(); }

void ReadTransaction::end() {
  if (transaction_ == nullptr) return;
  release();
  ::mdb_txn_abort(std::exchange(transaction_, nullptr));
}

ReadTransaction::ReadTransaction(ReadTransaction&& other) noexcept
    : environment_(std::move(other.environment_)),
      transaction_(std::exchange(other.transaction_, nullptr)),
      holds_view_(std::exchange(other.holds_view_, false)),
      damage_(std::move(other.damage_)) {}

ReadTransaction& ReadTransaction::operator=(ReadTransaction&& other) noexcept {
  if (this == &other) return *this;
  end();
  environment_ = std::move(other.environment_);
  transaction_ = std::exchange(other.transaction_, nullptr);
  holds_view_ = std::exchange(other.holds_view_, false);
  damage_ = std::move(other.damage_);
  return *this;
}

void ReadTransaction::release() {
  if (!std::exchange(holds_view_, false)) return;
  const std::scoped_lock lock(environment_->views_mutex_);
  ::mdb_txn_reset(transaction_);
  --environment_->views_;
}

Status ReadTransaction::renew() {
  release();
  const std::scoped_lock lock(environment_->views_mutex_);
  if (const int failed = ::mdb_txn_renew(transaction_); failed != 0) {
    return std::unexpected(lmdb_error("cannot read the checkpoint", environment_->path_, failed));
  }
  holds_view_ = true;
  ++environment_->views_;
  return {};
}

std::optional<BytesView> ReadTransaction::get(kv::Space space, BytesView key) const {
  return find(environment_->databases_[position(space)], number(space), key);
}

std::optional<BytesView> ReadTransaction::meta() const {
  return find(environment_->meta_database_, kMetaSpace, kMetaKey);
}

std::optional<BytesView> ReadTransaction::find(unsigned int database, std::uint8_t space,
                                               BytesView key) const {
  KV_CHECK(holds_view_, "a transaction is read only while it holds a view");
  if (key.empty()) return std::nullopt;
  MDB_val key_val = to_val(key);
  MDB_val value{};
  const int failed = ::mdb_get(transaction_, database, &key_val, &value);
  if (failed == MDB_NOTFOUND || failed == MDB_BAD_VALSIZE) return std::nullopt;
  if (failed != 0) {
    note_damage(::mdb_strerror(failed));
    return std::nullopt;
  }
  const auto checked = checked_value(space, key, to_view(value));
  if (!checked) note_damage("a record does not have the checksum that was written with it");
  return checked;
}

void ReadTransaction::note_damage(std::string_view what) const {
  if (damage_.empty()) {
    damage_ = fmt::format("{}/{}: {}", environment_->path_, kPagesFile, what);
  }
}

void ReadTransaction::scan(kv::Space space, BytesView from,
                           const kv::Table::Visitor& visitor) const {
  ReadCursor cursor(*this, space);
  for (cursor.seek(from); cursor.valid(); cursor.next()) {
    if (!visitor(cursor.key(), cursor.value())) return;
  }
}

// --- ReadCursor

ReadCursor::ReadCursor(const ReadTransaction& transaction, kv::Space space)
    : transaction_(transaction), space_(space) {
  KV_CHECK(transaction.holds_view_, "a cursor lives inside a view");
  const int failed = ::mdb_cursor_open(
      transaction.transaction_, transaction.environment_->databases_[position(space)], &cursor_);
  KV_CHECK(failed == 0, "a cursor can be opened in an open transaction");
}

ReadCursor::~ReadCursor() { ::mdb_cursor_close(cursor_); }

void ReadCursor::seek(BytesView from) {
  if (from.empty()) {
    move(MDB_FIRST, from);
  } else {
    move(MDB_SET_RANGE, from);
  }
}

void ReadCursor::next() { move(MDB_NEXT, {}); }

void ReadCursor::move(int operation, BytesView from) {
  MDB_val key = to_val(from);
  MDB_val value{};
  const int failed = ::mdb_cursor_get(cursor_, &key, &value, static_cast<MDB_cursor_op>(operation));
  valid_ = failed == 0;
  if (!valid_) {
    if (failed != MDB_NOTFOUND) transaction_.note_damage(::mdb_strerror(failed));
    return;
  }
  key_ = to_view(key);
  const auto checked = checked_value(number(space_), key_, to_view(value));
  valid_ = checked.has_value();
  if (!valid_) {
    transaction_.note_damage("a record does not have the checksum that was written with it");
    return;
  }
  value_ = *checked;
}

// --- WriteTransaction

WriteTransaction::WriteTransaction(Environment& environment, MDB_txn* transaction)
    : environment_(&environment), transaction_(transaction) {}

WriteTransaction::~WriteTransaction() {
  if (transaction_ != nullptr) ::mdb_txn_abort(transaction_);
}

WriteTransaction::WriteTransaction(WriteTransaction&& other) noexcept
    : environment_(other.environment_), transaction_(std::exchange(other.transaction_, nullptr)) {}

Result<WriteTransaction> WriteTransaction::begin(Environment& environment) {
  MDB_txn* transaction = nullptr;
  if (const int failed = ::mdb_txn_begin(environment.handle_, nullptr, 0, &transaction);
      failed != 0) {
    return std::unexpected(lmdb_error("cannot write the checkpoint", environment.path_, failed));
  }
  return WriteTransaction(environment, transaction);
}

Status WriteTransaction::check(int failed) const {
  if (failed == 0) return {};
  return std::unexpected(lmdb_error("cannot write the checkpoint", environment_->path_, failed));
}

Status WriteTransaction::store(unsigned int database, std::uint8_t space, BytesView key,
                               BytesView value, unsigned int flags) {
  MDB_val key_val = to_val(key);
  MDB_val place{value.size() + kRecordChecksumBytes, nullptr};
  KV_TRY(check(::mdb_put(transaction_, database, &key_val, &place, flags | MDB_RESERVE)));
  auto* out = static_cast<char*>(place.mv_data);
  const std::uint32_t checksum = record_checksum(space, key, value);
  if (!value.empty()) std::memcpy(out, value.data(), value.size());
  std::memcpy(out + value.size(), &checksum, sizeof(checksum));
  return {};
}

Status WriteTransaction::put(kv::Space space, BytesView key, BytesView value) {
  return store(environment_->databases_[position(space)], number(space), key, value, 0);
}

Status WriteTransaction::append(kv::Space space, BytesView key, BytesView value) {
  return store(environment_->databases_[position(space)], number(space), key, value, MDB_APPEND);
}

Status WriteTransaction::erase(kv::Space space, BytesView key) {
  MDB_val key_val = to_val(key);
  const int failed =
      ::mdb_del(transaction_, environment_->databases_[position(space)], &key_val, nullptr);
  return check(failed == MDB_NOTFOUND ? 0 : failed);
}

Status WriteTransaction::clear(kv::Space space) {
  return check(::mdb_drop(transaction_, environment_->databases_[position(space)], 0));
}

Status WriteTransaction::put_meta(BytesView meta) {
  return store(environment_->meta_database_, kMetaSpace, kMetaKey, meta, 0);
}

Status WriteTransaction::commit() {
  return check(changed([&] { return ::mdb_txn_commit(std::exchange(transaction_, nullptr)); }));
}

}  // namespace kvcluster::storage
