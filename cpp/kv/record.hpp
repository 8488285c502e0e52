// What the table holds under a key: the stored bytes of kData and kSession.
#pragma once

#include <cstdint>

#include "base/bytes.hpp"
#include "base/time.hpp"

namespace kvcluster::kv {

// Written to disk: values are never reused.
enum class RecordType : std::uint8_t { kString = 0, kStream = 1 };

// kData: u8 type | varint revision | varint expire_at_ms | value to the end.
// Varints keep the usual record, with its key, within one block of BLAKE2b.
struct Record {
  RecordType type = RecordType::kString;
  std::uint64_t revision = 0;   // the log index of the last write
  WallMillis expire_at_ms = 0;  // 0: never
  BytesView value;              // borrowed

  [[nodiscard]] bool due(WallMillis now) const { return expire_at_ms != 0 && expire_at_ms <= now; }
};

void encode(const Record& record, Bytes& out);
// Requires: bytes that encode() made; anything else in the table is damage and ends the process.
[[nodiscard]] Record decode_record(BytesView stored);

// kSession, the key being the client's id:
// varint sequence | varint revision | varint last_used_ms | encoded reply to the end.
struct Session {
  std::uint64_t sequence = 0;   // of the last command applied
  std::uint64_t revision = 0;   // the log index of that command
  WallMillis last_used_ms = 0;  // in cluster time
  BytesView reply;              // to be given again; borrowed
};

void encode(const Session& session, Bytes& out);
// Requires: bytes that encode() made.
[[nodiscard]] Session decode_session(BytesView stored);

// A session that was idle for seven days of cluster time is forgotten: far beyond any client's
// deadline. Rounded up to the hour, so that a busy session moves in the expiry index once an hour.
inline constexpr WallMillis kSessionIdleMs = WallMillis{7} * 24 * 3600 * 1000;
[[nodiscard]] WallMillis session_expiry_ms(WallMillis last_used_ms);

}  // namespace kvcluster::kv
