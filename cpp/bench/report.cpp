#include "bench/report.hpp"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

namespace kvcluster::bench {
namespace {

double rate(const Tally& tally) {
  return tally.seconds > 0 ? static_cast<double>(tally.completed) / tally.seconds : 0;
}

double micros(std::uint64_t nanos) { return static_cast<double>(nanos) * 1e-3; }

}  // namespace

bool passed(const Tally& tally) { return tally.errors() == 0 && tally.completed > 0; }

std::string to_text(const Tally& tally) {
  const Histogram& h = tally.latency();
  std::string text = fmt::format("{:.0f} operations/s: {} in {:.2f} s, with {:.2f} s of CPU here\n",
                                 rate(tally), tally.completed, tally.seconds, tally.cpu_seconds);
  text += fmt::format(
      "latency in ms: p50 {:.3f}, p90 {:.3f}, p99 {:.3f}, p99.9 {:.3f}, max {:.3f}\n",
      micros(h.percentile(50)) / 1e3, micros(h.percentile(90)) / 1e3,
      micros(h.percentile(99)) / 1e3, micros(h.percentile(99.9)) / 1e3, micros(h.max()) / 1e3);
  if (tally.nulls() > 0) text += fmt::format("{} keys were missing\n", tally.nulls());
  for (const auto& [kind, times] : tally.errors_by_kind()) {
    text += fmt::format("error {}: {} times\n", kind, times);
  }
  if (passed(tally)) return text + "PASS: every request was answered";
  if (tally.completed == 0) return text + "FAIL: nothing was answered";
  return text + fmt::format("FAIL: {} requests failed", tally.errors());
}

std::string to_json(const Tally& tally, const LoadOptions& options) {
  const Histogram& h = tally.latency();
  nlohmann::json json = {
      {"passed", passed(tally)},
      {"connections", options.connections},
      {"depth", options.depth},
      {"keys", options.workload.keys},
      {"value_bytes", options.workload.value_bytes},
      {"asked_rate", options.rate_per_second},
      {"operations", tally.completed},
      {"operations_in_all", tally.in_all},
      {"seconds", tally.seconds},
      {"operations_per_second", rate(tally)},
      {"generator_cpu_seconds", tally.cpu_seconds},
      {"missing_keys", tally.nulls()},
      {"errors", tally.errors()},
      {"errors_by_kind", tally.errors_by_kind()},
      {"latency_us",
       {{"count", h.count()},
        {"min", micros(h.min())},
        {"mean", h.mean() * 1e-3},
        {"p50", micros(h.percentile(50))},
        {"p90", micros(h.percentile(90))},
        {"p99", micros(h.percentile(99))},
        {"p99.9", micros(h.percentile(99.9))},
        {"max", micros(h.max())}}},
      {"gaps", nlohmann::json::array()},
  };
  for (const Gap& gap : tally.gaps()) {
    json["gaps"].push_back({{"from_ns", gap.from}, {"to_ns", gap.to}});
  }
  return json.dump(2);
}

}  // namespace kvcluster::bench
