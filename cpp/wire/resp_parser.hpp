// What clients send: RESP arrays of bulk strings, and inline commands, as Redis reads them.
//
// The parser is incremental and copies nothing: the caller owns one growing buffer, and each byte
// is looked at once, however small the pieces are in which it arrives.
//
//   switch (parser.parse(buffer)) {
//     kCommand:  use parser.args(); ...
//     kError:    answer parser.error(), then close
//     kNeedMore: read more
//   }
//   drop parser.consumed() bytes from the front of the buffer  (in all three cases)
//
// Thread-safety: none; one owner.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/bytes.hpp"

namespace kvcluster::wire {

struct RespLimits {
  std::size_t max_args = 1U << 20U;
  std::size_t max_bulk_bytes = 8U << 20U;
  std::size_t max_inline_bytes = 64U << 10U;  // also of a line that holds a length
  // Of one whole command, with its framing. The buffer never needs to be larger.
  std::size_t max_query_buffer = 16U << 20U;
  // Only chooses the words of an error.
  bool authenticated = true;

  // What a stranger may send.
  static RespLimits before_auth() {
    return {.max_args = 10,
            .max_bulk_bytes = 16U << 10U,
            .max_inline_bytes = 16U << 10U,
            .max_query_buffer = 64U << 10U,
            .authenticated = false};
  }
};

class RespParser {
 public:
  enum class Outcome : std::uint8_t { kNeedMore, kCommand, kError };

  explicit RespParser(const RespLimits& limits = {}) : limits_(limits) {}

  // `input` begins with the first byte that no earlier call consumed, and extends what the last
  // call saw; it may have moved. Empty commands ("*0", "*-1", a blank line) are skipped.
  // After kError the stream has lost its framing and every further call repeats the error.
  [[nodiscard]] Outcome parse(BytesView input);

  // The bytes of the last input that are done with.
  [[nodiscard]] std::size_t consumed() const { return consumed_; }
  // After kCommand: at least one. Views into the last input (an inline command's: into the parser);
  // valid until that buffer changes or parse is called again.
  [[nodiscard]] std::span<const BytesView> args() const { return args_; }
  // After kError: "ERR Protocol error: ...", without the leading '-'.
  [[nodiscard]] const std::string& error() const { return error_; }
  // After kNeedMore: how long the unconsumed input must at least become; a hint for the buffer.
  // Never above max_query_buffer.
  [[nodiscard]] std::size_t bytes_wanted() const { return wanted_; }

  // From the next command on.
  void set_limits(const RespLimits& limits) { limits_ = limits; }

 private:
  enum class State : std::uint8_t { kStart, kCount, kBulkLength, kBulk, kInline, kFailed };
  enum class Step : std::uint8_t { kAgain, kNeedMore, kCommand, kError };
  struct Extent {  // relative to the start of the command
    std::size_t offset;
    std::size_t size;
  };

  Step step(BytesView input);
  Step read_start(BytesView input);
  Step read_count(BytesView input);
  Step read_bulk_length(BytesView input);
  Step read_bulk(BytesView input);
  Step read_inline(BytesView input);
  // Finds the next '\n' of the line that starts at at_; resumes at scanned_.
  Step find_line(BytesView input, BytesView too_big, BytesView& line);
  bool split_inline(BytesView line);
  Step skip_command();
  Step fail_too_large();
  Step fail(std::string what);

  RespLimits limits_;
  State state_ = State::kStart;
  std::size_t start_ = 0;    // of the current command in the input
  std::size_t at_ = 0;       // of the current element in the input
  std::size_t scanned_ = 0;  // no '\n' in [at_, scanned_)
  std::size_t consumed_ = 0;
  std::size_t wanted_ = 1;
  std::size_t args_left_ = 0;
  std::size_t bulk_size_ = 0;
  std::vector<Extent> extents_;
  std::vector<BytesView> args_;
  Bytes unquoted_;  // an inline command's arguments
  std::string error_;
};

}  // namespace kvcluster::wire
