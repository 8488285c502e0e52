// kv_bench: load on any server that speaks RESP, and what it answered with.

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <atomic>
#include <csignal>
#include <cstdio>
#include <fstream>
#include <string>

#include "bench/find_leader.hpp"
#include "bench/load.hpp"
#include "bench/report.hpp"

namespace {

using namespace kvcluster;  // NOLINT(google-build-using-namespace): a main file

enum Exit : int { kPassed = 0, kFailed = 1, kUsage = 2, kNoServer = 3 };

constexpr const char* kFooter = R"(Examples:
  kv_bench --port 9001 --command set -c 50 -P 16
      writes as fast as 50 connections with 16 commands each on the way can
  kv_bench --nodes 127.0.0.1:9001,127.0.0.1:9002,127.0.0.1:9003 --ycsb a --keys 1000000
      YCSB's mix A against whichever node leads; put the keys there first with --command fill
  kv_bench --port 9001 --rate 20000 -c 50 -P 64 --json out.json
      an open loop: 20,000 commands a second, each due at a time of its own. Latencies count from
      that time, so that a stall shows in all that it delayed
  kv_bench --port 6379 --wait 1 -c 50 -P 16
      Redis with replicas: each batch counts when one replica has it

Closed loop (no --rate): a connection sends P commands, and the next P when all are answered.
A scan is KV.RANGE, which Redis does not have. A read-modify-write of YCSB's F is a GET and a SET
of one key, counted as two.

Exit codes:
  0  every request was answered
  1  some were not, or with an error; --tolerant makes that 0
  2  wrong usage
  3  no server)";

std::atomic<bool> interrupted{false};

struct Settings {
  std::string host = "127.0.0.1";
  std::uint16_t port = 0;
  std::string nodes;
  std::string target = "leader";
  std::string command = "set";
  std::string ycsb;
  std::string distribution;
  double warmup_s = 1;
  double duration_s = 5;
  double gap_ms = 0;
  std::string json;
  bool tolerant = false;
  bench::LoadOptions load;
};

std::chrono::nanoseconds nanos(double seconds) {
  return std::chrono::nanoseconds(static_cast<std::int64_t>(seconds * 1e9));
}

