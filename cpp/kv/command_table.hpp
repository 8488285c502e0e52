// The data commands: one table for parsing and for COMMAND, COMMAND INFO and COMMAND DOCS.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "base/bytes.hpp"

namespace kvcluster::kv {

// Of the parser only; never written down.
// clang-format off
enum class CommandId : std::uint8_t {
  kAppend, kDbsize, kDecr, kDecrBy, kDel, kExists, kExpire, kExpireAt, kExpireTime, kFlushAll,
  kFlushDb, kGet, kGetDel, kGetEx, kGetRange, kGetSet, kIncr, kIncrBy, kKeys, kKvCas, kKvGet,
  kKvHash, kKvOnce, kKvRange, kMget, kMset, kMsetnx, kPersist, kPexpire, kPexpireAt, kPexpireTime,
  kPsetex, kPttl, kSet, kSetex, kSetnx, kSetRange, kStrlen, kTouch, kTtl, kType, kUnlink, kXadd,
  kXinfo, kXlen, kXrange, kXread, kXrevrange, kXtrim,
};
// clang-format on

struct CommandSpec {
  enum Flag : std::uint8_t {
    kWrite = 1,
    kReadonly = 2,
    kFast = 4,
    kDenyOom = 8,       // may take memory
    kMovableKeys = 16,  // where its keys stand depends on what it carries
    kBlocking = 32,     // may keep its client waiting
  };

  CommandId id;
  BytesView name;  // lower case
  int arity;       // with the name; negative: at least so many
  std::uint8_t flags;
  int first_key, last_key, key_step;  // as COMMAND tells them; -1: the last argument
  BytesView group;
  BytesView summary;

  [[nodiscard]] bool has(Flag flag) const { return (flags & flag) != 0; }
  [[nodiscard]] bool takes(std::size_t arguments) const {
    return arity >= 0 ? arguments == static_cast<std::size_t>(arity)
                      : arguments >= static_cast<std::size_t>(-arity);
  }
};

// Ascending by name.
[[nodiscard]] std::span<const CommandSpec> data_commands();

// nullptr when there is none of this name (any case).
[[nodiscard]] const CommandSpec* find_data_command(BytesView name);

}  // namespace kvcluster::kv
