#include "base/result.hpp"

namespace kvcluster {

std::string_view to_string(ErrorCode code) {
  switch (code) {
    case ErrorCode::kInvalidArgument:
      return "invalid argument";
    case ErrorCode::kNotFound:
      return "not found";
    case ErrorCode::kLimitExceeded:
      return "limit exceeded";
    case ErrorCode::kIo:
      return "i/o error";
    case ErrorCode::kDiskFull:
      return "disk full";
    case ErrorCode::kCorruption:
      return "corruption";
    case ErrorCode::kVersionMismatch:
      return "version mismatch";
    case ErrorCode::kWrongIdentity:
      return "wrong identity";
    case ErrorCode::kBusy:
      return "busy";
    case ErrorCode::kUnavailable:
      return "unavailable";
    case ErrorCode::kTimeout:
      return "timeout, outcome unknown";
    case ErrorCode::kClosed:
      return "closed";
  }
  return "unknown error";
}

std::string Error::message() const { return std::string(to_string(code)) + ": " + context; }

}  // namespace kvcluster
