// Arguments of a client -> the encoded form of a request.
#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "base/check.hpp"
#include "kv/command_options.hpp"
#include "kv/command_table.hpp"
#include "kv/glob.hpp"
#include "kv/integer.hpp"
#include "kv/request.hpp"
#include "kv/request_format.hpp"
#include "kv/stream_options.hpp"
#include "kv/table.hpp"

namespace kvcluster::kv {
namespace {

// How much of what a client sent an error message repeats, as in Redis.
constexpr std::size_t kMaxQuotedBytes = 128;

std::unexpected<Error> wrong_arity(BytesView command) {
  return invalid_argument(fmt::format("ERR wrong number of arguments for '{}' command", command));
}

std::unexpected<Error> unknown_command(Arguments args) {
  Bytes text = fmt::format("ERR unknown command '{}', with args beginning with: ",
                           args[0].substr(0, kMaxQuotedBytes));
  Bytes quoted;
  for (const BytesView arg : args.subspan(1)) {
    if (quoted.size() >= kMaxQuotedBytes) break;
    fmt::format_to(std::back_inserter(quoted), "'{}' ",
                   arg.substr(0, kMaxQuotedBytes - quoted.size()));
  }
  return invalid_argument(text + quoted);
}

std::int64_t value_limit(const Limits& limits) {
  return static_cast<std::int64_t>(std::min(limits.max_value_bytes, kHardMaxValueBytes));
}

Status check_key(BytesView key, const Limits& limits) {
  const std::size_t limit = std::min(limits.max_key_bytes, kMaxKeyBytes);
  if (key.empty()) return invalid_argument("ERR a key must not be empty");
  if (key.size() > limit) {
    return fail(ErrorCode::kLimitExceeded,
                fmt::format("ERR a key of {} bytes: the limit is {}", key.size(), limit));
  }
  return {};
}

Status check_value(BytesView value, const Limits& limits) {
  const auto limit = static_cast<std::size_t>(value_limit(limits));
  if (value.size() > limit) {
    return fail(ErrorCode::kLimitExceeded,
                fmt::format("ERR a value of {} bytes: the limit is {}", value.size(), limit));
  }
  return {};
}

// Every argument is a key or a value.
Status check_sizes(const Request& request, const Limits& limits) {
  const KeyPositions keys = key_positions(request.operation);
  for (std::size_t i = 0; i < request.args.size(); ++i) {
    const bool is_key = keys == KeyPositions::kEvery || (keys == KeyPositions::kFirst && i == 0) ||
                        (keys == KeyPositions::kEverySecond && i % 2 == 0);
    KV_TRY(is_key ? check_key(request.args[i], limits) : check_value(request.args[i], limits));
  }
  return {};
}

Status parse_numbers(Arguments texts, Request& request) {
  for (std::size_t i = 0; i < texts.size(); ++i) {
    const auto number = parse_number(texts[i]);
    if (!number) return std::unexpected(number.error());
    request.numbers[i] = *number;
  }
  return {};
}

void take(Operation operation, Arguments args, Request& request) {
  request.operation = operation;
  request.args.assign(args.begin(), args.end());
}

Status parse_set(Arguments args, Request& request) {
  take(Operation::kSet, args.subspan(1, 2), request);
  return parse_set_options(args.subspan(3), request);
}

// SETEX and PSETEX: the expiry stands before the value.
Status parse_setex(const CommandSpec& spec, Arguments args, std::int64_t unit_ms,
                   Request& request) {
  request.operation = Operation::kSet;
  request.args = {args[1], args[3]};
  return set_positive_expiry(spec.name, args[2], {.ms = unit_ms, .relative = true}, request);
}

Status parse_set_with(Arguments args, std::uint8_t flags, Request& request) {
  take(Operation::kSet, args.subspan(1, 2), request);
  request.flags = flags;
  return {};
}

Status parse_getex(Arguments args, Request& request) {
  take(Operation::kGetExpire, args.subspan(1, 1), request);
  KV_TRY(parse_getex_options(args.subspan(2), request));
  if (request.flags == 0) request.operation = Operation::kGet;  // nothing to write
  return {};
}

Status parse_expire(const CommandSpec& spec, Arguments args, ExpiryUnit unit, Request& request) {
  take(Operation::kExpire, args.subspan(1, 1), request);
  KV_TRY(parse_expire_options(args.subspan(3), request));
  return set_any_expiry(spec.name, args[2], unit, request);
}

Status parse_increment(Arguments args, bool negate, Request& request) {
  take(Operation::kIncrement, args.subspan(1, 1), request);
  request.numbers[0] = 1;
  if (args.size() > 2) KV_TRY(parse_numbers(args.subspan(2, 1), request));
  if (!negate) return {};
  if (request.numbers[0] == INT64_MIN) return invalid_argument("ERR decrement would overflow");
  request.numbers[0] = -request.numbers[0];
  return {};
}

Status parse_mset(const CommandSpec& spec, Operation operation, Arguments args, Request& request) {
  if (args.size() % 2 == 0) return wrong_arity(spec.name);
  take(operation, args.subspan(1), request);
  return {};
}

// What a write may grow a value to travels with the request: nodes whose limits differ must still
// answer alike.
Status parse_append(Arguments args, const Limits& limits, Request& request) {
  take(Operation::kAppend, args.subspan(1, 2), request);
  request.numbers[0] = value_limit(limits);
  return {};
}

Status parse_set_range(Arguments args, const Limits& limits, Request& request) {
  request.operation = Operation::kSetRange;
  request.args = {args[1], args[3]};
  KV_TRY(parse_numbers(args.subspan(2, 1), request));
  if (request.numbers[0] < 0) return invalid_argument("ERR offset is out of range");
  request.numbers[1] = value_limit(limits);
  return {};
}

Status parse_get_range(Arguments args, Request& request) {
  take(Operation::kGetRange, args.subspan(1, 1), request);
  return parse_numbers(args.subspan(2, 2), request);
}

Status parse_ttl(Arguments args, std::uint8_t flags, Request& request) {
  take(Operation::kTtl, args.subspan(1, 1), request);
  request.flags = flags;
  return {};
}

Status parse_keys(Arguments args, const Limits& limits, Request& request) {
  take(Operation::kKeys, args.subspan(1, 1), request);
  request.numbers[0] = static_cast<std::int64_t>(limits.max_range_items);
  if (args[1].size() > kMaxPatternBytes) {
    return fail(ErrorCode::kLimitExceeded, fmt::format("ERR a pattern of {} bytes: the limit is {}",
                                                       args[1].size(), kMaxPatternBytes));
  }
  return {};
}

Status parse_range(Arguments args, const Limits& limits, Request& request) {
  const auto most = static_cast<std::int64_t>(limits.max_range_items);
  take(Operation::kRange, args.subspan(1, 2), request);
  request.numbers[0] = most;
  if (args.size() == 3) return {};
  if (args.size() != 5 || !is_option(args[3], "LIMIT")) return syntax_error();
  KV_TRY(parse_numbers(args.subspan(4, 1), request));
  if (request.numbers[0] < 1 || request.numbers[0] > most) {
    return invalid_argument(fmt::format("ERR LIMIT must be from 1 to {}", most));
  }
  request.flags = flag::kRangeLimited;
  return {};
}

Status parse_compare_and_set(Arguments args, Request& request) {
  request.operation = Operation::kCompareAndSet;
  request.args = {args[1], args[3]};
  KV_TRY(parse_numbers(args.subspan(2, 1), request));
  if (request.numbers[0] < 0) return invalid_argument("ERR a revision must not be negative");
  return {};
}

Status parse_hash(Arguments args, Request& request) {
  if (args.size() > 2 || (args.size() == 2 && !is_option(args[1], "FULL"))) return syntax_error();
  request.operation = args.size() == 2 ? Operation::kFullHash : Operation::kHash;
  return {};
}

Status parse_flush(Arguments args, Request& request) {
  if (args.size() > 2) return syntax_error();
  if (args.size() == 2 && !is_option(args[1], "ASYNC") && !is_option(args[1], "SYNC")) {
    return syntax_error();
  }
  request.operation = Operation::kFlush;
  return {};
}

Status parse_keys_only(Operation operation, Arguments args, Request& request) {
  take(operation, args.subspan(1), request);
  return {};
}

Status parse(const CommandSpec& spec, Arguments args, const Limits& limits, Request& request,
             std::optional<std::int64_t>& block_ms) {
  switch (spec.id) {
    case CommandId::kSet:
      return parse_set(args, request);
    case CommandId::kSetnx:
      return parse_set_with(args, flag::kIfMissing | flag::kIntegerReply, request);
    case CommandId::kGetSet:
      return parse_set_with(args, flag::kReturnOld, request);
    case CommandId::kSetex:
      return parse_setex(spec, args, 1000, request);
    case CommandId::kPsetex:
      return parse_setex(spec, args, 1, request);
    case CommandId::kGet:
      return parse_keys_only(Operation::kGet, args, request);
    case CommandId::kMget:
      return parse_keys_only(Operation::kMget, args, request);
    case CommandId::kExists:
    case CommandId::kTouch:
      return parse_keys_only(Operation::kExists, args, request);
    case CommandId::kDel:
    case CommandId::kUnlink:
      return parse_keys_only(Operation::kDelete, args, request);
    case CommandId::kGetDel:
      return parse_keys_only(Operation::kGetDelete, args, request);
    case CommandId::kGetEx:
      return parse_getex(args, request);
    case CommandId::kStrlen:
      return parse_keys_only(Operation::kStrlen, args, request);
    case CommandId::kType:
      return parse_keys_only(Operation::kType, args, request);
    case CommandId::kPersist:
      return parse_keys_only(Operation::kPersist, args, request);
    case CommandId::kDbsize:
      return parse_keys_only(Operation::kDbsize, args, request);
    case CommandId::kKvGet:
      return parse_keys_only(Operation::kGetRevision, args, request);
    case CommandId::kIncr:
    case CommandId::kIncrBy:
      return parse_increment(args, false, request);
    case CommandId::kDecr:
    case CommandId::kDecrBy:
      return parse_increment(args, true, request);
    case CommandId::kAppend:
      return parse_append(args, limits, request);
    case CommandId::kSetRange:
      return parse_set_range(args, limits, request);
    case CommandId::kGetRange:
      return parse_get_range(args, request);
    case CommandId::kMset:
      return parse_mset(spec, Operation::kMset, args, request);
    case CommandId::kMsetnx:
      return parse_mset(spec, Operation::kMsetnx, args, request);
    case CommandId::kExpire:
      return parse_expire(spec, args, {.ms = 1000, .relative = true}, request);
    case CommandId::kPexpire:
      return parse_expire(spec, args, {.ms = 1, .relative = true}, request);
    case CommandId::kExpireAt:
      return parse_expire(spec, args, {.ms = 1000, .relative = false}, request);
    case CommandId::kPexpireAt:
      return parse_expire(spec, args, {.ms = 1, .relative = false}, request);
    case CommandId::kTtl:
      return parse_ttl(args, 0, request);
    case CommandId::kPttl:
      return parse_ttl(args, flag::kTtlMillis, request);
    case CommandId::kExpireTime:
      return parse_ttl(args, flag::kTtlAbsolute, request);
    case CommandId::kPexpireTime:
      return parse_ttl(args, flag::kTtlAbsolute | flag::kTtlMillis, request);
    case CommandId::kKeys:
      return parse_keys(args, limits, request);
    case CommandId::kKvRange:
      return parse_range(args, limits, request);
    case CommandId::kKvCas:
      return parse_compare_and_set(args, request);
    case CommandId::kKvHash:
      return parse_hash(args, request);
    case CommandId::kFlushAll:
    case CommandId::kFlushDb:
      return parse_flush(args, request);
    case CommandId::kXadd:
      return parse_stream_add(args, limits, request);
    case CommandId::kXinfo:
      return parse_stream_info(args, request);
    case CommandId::kXlen:
      return parse_keys_only(Operation::kStreamLength, args, request);
    case CommandId::kXrange:
      return parse_stream_range(args, false, limits, request);
    case CommandId::kXread:
      return parse_stream_read(args, limits, request, block_ms);
    case CommandId::kXrevrange:
      return parse_stream_range(args, true, limits, request);
    case CommandId::kXtrim:
      return parse_stream_trim(args, request);
    case CommandId::kKvOnce:
      break;  // carries a command, is none
  }
  KV_CHECK(false, "every command of the table is parsed");
  return {};
}

Result<RequestInfo> encode_plain(const CommandSpec& spec, Arguments args, const Limits& limits,
                                 bool blocking, Bytes& out) {
  Request request;
  std::optional<std::int64_t> block_ms;
  if (Status status = parse(spec, args, limits, request, block_ms); !status) {
    return std::unexpected(std::move(status).error());
  }
  if (Status status = check_sizes(request, limits); !status) {
    return std::unexpected(std::move(status).error());
  }
  if (!blocking) block_ms.reset();
  if (block_ms) request.flags |= flag::kReadPositions;
  encode(request, out);
  const bool keyed = key_positions(request.operation) != KeyPositions::kNone;
  return RequestInfo{.is_write = is_write(request.operation),
                     .key = keyed ? request.args.front() : BytesView(),
                     .block_ms = block_ms};
}

Result<RequestInfo> encode_once(Arguments args, const Limits& limits, Bytes& out) {
  const BytesView client = args[1];
  if (client.empty() || client.size() > kMaxClientBytes) {
    return invalid_argument(
        fmt::format("ERR the client of KV.ONCE must have 1 to {} bytes", kMaxClientBytes));
  }
  const auto sequence = parse_integer(args[2]);
  if (!sequence || *sequence < 1) {
    return invalid_argument(
        fmt::format("ERR the sequence of KV.ONCE must be from 1 to {}", INT64_MAX));
  }
  const Arguments carried = args.subspan(3);
  const CommandSpec* spec = find_data_command(carried[0]);
  if (spec == nullptr || spec->id == CommandId::kKvOnce || spec->id == CommandId::kKvHash) {
    return invalid_argument(fmt::format("ERR KV.ONCE carries a data command, not '{}'",
                                        carried[0].substr(0, kMaxQuotedBytes)));
  }
  if (!spec->takes(carried.size())) return wrong_arity(spec->name);
  const std::size_t before = out.size();
  encode_once_header(client, static_cast<std::uint64_t>(*sequence), out);
  auto info = encode_plain(*spec, carried, limits, false, out);
  if (!info) {
    out.resize(before);
    return info;
  }
  info->is_write = true;  // also of a read: its reply is kept
  return info;
}

}  // namespace

bool is_data_command(BytesView name) { return find_data_command(name) != nullptr; }

namespace {

Result<RequestInfo> encode_any(Arguments args, const Limits& limits, bool blocking, Bytes& out) {
  if (args.empty()) return invalid_argument("ERR a command must not be empty");
  const CommandSpec* spec = find_data_command(args[0]);
  if (spec == nullptr) return unknown_command(args);
  if (!spec->takes(args.size())) return wrong_arity(spec->name);
  if (spec->id == CommandId::kKvOnce) return encode_once(args, limits, out);
  return encode_plain(*spec, args, limits, blocking, out);
}

}  // namespace

Result<RequestInfo> encode_request(std::span<const BytesView> args, const Limits& limits,
                                   Bytes& out) {
  return encode_any(args, limits, false, out);
}

Result<RequestInfo> encode_blocking_request(std::span<const BytesView> args, const Limits& limits,
                                            Bytes& out) {
  return encode_any(args, limits, true, out);
}

}  // namespace kvcluster::kv
