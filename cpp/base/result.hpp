// Errors by value: every operation that can fail returns Result<T>.
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <utility>

namespace kvcluster {

enum class ErrorCode : std::uint8_t {
  kInvalidArgument,  // the caller's input is wrong; nothing was changed
  kNotFound,         // the thing named does not exist
  kLimitExceeded,    // a configured bound would be passed; nothing was changed
  kIo,               // the operating system refused a read, write or sync
  kDiskFull,         // no room; reads still work
  kCorruption,       // stored or received bytes fail their checksum or their format
  kVersionMismatch,  // written by a newer format
  kWrongIdentity,    // belongs to another node or another cluster
  kBusy,             // held by another process
  kUnavailable,      // no quorum or no leader; certainly not applied
  kTimeout,          // outcome unknown
  kClosed,           // the connection or the node has ended
};

[[nodiscard]] std::string_view to_string(ErrorCode code);

struct Error {
  ErrorCode code;
  std::string context;  // one line: what happened, to what, and what to do

  // "corruption: wal-0000000003.seg: ..."
  [[nodiscard]] std::string message() const;
};

template <typename T>
using Result = std::expected<T, Error>;
using Status = Result<void>;

[[nodiscard]] inline std::unexpected<Error> fail(ErrorCode code, std::string context) {
  return std::unexpected(Error{code, std::move(context)});
}

}  // namespace kvcluster

// Returns from the enclosing function when `expression` is an error.
#define KV_TRY(expression)                                      \
  do {                                                          \
    if (auto kv_try_status = (expression); !kv_try_status) {    \
      return std::unexpected(std::move(kv_try_status).error()); \
    }                                                           \
  } while (false)
