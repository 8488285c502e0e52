#include "kv/record.hpp"

#include "base/check.hpp"
#include "base/codec.hpp"

namespace kvcluster::kv {

void encode(const Record& record, Bytes& out) {
  Encoder encoder(out);
  encoder.u8(static_cast<std::uint8_t>(record.type));
  encoder.varint(record.revision);
  encoder.varint(record.expire_at_ms);
  encoder.raw(record.value);
}

Record decode_record(BytesView stored) {
  Decoder decoder(stored);
  Record record;
  const std::uint8_t type = decoder.u8();
  record.type = static_cast<RecordType>(type);
  record.revision = decoder.varint();
  record.expire_at_ms = decoder.varint();
  record.value = decoder.raw(decoder.remaining());
  KV_CHECK(decoder.ok() && type <= static_cast<std::uint8_t>(RecordType::kStream),
           "a stored record is damaged");
  return record;
}

void encode(const Session& session, Bytes& out) {
  Encoder encoder(out);
  encoder.varint(session.sequence);
  encoder.varint(session.revision);
  encoder.varint(session.last_used_ms);
  encoder.raw(session.reply);
}

Session decode_session(BytesView stored) {
  Decoder decoder(stored);
  Session session;
  session.sequence = decoder.varint();
  session.revision = decoder.varint();
  session.last_used_ms = decoder.varint();
  session.reply = decoder.raw(decoder.remaining());
  KV_CHECK(decoder.ok(), "a stored session is damaged");
  return session;
}

WallMillis session_expiry_ms(WallMillis last_used_ms) {
  constexpr WallMillis kHourMs = 3'600'000;
  return (last_used_ms / kHourMs + 1) * kHourMs + kSessionIdleMs;
}

}  // namespace kvcluster::kv
