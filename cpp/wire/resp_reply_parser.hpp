// What servers answer: RESP2 and RESP3 replies -> kv::Reply, for clients.
//
// Incremental, with the same protocol between caller and parser as RespParser: parse, then drop
// consumed() bytes. Finished elements of an unfinished reply are consumed at once.
//
// RESP3's types fold into kv::Reply: a set or a push is an array, a big number and a verbatim
// string are bulk strings, a blob error is an error, attributes are dropped.
//
// Thread-safety: none; one owner.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "base/bytes.hpp"
#include "kv/reply.hpp"

namespace kvcluster::wire {

struct ReplyLimits {
  std::size_t max_bulk_bytes = 64U << 20U;
  std::size_t max_line_bytes = 64U << 10U;
  std::size_t max_reply_bytes = 256U << 20U;  // of one whole reply, with its framing
  std::size_t max_depth = 32;
};

class RespReplyParser {
 public:
  enum class Outcome : std::uint8_t { kNeedMore, kReply, kError };

  explicit RespReplyParser(const ReplyLimits& limits = {}) : limits_(limits) {}

  // `input` begins with the first byte that no earlier call consumed, and extends what the last
  // call saw. After kError the stream has lost its framing.
  [[nodiscard]] Outcome parse(BytesView input);

  [[nodiscard]] std::size_t consumed() const { return consumed_; }
  // After kReply, once.
  [[nodiscard]] kv::Reply take_reply() { return std::move(reply_); }
  // After kError: one line that says what was wrong.
  [[nodiscard]] const std::string& error() const { return error_; }
  // After kNeedMore: how long the unconsumed input must at least become; a hint.
  [[nodiscard]] std::size_t bytes_wanted() const { return wanted_; }

 private:
  enum class Step : std::uint8_t { kAgain, kNeedMore, kReply, kError };
  enum class Container : std::uint8_t { kArray, kMap, kAttribute };
  struct Frame {
    Container container;
    std::size_t left;  // elements still to come; a pair counts two
    std::vector<kv::Reply> items;
  };

  Step step(BytesView input);
  Step read_blob(BytesView input, char type, BytesView size_text, std::size_t data_at);
  Step open(Container container, BytesView count_text);
  // Puts a finished element where it belongs; closes all containers that it completes.
  Step add(kv::Reply element);
  Step fail(std::string what);

  ReplyLimits limits_;
  std::size_t scanned_ = 0;  // no '\n' in the unconsumed input below
  std::size_t consumed_ = 0;
  std::size_t wanted_ = 1;
  std::size_t reply_bytes_ = 0;  // consumed for the current reply
  bool failed_ = false;
  std::vector<Frame> frames_;
  kv::Reply reply_;
  std::string error_;
};

}  // namespace kvcluster::wire