void declare(CLI::App& app, Settings& settings) {
  bench::LoadOptions& load = settings.load;
  bench::WorkloadOptions& work = load.workload;
  app.footer(kFooter);
  app.set_version_flag("--version", std::string("kv_bench ") + KVCLUSTER_VERSION);
  app.add_option("--host", settings.host, "Host of the server")->capture_default_str();
  app.add_option("--port", settings.port, "Port of the server")->check(CLI::Range(1, 65535));
  app.add_option("--nodes", settings.nodes, "Several servers, host:port,host:port,...");
  app.add_option("--target", settings.target,
                 "Of several servers, which: the leader as it is at the start, or all in turn")
      ->check(CLI::IsMember({"leader", "all"}))
      ->capture_default_str();
  app.add_option("-c,--connections", load.connections, "Connections")
      ->check(CLI::Range(1, 10'000))
      ->capture_default_str();
  app.add_option("-P,--depth", load.depth, "Commands of a connection on the way at a time")
      ->check(CLI::Range(1, 100'000))
      ->capture_default_str();
  app.add_option("--rate", load.rate_per_second,
                 "Open loop: commands a second over all connections; 0: closed loop")
      ->check(CLI::Range(0.0, 1e8))
      ->capture_default_str();
  app.add_option("--wait", load.wait_replicas, "After each batch, WAIT for so many replicas")
      ->check(CLI::Range(0, 9))
      ->capture_default_str();
  auto* command = app.add_option("--command", settings.command,
                                 "set, get, mix (half and half), or fill: every key once, in order")
                      ->check(CLI::IsMember({"set", "get", "mix", "fill"}))
                      ->capture_default_str();
  app.add_option("--ycsb", settings.ycsb, "One of YCSB's core workloads instead")
      ->check(CLI::IsMember({"a", "b", "c", "d", "e", "f"}))
      ->excludes(command);
  app.add_option("--keys", work.keys, "How many keys there are")
      ->check(CLI::Range(std::uint64_t{1}, std::uint64_t{1'000'000'000}))
      ->capture_default_str();
  app.add_option("--distribution", settings.distribution,
                 "uniform, or zipfian: few keys get most of the load [uniform; YCSB: its own]")
      ->check(CLI::IsMember({"uniform", "zipfian"}));
  app.add_option("--skew", work.skew, "Of a zipfian distribution")
      ->check(CLI::Range(0.01, 0.9999))
      ->capture_default_str();
  app.add_option("--value-bytes", work.value_bytes, "Size of a value")
      ->check(CLI::Range(0, 8 << 20))
      ->capture_default_str();
  app.add_option("--seed", work.seed, "Of the keys and values")->capture_default_str();
  app.add_option("--warmup", settings.warmup_s, "Seconds before the measured time")
      ->check(CLI::Range(0.0, 86400.0))
      ->capture_default_str();
  app.add_option("--duration", settings.duration_s, "Seconds of measured time")
      ->check(CLI::Range(0.01, 86400.0))
      ->capture_default_str();
  app.add_option("--requests", load.requests, "Measure so many requests instead of a time");
  app.add_option("--gap-ms", settings.gap_ms,
                 "Keep, for the JSON, the times without an acknowledged write that lasted so long")
      ->check(CLI::Range(0.0, 1e6));
  app.add_option("--json", settings.json, "Write the figures to this file");
  app.add_flag("--tolerant", settings.tolerant, "Failed requests are no failure of the run");
}

// Errors: kInvalidArgument, kUnavailable.
Status complete(Settings& settings) {
  bench::LoadOptions& load = settings.load;
  if (settings.port != 0) load.nodes.push_back({settings.host, settings.port});
  if (!settings.nodes.empty()) {
    auto more = client::parse_addresses(settings.nodes, settings.host);
    if (!more) return std::unexpected(more.error());
    load.nodes.insert(load.nodes.end(), more->begin(), more->end());
  }
  if (load.nodes.empty()) {
    return fail(ErrorCode::kInvalidArgument, "which server? give --port PORT or --nodes");
  }
  if (settings.ycsb.empty()) {
    KV_TRY(bench::use_command(settings.command, load.workload));
  } else {
    KV_TRY(bench::use_ycsb(settings.ycsb.front(), load.workload));
  }
  if (settings.distribution == "uniform") {
    load.workload.distribution = bench::Distribution::kUniform;
  } else if (settings.distribution == "zipfian") {
    load.workload.distribution = bench::Distribution::kZipfian;
  }
  const bool fill = settings.ycsb.empty() && settings.command == "fill";
  if (fill) {
    load.requests = load.workload.keys;
    settings.warmup_s = 0;
  }
  load.warmup = nanos(settings.warmup_s);
  load.duration = load.requests > 0 ? nanos(0) : nanos(settings.duration_s);
  load.gap_at_least = nanos(settings.gap_ms / 1e3);
  load.interrupted = &interrupted;
  if (load.nodes.size() > 1 && settings.target == "leader") {
    const auto leader = bench::find_leader(load.nodes, std::chrono::seconds(10));
    if (!leader) return std::unexpected(leader.error());
    // The others stay known: that is where to go on when the leader is lost.
    std::erase(load.nodes, *leader);
    load.nodes.insert(load.nodes.begin(), *leader);
    load.begin_with_first = true;
  }
  return {};
}

int refuse(Exit code, const std::string& why) {
  fmt::print(stderr, "kv_bench: {}\n", why);
  return code;
}

int run(Settings& settings) {
  if (const Status status = complete(settings); !status) {
    const bool usage = status.error().code == ErrorCode::kInvalidArgument;
    return refuse(usage ? kUsage : kNoServer, status.error().context);
  }
  const auto tally = bench::run_load(settings.load);
  if (!tally) return refuse(kNoServer, tally.error().context);
  fmt::print("{}\n", bench::to_text(*tally));
  if (!settings.json.empty()) {
    std::ofstream file(settings.json);
    file << bench::to_json(*tally, settings.load) << '\n';
    if (!file.flush()) return refuse(kUsage, "cannot write " + settings.json);
  }
  if (bench::passed(*tally)) return kPassed;
  return settings.tolerant && tally->completed > 0 ? kPassed : kFailed;
}

}  // namespace

int main(int argc, char** argv) {
  Settings settings;
  CLI::App app{"Load on a server that speaks RESP: kvcluster, Redis. Says how fast it answered.",
               "kv_bench"};
  declare(app, settings);
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& shown) {
    return app.exit(shown);
  } catch (const CLI::ParseError& error) {
    return refuse(kUsage, std::string(error.what()) + " (see kv_bench --help)");
  }
  const auto interrupt = [](int) { interrupted.store(true); };
  (void)std::signal(SIGINT, interrupt);
  (void)std::signal(SIGTERM, interrupt);
  return run(settings);
}
