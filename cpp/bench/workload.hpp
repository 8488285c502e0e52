// What is asked for: a mix of commands over a set of keys, written as RESP.
//
// Thread-safety: none; one owner.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/random.hpp"
#include "base/result.hpp"
#include "bench/key_chooser.hpp"

namespace kvcluster::bench {

// Shares of the operations, in percent; together 100.
struct Mix {
  std::uint32_t reads = 0;
  std::uint32_t updates = 0;
  std::uint32_t inserts = 0;
  std::uint32_t scans = 0;
  std::uint32_t read_modify_writes = 0;
};

struct WorkloadOptions {
  Mix mix{.updates = 100};
  Distribution distribution = Distribution::kUniform;
  double skew = 0.99;
  std::uint64_t keys = 100'000;
  std::size_t value_bytes = 100;
  std::uint64_t seed = 1;
};

// What YCSB's core workloads A to F do; the distribution comes with the letter.
// Errors: kInvalidArgument for another letter.
[[nodiscard]] Status use_ycsb(char letter, WorkloadOptions& options);
// "set", "get", "mix" (half and half), "fill" (every key once, in order).
// Errors: kInvalidArgument.
[[nodiscard]] Status use_command(std::string_view name, WorkloadOptions& options);

// Whether a reply acknowledges a write.
enum class Asked : std::uint8_t { kRead, kWrite };

class Workload {
 public:
  static constexpr std::size_t kMaxScan = 100;

  explicit Workload(const WorkloadOptions& options);

  // Appends one command and says what it is. A read-modify-write is two commands, the second of
  // which follows with the next call.
  Asked append_next(std::string& out);

 private:
  Asked append_set(std::string& out, std::uint64_t key);
  Asked append_get(std::string& out, std::uint64_t key);
  Asked append_scan(std::string& out, std::uint64_t key);
  // A piece of the pool of noise: values differ, and making one is a copy.
  [[nodiscard]] std::string_view value();

  WorkloadOptions options_;
  KeyChooser keys_;
  Random random_;
  std::string pool_;
  std::string set_head_;    // up to the key
  std::string set_middle_;  // between key and value
  std::string get_head_;
  std::optional<std::uint64_t> modified_;  // read, and yet to be written
};

}  // namespace kvcluster::bench
