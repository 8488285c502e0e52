#include "bench/workload.hpp"

#include <fmt/format.h>

#include <array>
#include <iterator>

#include "base/check.hpp"

namespace kvcluster::bench {
namespace {

// As redis-benchmark spells them: "key:" and twelve digits.
constexpr std::size_t kDigits = 12;
constexpr std::size_t kKeyBytes = 4 + kDigits;
constexpr std::size_t kPoolBytes = 1U << 16U;

void append_key(std::string& out, std::uint64_t key) {
  std::array<char, kDigits> digits;
  for (std::size_t i = kDigits; i-- > 0; key /= 10) digits[i] = static_cast<char>('0' + key % 10);
  out.append("key:").append(digits.data(), digits.size());
}

std::string noise(std::size_t bytes, Random& random) {
  constexpr std::string_view kAlphabet =
      "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz-_";
  std::string text(bytes, ' ');
  for (char& c : text) c = kAlphabet[random.below(kAlphabet.size())];
  return text;
}

}  // namespace

Status use_ycsb(char letter, WorkloadOptions& options) {
  options.distribution = letter == 'd' ? Distribution::kLatest : Distribution::kZipfian;
  switch (letter) {
    case 'a':
      options.mix = {.reads = 50, .updates = 50};
      return {};
    case 'b':
      options.mix = {.reads = 95, .updates = 5};
      return {};
    case 'c':
      options.mix = {.reads = 100};
      return {};
    case 'd':
      options.mix = {.reads = 95, .inserts = 5};
      return {};
    case 'e':
      options.mix = {.inserts = 5, .scans = 95};
      return {};
    case 'f':
      options.mix = {.reads = 50, .read_modify_writes = 50};
      return {};
    default:
      return fail(ErrorCode::kInvalidArgument, "YCSB's core workloads are a, b, c, d, e and f");
  }
}

Status use_command(std::string_view name, WorkloadOptions& options) {
  if (name == "set") {
    options.mix = {.updates = 100};
  } else if (name == "get") {
    options.mix = {.reads = 100};
  } else if (name == "mix") {
    options.mix = {.reads = 50, .updates = 50};
  } else if (name == "fill") {
    options.mix = {.updates = 100};
    options.distribution = Distribution::kSequential;
  } else {
    return fail(ErrorCode::kInvalidArgument, "the commands are set, get, mix and fill");
  }
  return {};
}

Workload::Workload(const WorkloadOptions& options)
    : options_(options),
      keys_(options.distribution, options.keys, options.skew, options.seed),
      random_(options.seed + 1),
      pool_(noise(options.value_bytes + kPoolBytes, random_)),
      set_head_(fmt::format("*3\r\n$3\r\nSET\r\n${}\r\n", kKeyBytes)),
      set_middle_(fmt::format("\r\n${}\r\n", options.value_bytes)),
      get_head_(fmt::format("*2\r\n$3\r\nGET\r\n${}\r\n", kKeyBytes)) {
  const Mix& mix = options.mix;
  KV_CHECK(mix.reads + mix.updates + mix.inserts + mix.scans + mix.read_modify_writes == 100,
           "the shares of a mix are percentages of one whole");
}

Asked Workload::append_next(std::string& out) {
  if (modified_) {
    const std::uint64_t key = *modified_;
    modified_.reset();
    return append_set(out, key);
  }
  const Mix& mix = options_.mix;
  if (mix.updates == 100) return append_set(out, keys_.next());
  if (mix.reads == 100) return append_get(out, keys_.next());
  std::uint64_t die = random_.below(100);
  if (die < mix.reads) return append_get(out, keys_.next());
  die -= mix.reads;
  if (die < mix.updates) return append_set(out, keys_.next());
  die -= mix.updates;
  if (die < mix.inserts) return append_set(out, keys_.insert());
  die -= mix.inserts;
  if (die < mix.scans) return append_scan(out, keys_.next());
  modified_ = keys_.next();
  return append_get(out, *modified_);
}

Asked Workload::append_set(std::string& out, std::uint64_t key) {
  out.append(set_head_);
  append_key(out, key);
  out.append(set_middle_).append(value()).append("\r\n");
  return Asked::kWrite;
}

Asked Workload::append_get(std::string& out, std::uint64_t key) {
  out.append(get_head_);
  append_key(out, key);
  out.append("\r\n");
  return Asked::kRead;
}

Asked Workload::append_scan(std::string& out, std::uint64_t key) {
  const std::uint64_t limit = random_.between(1, kMaxScan);
  const std::string digits = std::to_string(limit);
  fmt::format_to(std::back_inserter(out), "*5\r\n$8\r\nKV.RANGE\r\n${}\r\n", kKeyBytes);
  append_key(out, key);
  // Up to the first key that is none of ours.
  fmt::format_to(std::back_inserter(out), "\r\n$4\r\nkey;\r\n$5\r\nLIMIT\r\n${}\r\n{}\r\n",
                 digits.size(), digits);
  return Asked::kRead;
}

std::string_view Workload::value() {
  // Low bits of one draw: no division where a value is made a million times a second.
  return std::string_view(pool_).substr(random_.next() % kPoolBytes, options_.value_bytes);
}

}  // namespace kvcluster::bench
