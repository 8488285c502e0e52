// What a run did: a running hash of everything, and on request a timeline for people.
#pragma once

#include <bit>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.hpp"
#include "base/time.hpp"

namespace kvcluster::sim {

// Mixes 64 bits into 64. Not cryptographic: it tells two runs apart, no more.
[[nodiscard]] constexpr std::uint64_t mixed(std::uint64_t hash, std::uint64_t value) {
  hash = (std::rotl(hash, 27) ^ value) * 0x9E3779B97F4A7C15ULL;
  return hash ^ (hash >> 29U);
}
[[nodiscard]] inline std::uint64_t hash_bytes(BytesView bytes) {
  std::uint64_t hash = 0xCBF29CE484222325ULL ^ bytes.size();
  std::size_t at = 0;
  for (; at + 8 <= bytes.size(); at += 8) {
    std::uint64_t word = 0;
    __builtin_memcpy(&word, bytes.data() + at, 8);
    hash = mixed(hash, word);
  }
  std::uint64_t rest = 0;
  for (; at < bytes.size(); ++at) rest = (rest << 8U) | static_cast<unsigned char>(bytes[at]);
  return mixed(hash, rest);
}

struct TimelineItem {
  Duration at{};          // since the beginning
  std::uint8_t node = 0;  // 0: of no node
  std::string kind;       // "fault", "raft", "node", "client", "violation"
  std::string text;
};

class Trace {
 public:
  explicit Trace(bool with_timeline) : with_timeline_(with_timeline) {}

  void mix(std::uint64_t value) { hash_ = mixed(hash_, value); }
  [[nodiscard]] std::uint64_t hash() const { return hash_; }

  // Making the text is costly: ask first.
  [[nodiscard]] bool with_timeline() const { return with_timeline_; }
  void note(Duration at, std::uint8_t node, std::string_view kind, std::string text) {
    if (timeline_.size() < kMaxItems) {
      timeline_.push_back({at, node, std::string(kind), std::move(text)});
    }
  }
  [[nodiscard]] std::vector<TimelineItem> take_timeline() { return std::move(timeline_); }

 private:
  static constexpr std::size_t kMaxItems = 1'000'000;
  bool with_timeline_;
  std::uint64_t hash_ = 0;
  std::vector<TimelineItem> timeline_;
};

}  // namespace kvcluster::sim
