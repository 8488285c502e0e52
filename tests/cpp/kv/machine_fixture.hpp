// A state machine on a table in memory, driven by commands as a client writes them.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include "kv/map_table.hpp"
#include "kv/state_machine.hpp"

namespace kvcluster::kv {

using Words = std::vector<std::string>;

inline constexpr WallMillis kStartMs = 1'700'000'000'000;

inline HashKey test_key() {
  HashKey key{};
  for (std::size_t i = 0; i < key.size(); ++i) key[i] = static_cast<std::uint8_t>(i + 1);
  return key;
}

inline Result<RequestInfo> encode_words(const Words& words, Bytes& out, const Limits& limits = {}) {
  const std::vector<BytesView> args(words.begin(), words.end());
  return encode_request(args, limits, out);
}

inline std::string shown(const Reply& reply);

// Short forms, so that an expectation reads as redis-cli would show it.
struct ShowReply {
  std::string operator()(const Nil&) const { return "nil"; }
  std::string operator()(const SimpleString& simple) const { return "+" + simple.text; }
  std::string operator()(const ErrorReply& error) const { return "-" + error.text; }
  std::string operator()(std::int64_t number) const { return std::to_string(number); }
  std::string operator()(bool truth) const { return truth ? "true" : "false"; }
  std::string operator()(double number) const { return std::to_string(number); }
  std::string operator()(const BulkString& bulk) const { return '"' + bulk.bytes + '"'; }
  std::string operator()(const Array& array) const {
    std::string text = "[";
    for (const Reply& item : array.items) text += (text.size() > 1 ? " " : "") + shown(item);
    return text + "]";
  }
  std::string operator()(const Map& map) const {
    std::string text = "{";
    for (const auto& [key, value] : map.items) {
      text += (text.size() > 1 ? " " : "") + shown(key) + ":" + shown(value);
    }
    return text + "}";
  }
};

inline std::string shown(const Reply& reply) { return std::visit(ShowReply{}, reply.value); }

class Machine {
 public:
  Machine() { state.apply_genesis({.index = next(), .term = Term(1)}, test_key(), "genesis"); }

  // The reply, in its short form. A write becomes an entry at the clock's time, a read does not.
  std::string run(const Words& words) {
    Bytes encoded;
    const auto info = encode_words(words, encoded);
    if (!info) return "-" + info.error().context;
    return shown(run_encoded(encoded, info->is_write));
  }

  Reply run_encoded(BytesView encoded, bool is_write) {
    if (!is_write) return state.read(encoded, clock_ms);
    Bytes payload;
    StateMachine::encode_entry(clock_ms, encoded, payload);
    return apply(payload);
  }

  Reply apply(BytesView payload) {
    return state.apply({.index = next(), .term = Term(1)}, payload);
  }

  // Queues the commands as MULTI would and runs them as one entry.
  std::string run_transaction(const std::vector<Words>& commands,
                              const std::vector<Watched>& watched = {}) {
    std::vector<Bytes> encoded(commands.size());
    for (std::size_t i = 0; i < commands.size(); ++i) {
      EXPECT_TRUE(encode_words(commands[i], encoded[i]));
    }
    Bytes request;
    EXPECT_TRUE(encode_transaction(watched, encoded, {}, request));
    return shown(run_encoded(request, true));
  }

  // Moves the time inside the log, as a leader's clock entry does.
  void pass(WallMillis ms) {
    clock_ms += ms;
    Bytes payload;
    StateMachine::encode_clock_entry(clock_ms, payload);
    apply(payload);
  }

  [[nodiscard]] std::uint64_t index() const { return state.applied().value(); }
  [[nodiscard]] bool hash_is_exact() const {
    return state.recompute_state_digest() == state.digests().state;
  }

  MapTable table;
  StateMachine state{table};
  WallMillis clock_ms = kStartMs;

 private:
  [[nodiscard]] Index next() const { return state.applied().next(); }
};

}  // namespace kvcluster::kv
