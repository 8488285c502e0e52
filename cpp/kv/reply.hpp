// The result of a command, free of any protocol version. wire/ turns it into RESP2 or RESP3.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "base/bytes.hpp"
#include "base/result.hpp"

namespace kvcluster::kv {

struct Reply;

struct Nil {
  friend bool operator==(const Nil&, const Nil&) = default;
};
struct SimpleString {  // +OK
  std::string text;
  friend bool operator==(const SimpleString&, const SimpleString&) = default;
};
struct ErrorReply {  // -CODE message; the code is the first word
  std::string text;
  friend bool operator==(const ErrorReply&, const ErrorReply&) = default;
};
struct BulkString {
  Bytes bytes;
  friend bool operator==(const BulkString&, const BulkString&) = default;
};
struct Array {
  std::vector<Reply> items;
  friend bool operator==(const Array&, const Array&) = default;
};
struct Map {
  std::vector<std::pair<Reply, Reply>> items;
  bool in_pairs = false;                           // RESP2: an array of pairs; else a flat array
  friend bool operator==(const Map&, const Map&);  // below: Reply must be complete for it
};

struct Reply {
  using Value = std::variant<Nil, SimpleString, ErrorReply, std::int64_t, bool, double, BulkString,
                             Array, Map>;
  Value value;

  static Reply nil() { return {Nil{}}; }
  static Reply ok() { return {SimpleString{"OK"}}; }
  static Reply simple(std::string text) { return {SimpleString{std::move(text)}}; }
  static Reply error(std::string text) { return {ErrorReply{std::move(text)}}; }
  static Reply integer(std::int64_t number) { return {number}; }
  static Reply bulk(BytesView bytes) { return {BulkString{Bytes(bytes)}}; }
  static Reply array(std::vector<Reply> items) { return {Array{std::move(items)}}; }
  static Reply map(std::vector<std::pair<Reply, Reply>> items) { return {Map{std::move(items)}}; }
  static Reply map_of_pairs(std::vector<std::pair<Reply, Reply>> items) {
    return {Map{.items = std::move(items), .in_pairs = true}};
  }

  [[nodiscard]] bool is_error() const { return std::holds_alternative<ErrorReply>(value); }
  friend bool operator==(const Reply&, const Reply&) = default;
};

inline bool operator==(const Map& a, const Map& b) {
  return a.in_pairs == b.in_pairs && a.items == b.items;
}

// A compact binary form: stored with sessions and sent with forwarded commands.
void encode(const Reply& reply, Bytes& out);
// Errors: kCorruption. Nesting is bounded.
[[nodiscard]] Result<Reply> decode_reply(BytesView in);

}  // namespace kvcluster::kv
