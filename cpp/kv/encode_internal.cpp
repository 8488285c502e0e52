// Requests that no single command of a client makes: transactions and what the server asks itself.
#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <vector>

#include "base/check.hpp"
#include "base/codec.hpp"
#include "kv/request.hpp"
#include "kv/request_format.hpp"
#include "kv/table.hpp"

namespace kvcluster::kv {
namespace {

Result<RequestInfo> inspect_plain(BytesView encoded) {
  const auto request = decode_request(encoded);
  if (!request) return std::unexpected(request.error());
  const bool keyed = key_positions(request->operation) != KeyPositions::kNone;
  return RequestInfo{.is_write = is_write(request->operation),
                     .key = keyed && !request->args.empty() ? request->args.front() : BytesView()};
}

Result<RequestInfo> inspect_once(BytesView encoded) {
  const auto once = decode_once(encoded);
  if (!once) return std::unexpected(once.error());
  auto info = inspect_plain(once->request);
  if (!info) return info;
  const auto carried = peek_operation(once->request);
  if (*carried == Operation::kHash || *carried == Operation::kFullHash) {
    return fail(ErrorCode::kCorruption, "KV.ONCE carries no KV.HASH");
  }
  info->is_write = true;
  return info;
}

Result<RequestInfo> inspect_carried(BytesView encoded) {
  const auto operation = peek_operation(encoded);
  if (!operation) return std::unexpected(operation.error());
  return *operation == Operation::kOnce ? inspect_once(encoded) : inspect_plain(encoded);
}

Result<RequestInfo> inspect_transaction(BytesView encoded) {
  const auto transaction = decode_transaction(encoded);
  if (!transaction) return std::unexpected(transaction.error());
  RequestInfo info{.is_write = true, .key = {}};
  for (const BytesView request : transaction->requests) {
    const auto carried = inspect_carried(request);
    if (!carried) return carried;
    if (info.key.empty()) info.key = carried->key;
  }
  return info;
}

}  // namespace

Result<RequestInfo> inspect_request(BytesView encoded) {
  const auto operation = peek_operation(encoded);
  if (!operation) return std::unexpected(operation.error());
  return *operation == Operation::kTransaction ? inspect_transaction(encoded)
                                               : inspect_carried(encoded);
}

Result<RequestInfo> encode_transaction(std::span<const Watched> watched,
                                       std::span<const Bytes> encoded_commands,
                                       const Limits& limits, Bytes& out) {
  const std::size_t most = limits.max_transaction_commands;
  if (encoded_commands.size() > most || watched.size() > most) {
    return fail(ErrorCode::kLimitExceeded,
                fmt::format("ERR a transaction of {} commands and {} watched keys: the limit of "
                            "each is {}",
                            encoded_commands.size(), watched.size(), most));
  }
  for (const Watched& watch : watched) {
    if (watch.key.empty() || watch.key.size() > kMaxKeyBytes) {
      return fail(ErrorCode::kInvalidArgument,
                  fmt::format("ERR a watched key must have 1 to {} bytes", kMaxKeyBytes));
    }
  }
  RequestInfo info{.is_write = true, .key = {}};
  Encoder encoder(out);
  encoder.u8(static_cast<std::uint8_t>(Operation::kTransaction));
  encoder.varint(watched.size());
  for (const Watched& watch : watched) {
    encoder.bytes(watch.key);
    encoder.varint(watch.revision);
  }
  encoder.varint(encoded_commands.size());
  for (const Bytes& command : encoded_commands) {
    const auto carried = inspect_carried(command);
    KV_CHECK(carried, "a queued command is what encode_request made");
    if (info.key.empty()) info.key = carried->key;
    encoder.bytes(command);
  }
  return info;
}

void encode_revisions(std::span<const BytesView> keys, Bytes& out) {
  Request request{.operation = Operation::kRevisions};
  request.args.assign(keys.begin(), keys.end());
  encode(request, out);
}

void encode_scan_page(BytesView after, BytesView match_pattern, std::uint64_t count,
                      BytesView type_name, Bytes& out) {
  Request request{.operation = Operation::kScanPage};
  request.numbers[0] = static_cast<std::int64_t>(std::clamp<std::uint64_t>(count, 1, INT64_MAX));
  request.args = {after, match_pattern, type_name};
  encode(request, out);
}

void encode_resumed_read(BytesView encoded, std::span<const std::uint64_t> positions, Bytes& out) {
  auto request = decode_request(encoded);
  KV_CHECK(request && request->operation == Operation::kStreamRead, "it is a read of streams");
  KV_CHECK(2 * positions.size() == request->args.size(), "every stream has its position");
  request->flags = 0;
  std::vector<std::string> texts;
  texts.reserve(positions.size());  // the arguments are views into them
  for (std::size_t i = 0; i < positions.size(); ++i) {
    request->args[2 * i + 1] = texts.emplace_back(std::to_string(positions[i]));
  }
  encode(*request, out);
}

std::vector<BytesView> streams_of_read(BytesView encoded) {
  const auto request = decode_request(encoded);
  KV_CHECK(request && request->operation == Operation::kStreamRead, "it is a read of streams");
  std::vector<BytesView> keys;
  for (std::size_t i = 0; i < request->args.size(); i += 2) keys.push_back(request->args[i]);
  return keys;
}

void encode_full_hash(Bytes& out) { encode(Request{.operation = Operation::kFullHash}, out); }

}  // namespace kvcluster::kv
