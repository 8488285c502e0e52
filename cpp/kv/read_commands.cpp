#include <fmt/format.h>

#include <algorithm>

#include "base/check.hpp"
#include "kv/execute.hpp"
#include "kv/glob.hpp"

namespace kvcluster::kv {
namespace {

Reply get(const Reading& reading, const Request& request) {
  const Slot slot = reading.find(request.args[0]);
  if (!slot.live) return Reply::nil();
  if (is_wrong_type(slot)) return wrong_type();
  if (!reading.budget.take(slot.record.value.size())) return reply_too_large();
  return Reply::bulk(slot.record.value);
}

Reply mget(const Reading& reading, const Request& request) {
  std::vector<Reply> values;
  values.reserve(request.args.size());
  for (const BytesView key : request.args) {
    const Slot slot = reading.find(key);
    if (!slot.live || is_wrong_type(slot)) {
      values.push_back(Reply::nil());
      continue;
    }
    if (!reading.budget.take(slot.record.value.size())) return reply_too_large();
    values.push_back(Reply::bulk(slot.record.value));
  }
  return Reply::array(std::move(values));
}

Reply exists(const Reading& reading, const Request& request) {
  const auto count =
      std::ranges::count_if(request.args, [&](BytesView key) { return reading.find(key).live; });
  return Reply::integer(count);
}

Reply string_length(const Reading& reading, const Request& request) {
  const Slot slot = reading.find(request.args[0]);
  if (is_wrong_type(slot)) return wrong_type();
  return Reply::integer(slot.live ? static_cast<std::int64_t>(slot.record.value.size()) : 0);
}

Reply get_range(const Reading& reading, const Request& request) {
  const Slot slot = reading.find(request.args[0]);
  if (is_wrong_type(slot)) return wrong_type();
  if (!slot.live) return Reply::bulk({});
  const BytesView value = slot.record.value;
  const auto size = static_cast<std::int64_t>(value.size());
  std::int64_t start = request.numbers[0];
  std::int64_t end = request.numbers[1];
  if (start < 0 && end < 0 && start > end) return Reply::bulk({});
  if (start < 0) start = std::max<std::int64_t>(size + start, 0);
  if (end < 0) end = std::max<std::int64_t>(size + end, 0);
  end = std::min(end, size - 1);
  if (start > end) return Reply::bulk({});
  const BytesView part =
      value.substr(static_cast<std::size_t>(start), static_cast<std::size_t>(end - start + 1));
  if (!reading.budget.take(part.size())) return reply_too_large();
  return Reply::bulk(part);
}

Reply time_to_live(const Reading& reading, const Request& request) {
  const Slot slot = reading.find(request.args[0]);
  if (!slot.live) return Reply::integer(-2);
  const WallMillis expiry = slot.record.expire_at_ms;
  if (expiry == 0) return Reply::integer(-1);
  // Past its time by the local clock, but not by the log's: it is there, with nothing left.
  const WallMillis left = expiry - std::min(expiry, std::max(reading.now, reading.shown_now));
  const WallMillis ms = request.has(flag::kTtlAbsolute) ? expiry : left;
  const WallMillis shown = request.has(flag::kTtlMillis) ? ms : (ms + 500) / 1000;
  return Reply::integer(static_cast<std::int64_t>(shown));
}

BytesView type_name(RecordType type) { return type == RecordType::kString ? "string" : "stream"; }

Reply type(const Reading& reading, const Request& request) {
  const Slot slot = reading.find(request.args[0]);
  return Reply::simple(slot.live ? Bytes(type_name(slot.record.type)) : "none");
}

Reply pattern_too_long(BytesView pattern) {
  return Reply::error(
      fmt::format("ERR a pattern of {} bytes: the limit is {}", pattern.size(), kMaxPatternBytes));
}

Reply keys(const Reading& reading, const Request& request) {
  const BytesView pattern = request.args[0];
  if (pattern.size() > kMaxPatternBytes) return pattern_too_long(pattern);
  const auto most = static_cast<std::uint64_t>(request.numbers[0]);
  const Bytes prefix = glob_prefix(pattern);
  std::vector<Reply> found;
  Reply failure = Reply::nil();
  reading.keyspace.scan(prefix, [&](BytesView key, const Record& record) {
    if (!key.starts_with(prefix)) return false;
    if (record.due(reading.now) || !glob_matches(pattern, key)) return true;
    if (found.size() == most) {
      failure = Reply::error(fmt::format("ERR more than {} keys match: use SCAN", most));
    } else if (!reading.budget.take(key.size())) {
      failure = reply_too_large();
    } else {
      found.push_back(Reply::bulk(key));
    }
    return !failure.is_error();
  });
  return failure.is_error() ? failure : Reply::array(std::move(found));
}

Reply scan_page(const Reading& reading, const Request& request) {
  const BytesView after = request.args[0];
  const BytesView pattern = request.args[1];
  const BytesView wanted_type = request.args[2];
  if (pattern.size() > kMaxPatternBytes) return pattern_too_long(pattern);
  const auto most = static_cast<std::uint64_t>(request.numbers[0]);
  std::uint64_t examined = 0;
  Reply last = Reply::nil();  // stays so at the end of the keyspace
  Bytes last_examined;
  std::vector<Reply> found;
  reading.keyspace.scan(after, [&](BytesView key, const Record& record) {
    if (key == after) return true;
    // One key more than the page is looked at, to know whether this page is the last one.
    if (examined == most || !reading.budget.take(key.size())) {
      last = examined == 0 ? reply_too_large() : Reply::bulk(last_examined);
      return false;
    }
    ++examined;
    last_examined.assign(key);
    const bool matches = !record.due(reading.now) &&
                         (pattern.empty() || glob_matches(pattern, key)) &&
                         (wanted_type.empty() || wanted_type == type_name(record.type));
    if (matches) found.push_back(Reply::bulk(key));
    return true;
  });
  if (last.is_error()) return last;
  return Reply::array({std::move(last), Reply::array(std::move(found))});
}

Reply get_revision(const Reading& reading, const Request& request) {
  const Slot slot = reading.find(request.args[0]);
  if (!slot.live) return Reply::nil();
  if (is_wrong_type(slot)) return wrong_type();
  if (!reading.budget.take(slot.record.value.size())) return reply_too_large();
  return Reply::array({Reply::bulk(slot.record.value),
                       Reply::integer(static_cast<std::int64_t>(slot.record.revision))});
}

Reply range(const Reading& reading, const Request& request) {
  const BytesView end = request.args[1];
  const auto most = static_cast<std::uint64_t>(request.numbers[0]);
  std::vector<Reply> found;
  Reply failure = Reply::nil();
  reading.keyspace.scan(request.args[0], [&](BytesView key, const Record& record) {
    if (!end.empty() && key >= end) return false;
    if (record.due(reading.now) || record.type != RecordType::kString) return true;
    if (found.size() == most) {
      // Who gave a limit asked for a page; who gave none would take a part for the whole.
      if (!request.has(flag::kRangeLimited)) {
        failure = Reply::error(fmt::format("ERR more than {} keys: give a LIMIT", most));
      }
      return false;
    }
    if (!reading.budget.take(key.size() + record.value.size())) {
      failure = reply_too_large();
      return false;
    }
    found.push_back(Reply::array({Reply::bulk(key), Reply::bulk(record.value),
                                  Reply::integer(static_cast<std::int64_t>(record.revision))}));
    return true;
  });
  return failure.is_error() ? failure : Reply::array(std::move(found));
}

Reply revisions(const Reading& reading, const Request& request) {
  std::vector<Reply> found;
  found.reserve(request.args.size());
  for (const BytesView key : request.args) {
    if (key.empty() || key.size() > kMaxKeyBytes) {
      return Reply::error(fmt::format("ERR a key must have 1 to {} bytes", kMaxKeyBytes));
    }
    const Slot slot = reading.find(key);
    found.push_back(
        Reply::integer(slot.live ? static_cast<std::int64_t>(slot.record.revision) : 0));
  }
  return Reply::array(std::move(found));
}

}  // namespace

Reply wrong_type() {
  return Reply::error("WRONGTYPE Operation against a key holding the wrong kind of value");
}

Reply reply_too_large() { return Reply::error("ERR the reply is too large: ask for less"); }

Reply execute_read(const Reading& reading, const Request& request) {
  switch (request.operation) {
    case Operation::kGet:
      return get(reading, request);
    case Operation::kMget:
      return mget(reading, request);
    case Operation::kExists:
      return exists(reading, request);
    case Operation::kStrlen:
      return string_length(reading, request);
    case Operation::kGetRange:
      return get_range(reading, request);
    case Operation::kTtl:
      return time_to_live(reading, request);
    case Operation::kType:
      return type(reading, request);
    case Operation::kKeys:
      return keys(reading, request);
    case Operation::kDbsize:
      return Reply::integer(static_cast<std::int64_t>(reading.keyspace.key_count()));
    case Operation::kGetRevision:
      return get_revision(reading, request);
    case Operation::kRange:
      return range(reading, request);
    case Operation::kRevisions:
      return revisions(reading, request);
    case Operation::kScanPage:
      return scan_page(reading, request);
    case Operation::kStreamLength:
    case Operation::kStreamRange:
    case Operation::kStreamRead:
    case Operation::kStreamInfo:
      return execute_stream_read(reading, request);
    default:
      break;
  }
  KV_CHECK(false, "only reads are executed as such");
  return Reply::nil();
}

}  // namespace kvcluster::kv
