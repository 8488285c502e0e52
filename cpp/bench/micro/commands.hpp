// The same commands for all micro benchmarks: a SET of 100 bytes under one of 100,000 keys.
#pragma once

#include <fmt/format.h>

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "base/check.hpp"
#include "base/random.hpp"
#include "kv/request.hpp"
#include "kv/state_machine.hpp"

namespace kvcluster::bench {

inline constexpr std::uint64_t kMicroKeys = 100'000;
inline constexpr std::size_t kMicroValueBytes = 100;

inline std::string micro_key(std::uint64_t number) { return fmt::format("key:{:012}", number); }

inline Bytes encoded_set(std::uint64_t key_number) {
  const std::string key = micro_key(key_number);
  const std::string value(kMicroValueBytes, 'v');
  const std::array<BytesView, 3> args{"SET", key, value};
  Bytes encoded;
  KV_CHECK(kv::encode_request(args, {}, encoded), "a plain SET is a request");
  return encoded;
}

// Payloads of log entries, of keys drawn at random.
inline std::vector<Bytes> set_payloads(std::size_t count) {
  Random random(1);
  std::vector<Bytes> payloads(count);
  for (Bytes& payload : payloads) {
    kv::StateMachine::encode_entry(1'700'000'000'000, encoded_set(random.below(kMicroKeys)),
                                   payload);
  }
  return payloads;
}

}  // namespace kvcluster::bench
