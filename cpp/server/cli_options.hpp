// The command line of `kvstore`, and the configuration file that may hold the same settings.
#pragma once

#include <expected>
#include <span>
#include <string>

#include "server/node_options.hpp"

namespace kvcluster::server {

// Of the process; told in --help.
enum class ExitCode : int {
  kStopped = 0,
  kUsage = 2,
  kStorage = 3,
  kCannotListen = 4,
};

struct CliOptions {
  NodeOptions node;
  std::string ports_file;  // written once the node listens; empty: none
  int ready_fd = -1;       // told the same; -1: none
};

// Why there is nothing to start: help or version (kStopped, for standard output), or one line that
// says what is wrong and what to do (kUsage, for standard error).
struct CliExit {
  ExitCode code = ExitCode::kUsage;
  std::string text;
};

// `arguments` without the program's name. Reads the configuration and password files that it names.
[[nodiscard]] std::expected<CliOptions, CliExit> parse_command_line(
    std::span<const std::string> arguments);

}  // namespace kvcluster::server
