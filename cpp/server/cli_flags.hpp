// The flags of `kvstore` as they are given, before anything is compared with anything else.
#pragma once

#include <CLI/App.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "server/cli_options.hpp"

namespace kvcluster::server {

inline constexpr std::uint64_t kMaxFlagMillis = 3'600'000;

// What needs a second look; all other flags go straight into CliOptions.
struct RawFlags {
  std::optional<std::uint64_t> id;
  std::uint16_t port = 9001;
  std::vector<std::string> peers;
  std::string election_timeout_ms = "150-300";
  std::uint64_t heartbeat_ms = 50;
  std::uint64_t request_timeout_ms = 5000;
  std::uint64_t leader_wait_ms = 0;
  std::uint64_t idle_timeout_ms = 0;
  std::string password_file;
  std::string follower_mode = "proxy";
  std::string log_format = "text";
};

// Declares every flag, with its help, default and bounds. `raw` and `options` are filled while
// `app` parses, and must live as long.
void declare_flags(CLI::App& app, RawFlags& raw, CliOptions& options);

}  // namespace kvcluster::server
