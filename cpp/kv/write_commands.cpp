#include <array>
#include <charconv>

#include "base/check.hpp"
#include "kv/execute.hpp"
#include "kv/integer.hpp"

namespace kvcluster::kv {
namespace {

Reply string_too_long() {
  return Reply::error("ERR string exceeds maximum allowed size (proto-max-bulk-len)");
}

WallMillis set_expiry_ms(const Writing& writing, const Request& request, const Slot& slot) {
  if (request.has(flag::kKeepTtl)) return slot.live ? slot.record.expire_at_ms : 0;
  if (!request.has(flag::kRelative | flag::kAbsolute)) return 0;
  return static_cast<WallMillis>(requested_expiry_ms(request, writing.now));
}

Reply set(const Writing& writing, const Request& request) {
  const Slot slot = writing.find(request.args[0]);
  Reply old = Reply::nil();
  if (request.has(flag::kReturnOld) && slot.live) {
    if (is_wrong_type(slot)) return wrong_type();
    if (!writing.budget.take(slot.record.value.size())) return reply_too_large();
    old = Reply::bulk(slot.record.value);
  }
  const bool refused =
      (request.has(flag::kIfMissing) && slot.live) || (request.has(flag::kIfPresent) && !slot.live);
  if (!refused) writing.put(slot, request.args[1], set_expiry_ms(writing, request, slot));
  if (request.has(flag::kReturnOld)) return old;
  if (request.has(flag::kIntegerReply)) return Reply::integer(refused ? 0 : 1);
  return refused ? Reply::nil() : Reply::ok();
}

Reply remove(const Writing& writing, const Request& request) {
  std::int64_t count = 0;
  for (const BytesView key : request.args) {
    if (writing.keyspace.erase(writing.find(key))) ++count;
  }
  return Reply::integer(count);
}

void set_all(const Writing& writing, const Request& request) {
  for (std::size_t i = 0; i < request.args.size(); i += 2) {
    writing.put(writing.find(request.args[i]), request.args[i + 1], 0);
  }
}

Reply mset(const Writing& writing, const Request& request) {
  set_all(writing, request);
  return Reply::ok();
}

Reply msetnx(const Writing& writing, const Request& request) {
  for (std::size_t i = 0; i < request.args.size(); i += 2) {
    if (writing.find(request.args[i]).live) return Reply::integer(0);
  }
  set_all(writing, request);
  return Reply::integer(1);
}

Reply get_delete(const Writing& writing, const Request& request) {
  const Slot slot = writing.find(request.args[0]);
  if (!slot.live) return Reply::nil();
  if (is_wrong_type(slot)) return wrong_type();
  if (!writing.budget.take(slot.record.value.size())) return reply_too_large();
  Reply value = Reply::bulk(slot.record.value);
  writing.keyspace.erase(slot);
  return value;
}

Reply increment(const Writing& writing, const Request& request) {
  const Slot slot = writing.find(request.args[0]);
  if (is_wrong_type(slot)) return wrong_type();
  std::int64_t number = 0;
  if (slot.live) {
    const auto stored = parse_integer(slot.record.value);
    if (!stored) return Reply::error("ERR value is not an integer or out of range");
    number = *stored;
  }
  const auto sum = checked_add(number, request.numbers[0]);
  if (!sum) return Reply::error("ERR increment or decrement would overflow");
  std::array<char, 24> text{};
  const auto written = std::to_chars(text.data(), text.data() + text.size(), *sum);
  writing.put(slot, {text.data(), written.ptr}, slot.live ? slot.record.expire_at_ms : 0);
  return Reply::integer(*sum);
}

Reply append(const Writing& writing, const Request& request) {
  const Slot slot = writing.find(request.args[0]);
  if (is_wrong_type(slot)) return wrong_type();
  const BytesView old = slot.live ? slot.record.value : BytesView();
  const BytesView suffix = request.args[1];
  const auto most = static_cast<std::size_t>(request.numbers[0]);
  if (old.size() + suffix.size() > most) return string_too_long();
  Bytes value;
  value.reserve(old.size() + suffix.size());
  value.append(old).append(suffix);
  writing.put(slot, value, slot.live ? slot.record.expire_at_ms : 0);
  return Reply::integer(static_cast<std::int64_t>(value.size()));
}

Reply set_range(const Writing& writing, const Request& request) {
  const Slot slot = writing.find(request.args[0]);
  if (is_wrong_type(slot)) return wrong_type();
  const BytesView old = slot.live ? slot.record.value : BytesView();
  const BytesView part = request.args[1];
  if (part.empty()) return Reply::integer(static_cast<std::int64_t>(old.size()));
  const auto offset = static_cast<std::uint64_t>(request.numbers[0]);
  const auto most = static_cast<std::uint64_t>(request.numbers[1]);
  if (offset > most || part.size() > most - offset) return string_too_long();
  const auto start = static_cast<std::size_t>(offset);
  Bytes value(old);
  if (value.size() < start + part.size()) value.resize(start + part.size());  // with zero bytes
  value.replace(start, part.size(), part);
  writing.put(slot, value, slot.live ? slot.record.expire_at_ms : 0);
  return Reply::integer(static_cast<std::int64_t>(value.size()));
}

Reply compare_and_set(const Writing& writing, const Request& request) {
  const Slot slot = writing.find(request.args[0]);
  if (is_wrong_type(slot)) return wrong_type();
  const std::uint64_t revision = slot.live ? slot.record.revision : 0;
  if (revision != static_cast<std::uint64_t>(request.numbers[0])) return Reply::nil();
  writing.put(slot, request.args[1], 0);
  return Reply::integer(static_cast<std::int64_t>(writing.index.value()));
}

Reply flush(const Writing& writing) {
  writing.keyspace.flush();
  return Reply::ok();
}

}  // namespace

void Writing::put(const Slot& slot, BytesView value, WallMillis expire_at_ms) const {
  const Record record{.type = RecordType::kString,
                      .revision = index.value(),
                      .expire_at_ms = expire_at_ms,
                      .value = value};
  if (record.due(now)) {
    keyspace.erase(slot);
  } else {
    keyspace.write(slot, record);
  }
}

Reply execute_write(const Writing& writing, const Request& request) {
  switch (request.operation) {
    case Operation::kSet:
      return set(writing, request);
    case Operation::kDelete:
      return remove(writing, request);
    case Operation::kMset:
      return mset(writing, request);
    case Operation::kMsetnx:
      return msetnx(writing, request);
    case Operation::kGetDelete:
      return get_delete(writing, request);
    case Operation::kGetExpire:
      return execute_get_expire(writing, request);
    case Operation::kIncrement:
      return increment(writing, request);
    case Operation::kAppend:
      return append(writing, request);
    case Operation::kSetRange:
      return set_range(writing, request);
    case Operation::kExpire:
      return execute_expire(writing, request);
    case Operation::kPersist:
      return execute_persist(writing, request);
    case Operation::kCompareAndSet:
      return compare_and_set(writing, request);
    case Operation::kFlush:
      return flush(writing);
    case Operation::kStreamAdd:
    case Operation::kStreamTrim:
      return execute_stream_write(writing, request);
    default:
      break;
  }
  KV_CHECK(false, "only writes are executed as such");
  return Reply::nil();
}

}  // namespace kvcluster::kv
