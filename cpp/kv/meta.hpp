// What a state machine knows beside its table; saved with each checkpoint.
//
//   u8 version (1) | u64 index | u64 term | u64 time_ms | history (32) | hash key (32)
//   | sum of the state hash (72) | u64 keys | u64 sessions
//   | u8 has genesis | bytes genesis | u8 has configuration | bytes configuration
// where `bytes` is a varint length and the bytes.
#pragma once

#include <cstdint>
#include <optional>

#include "base/bytes.hpp"
#include "base/digest.hpp"
#include "base/ids.hpp"
#include "base/result.hpp"
#include "base/time.hpp"
#include "kv/state_hash.hpp"

namespace kvcluster::kv {

struct Meta {
  Index index;
  Term term;
  WallMillis time = 0;  // the newest of all entries' times: it never goes back
  Digest history;
  std::optional<Bytes> genesis;
  std::optional<Bytes> configuration;
};

struct Counts {
  std::uint64_t keys = 0;
  std::uint64_t sessions = 0;
};

struct RestoredMeta {
  Meta meta;
  Counts counts;
  StateHash hash;
};

void encode(const Meta& meta, const Counts& counts, const StateHash& hash, Bytes& out);
// Errors: kCorruption, kVersionMismatch.
[[nodiscard]] Result<RestoredMeta> decode_meta(BytesView in);

}  // namespace kvcluster::kv
