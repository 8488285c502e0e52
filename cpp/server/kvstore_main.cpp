// kvstore: one node of a cluster, as a process.
#include <sys/stat.h>

#include <cstdio>
#include <string>
#include <vector>

#include "server/cli_options.hpp"
#include "server/node.hpp"
#include "server/ready_report.hpp"
#include "server/stop_signals.hpp"

namespace {

using kvcluster::Error;
using kvcluster::ErrorCode;
using kvcluster::Status;
namespace server = kvcluster::server;
using server::ExitCode;

int end_with(ExitCode code, const std::string& line) {
  std::fprintf(code == ExitCode::kStopped ? stdout : stderr, "%s\n", line.c_str());
  return static_cast<int>(code);
}

int end_with(const Error& error) {
  ExitCode code = ExitCode::kStorage;
  if (error.code == ErrorCode::kInvalidArgument) code = ExitCode::kUsage;
  if (error.code == ErrorCode::kBusy) code = ExitCode::kCannotListen;
  return end_with(code, "kvstore: " + error.message());
}

Status report_ready(const server::Node& node, const server::CliOptions& options) {
  std::printf("%s\n", server::ready_line(node).c_str());
  std::fflush(stdout);
  if (!options.ports_file.empty()) {
    KV_TRY(server::write_whole_file(options.ports_file, server::ready_json(node)));
  }
  if (options.ready_fd >= 0) {
    KV_TRY(server::write_and_close(options.ready_fd, server::ready_json(node)));
  }
  return {};
}

}  // namespace

int main(int argc, char** argv) {
  // Whatever is made here is for the owner only.
  ::umask(0077);
  const std::vector<std::string> arguments(argv + 1, argv + argc);
  const auto options = server::parse_command_line(arguments);
  if (!options) return end_with(options.error().code, options.error().text);

  server::StopSignals signals;
  const auto started = server::Node::start(options->node);
  if (!started) return end_with(started.error());
  server::Node& node = **started;
  if (const Status reported = report_ready(node, *options); !reported) {
    return end_with(reported.error());
  }
  signals.watch([&node] { node.request_stop(); });
  node.wait();
  signals.end();
  if (const auto failure = node.failed()) return end_with(*failure);
  return static_cast<int>(ExitCode::kStopped);
}
