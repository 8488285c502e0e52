// Commands that change when a key expires. Times are resolved here, at apply, from the time inside
// the log, so that a retry or a forwarding does not shift them.
#include "base/check.hpp"
#include "kv/execute.hpp"

namespace kvcluster::kv {
namespace {

// NX, XX, GT and LT. "No expiry" counts as an infinite one.
bool condition_holds(const Request& request, std::int64_t requested, WallMillis current_ms) {
  const bool expires = current_ms != 0;
  const auto current = static_cast<std::int64_t>(current_ms);
  if (request.has(flag::kIfMissing) && expires) return false;
  if (request.has(flag::kIfPresent) && !expires) return false;
  if (request.has(flag::kIfGreater) && (!expires || requested <= current)) return false;
  return !(request.has(flag::kIfLess) && expires && requested >= current);
}

// The same record with another expiry. Its type and value stay.
void change_expiry(const Writing& writing, const Slot& slot, WallMillis expire_at_ms) {
  Record record = slot.record;
  record.revision = writing.index.value();
  record.expire_at_ms = expire_at_ms;
  writing.keyspace.write(slot, record);
}

void expire_at(const Writing& writing, const Slot& slot, std::int64_t requested) {
  if (requested <= static_cast<std::int64_t>(writing.now)) {
    writing.keyspace.erase(slot);
  } else {
    change_expiry(writing, slot, static_cast<WallMillis>(requested));
  }
}

}  // namespace

std::int64_t requested_expiry_ms(const Request& request, WallMillis now) {
  const std::int64_t number = request.numbers[0];
  if (!request.has(flag::kRelative)) return number;
  KV_CHECK(now <= kMaxTimeMs && number <= kMaxRelativeMs, "an expiry fits 63 bits");
  return number + static_cast<std::int64_t>(now);
}

Reply execute_get_expire(const Writing& writing, const Request& request) {
  const Slot slot = writing.find(request.args[0]);
  if (!slot.live) return Reply::nil();
  if (is_wrong_type(slot)) return wrong_type();
  if (!writing.budget.take(slot.record.value.size())) return reply_too_large();
  Reply value = Reply::bulk(slot.record.value);
  if (!request.has(flag::kPersist)) {
    expire_at(writing, slot, requested_expiry_ms(request, writing.now));
  } else if (slot.record.expire_at_ms != 0) {
    change_expiry(writing, slot, 0);
  }
  return value;
}

Reply execute_expire(const Writing& writing, const Request& request) {
  const Slot slot = writing.find(request.args[0]);
  if (!slot.live) return Reply::integer(0);
  const std::int64_t requested = requested_expiry_ms(request, writing.now);
  if (!condition_holds(request, requested, slot.record.expire_at_ms)) return Reply::integer(0);
  expire_at(writing, slot, requested);
  return Reply::integer(1);
}

Reply execute_persist(const Writing& writing, const Request& request) {
  const Slot slot = writing.find(request.args[0]);
  if (!slot.live || slot.record.expire_at_ms == 0) return Reply::integer(0);
  change_expiry(writing, slot, 0);
  return Reply::integer(1);
}

}  // namespace kvcluster::kv
