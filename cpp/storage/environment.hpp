// One LMDB environment: a directory with a database per table space and one for the meta record.
// RAII over lmdb.h, with its rules kept: one open per process, never over fork, no view out of its
// transaction, the map resized only while no transaction is open.
//
// Thread-safety: transactions may be opened on any thread (MDB_NOTLS); each is used by one. There
// is one WriteTransaction at a time.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "kv/table.hpp"

struct MDB_env;
struct MDB_txn;
struct MDB_cursor;

namespace kvcluster::storage {

struct EnvironmentOptions {
  // Address space, not memory or disk: the file grows as it fills. Doubled when it is full.
  std::uint64_t map_bytes = 64ULL << 30U;
};

class Environment;

// The file in an environment's directory that holds its pages.
inline constexpr const char* kPagesFile = "data.mdb";
// What record_checksum() takes for the records of the database with this name; nullopt: not ours.
[[nodiscard]] std::optional<std::uint8_t> space_of_database(BytesView name);

// A stable view of the newest commit. Views into it die with it, and on renew().
class ReadTransaction {
 public:
  // Errors: kIo, kLimitExceeded (too many readers).
  [[nodiscard]] static Result<ReadTransaction> begin(std::shared_ptr<Environment> environment);
  ~ReadTransaction();
  ReadTransaction(ReadTransaction&& other) noexcept;
  ReadTransaction& operator=(ReadTransaction&& other) noexcept;

  // nullopt: not there, or damaged.
  [[nodiscard]] std::optional<BytesView> get(kv::Space space, BytesView key) const;
  [[nodiscard]] std::optional<BytesView> meta() const;
  // Visits in ascending order from the first key >= `from` until the visitor returns false.
  void scan(kv::Space space, BytesView from, const kv::Table::Visitor& visitor) const;

  // Not empty: a record that was read is not what was written there, and was given as absent. What
  // was computed since must not be used. A sentence that names the file.
  [[nodiscard]] const std::string& damage() const { return damage_; }

  // Lets go of the view, and takes the newest one.
  void release();
  [[nodiscard]] Status renew();

  [[nodiscard]] Environment& environment() const { return *environment_; }

 private:
  friend class ReadCursor;
  // `transaction` holds a view, which is counted already.
  ReadTransaction(std::shared_ptr<Environment> environment, MDB_txn* transaction);
  void end();
  void note_damage(std::string_view what) const;
  [[nodiscard]] std::optional<BytesView> find(unsigned int database, std::uint8_t space,
                                              BytesView key) const;

  std::shared_ptr<Environment> environment_;
  MDB_txn* transaction_ = nullptr;
  bool holds_view_ = false;
  mutable std::string damage_;
};

// Walks one space in ascending order; lives inside its ReadTransaction, and not over renew(). Ends
// where a record is damaged.
class ReadCursor {
 public:
  ReadCursor(const ReadTransaction& transaction, kv::Space space);
  ~ReadCursor();
  ReadCursor(const ReadCursor&) = delete;
  ReadCursor& operator=(const ReadCursor&) = delete;

  // To the first key >= `from`.
  void seek(BytesView from);
  void next();
  [[nodiscard]] bool valid() const { return valid_; }
  [[nodiscard]] BytesView key() const { return key_; }
  [[nodiscard]] BytesView value() const { return value_; }

 private:
  void move(int operation, BytesView from);
  const ReadTransaction& transaction_;
  kv::Space space_;
  MDB_cursor* cursor_ = nullptr;
  bool valid_ = false;
  BytesView key_;
  BytesView value_;
};

// All or nothing; aborted unless committed.
// Errors of all: kLimitExceeded when the map is full, kDiskFull, kIo.
class WriteTransaction {
 public:
  [[nodiscard]] static Result<WriteTransaction> begin(Environment& environment);
  ~WriteTransaction();
  WriteTransaction(WriteTransaction&& other) noexcept;
  WriteTransaction& operator=(WriteTransaction&&) = delete;

  [[nodiscard]] Status put(kv::Space space, BytesView key, BytesView value);
  // Requires: `key` is after all keys of the space.
  [[nodiscard]] Status append(kv::Space space, BytesView key, BytesView value);
  [[nodiscard]] Status erase(kv::Space space, BytesView key);
  [[nodiscard]] Status clear(kv::Space space);
  [[nodiscard]] Status put_meta(BytesView meta);
  // Durable on return.
  [[nodiscard]] Status commit();

 private:
  WriteTransaction(Environment& environment, MDB_txn* transaction);
  [[nodiscard]] Status check(int failed) const;
  // With its checksum behind it.
  [[nodiscard]] Status store(unsigned int database, std::uint8_t space, BytesView key,
                             BytesView value, unsigned int flags);
  Environment* environment_;
  MDB_txn* transaction_ = nullptr;
};

class Environment {
 public:
  // Opens, or makes, the environment in the existing directory `path`. `number` is its name's.
  // Errors: kCorruption (not LMDB's, or damaged), kVersionMismatch, kIo, kDiskFull.
  [[nodiscard]] static Result<std::shared_ptr<Environment>> open(const std::string& path,
                                                                 std::uint64_t number,
                                                                 const EnvironmentOptions& options);
  ~Environment();
  Environment(const Environment&) = delete;
  Environment& operator=(const Environment&) = delete;

  [[nodiscard]] std::uint64_t number() const { return number_; }
  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] std::uint64_t map_bytes() const;
  [[nodiscard]] std::uint64_t used_bytes() const;
  // Doubles the map. Errors: kBusy while any transaction holds a view; kIo.
  [[nodiscard]] Status grow();

 private:
  friend class ReadTransaction;
  friend class ReadCursor;
  friend class WriteTransaction;
  Environment(std::string path, std::uint64_t number, MDB_env* handle);
  [[nodiscard]] Status open_databases();

  std::string path_;
  std::uint64_t number_;
  MDB_env* handle_;
  std::array<unsigned int, kv::kSpaceCount> databases_{};
  unsigned int meta_database_ = 0;
  // No view may begin between the look at `views_` and the resizing of the map.
  std::mutex views_mutex_;
  int views_ = 0;  // guarded by views_mutex_; transactions that hold a view of the map
};

}  // namespace kvcluster::storage
