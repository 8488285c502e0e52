// kv_client: one command to the cluster, from a shell.

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <cstdio>
#include <fstream>
#include <string>

#include "client/address.hpp"
#include "client/cluster_client.hpp"
#include "client/kv_client_commands.hpp"
#include "client/reply_text.hpp"

namespace {

using namespace kvcluster;  // NOLINT(google-build-using-namespace): a main file

enum Exit : int {
  kDone = 0,
  kNotFound = 1,
  kUsage = 2,
  kNotApplied = 3,
  kUnknown = 4,
};

constexpr const char* kFooter = R"(Examples:
  kv_client --port 9001 put greeting hello
  kv_client --port 9002 get greeting
  kv_client --port 9001 --client-id till-7 --seq 42 incr sold
      sent again with the same --client-id and --seq, it answers the same and adds nothing
  kv_client --nodes 127.0.0.1:9001,127.0.0.1:9002,127.0.0.1:9003 put k v
      goes on with another node when one is down

Exit codes:
  0  done
  1  not found (or: a compare-and-set met another revision)
  2  wrong usage, or the command itself was refused; nothing was changed
  3  certainly not applied: no node could take it in time
  4  outcome unknown: it may yet be applied; only with --client-id and --seq may it be sent again)";

struct Settings {
  std::string host = "127.0.0.1";
  std::uint16_t port = 0;
  std::string nodes;
  std::string password_file;
  std::int64_t timeout_ms = 5000;
  bool json = false;
  client::Session session;
};

int report(const Settings& settings, Exit code, const char* outcome, const std::string& error) {
  if (settings.json) {
    fmt::print("{}\n", client::error_json(outcome, error));
  } else {
    fmt::print(stderr, "kv_client: {}: {}\n", outcome, error);
  }
  return code;
}

// The first line of the file. Errors: kIo, kInvalidArgument.
Result<std::string> password_of(const Settings& settings) {
  if (settings.password_file.empty()) return std::string();
  std::ifstream file(settings.password_file);
  std::string line;
  if (!file) return fail(ErrorCode::kIo, "cannot read " + settings.password_file);
  if (!std::getline(file, line) || line.empty()) {
    return fail(ErrorCode::kInvalidArgument, "no password in " + settings.password_file);
  }
  return line;
}

int run(const Settings& settings, const client::Request& request, client::Options options) {
  client::ClusterClient cluster(std::move(options));
  const auto reply = cluster.call(request.args, request.repeat);
  if (!reply) {
    const bool unknown = reply.error().code == ErrorCode::kTimeout && request.is_write;
    if (unknown) return report(settings, kUnknown, "outcome unknown", reply.error().context);
    return report(settings, kNotApplied, request.is_write ? "not applied" : "no answer",
                  reply.error().context);
  }
  if (const auto* error = std::get_if<kv::ErrorReply>(&reply->value)) {
    // NOAUTH, OOM and the like are about the node, the others about this command.
    const bool usage = error->text.starts_with("ERR") || error->text.starts_with("WRONGTYPE");
    return report(settings, usage ? kUsage : kNotApplied, "refused", error->text);
  }
  const bool missing = client::is_not_found(request, *reply);
  if (settings.json) {
    fmt::print("{}\n", client::to_json(*reply, request.shape));
  } else {
    fmt::print("{}\n", client::to_text(*reply, request.shape));
  }
  return missing ? kNotFound : kDone;
}

Result<std::vector<client::Address>> nodes_of(const Settings& settings) {
  std::vector<client::Address> nodes;
  if (settings.port != 0) nodes.push_back({settings.host, settings.port});
  if (!settings.nodes.empty()) {
    auto more = client::parse_addresses(settings.nodes, settings.host);
    if (!more) return std::unexpected(more.error());
    nodes.insert(nodes.end(), more->begin(), more->end());
  }
  if (nodes.empty()) {
    return fail(ErrorCode::kInvalidArgument,
                "which node? give --port PORT (and --host), or --nodes HOST:PORT,...");
  }
  return nodes;
}

}  // namespace

int main(int argc, char** argv) {
  Settings settings;
  client::Request request;
  CLI::App app{
      "Sends one command to a kvcluster. Any node will do: it passes on what only the "
      "leader may answer.",
      "kv_client"};
  app.footer(kFooter);
  app.set_version_flag("--version", std::string("kv_client ") + KVCLUSTER_VERSION);
  app.add_option("--host", settings.host, "Host of the node")->capture_default_str();
  app.add_option("--port", settings.port, "Port of any node")->check(CLI::Range(1, 65535));
  app.add_option("--nodes", settings.nodes, "Several nodes, host:port,host:port,...");
  app.add_option("--password-file", settings.password_file,
                 "File whose first line is the password of the nodes");
  app.add_option("--timeout-ms", settings.timeout_ms, "For the whole call")
      ->capture_default_str()
      ->check(CLI::Range(1, 3'600'000));
  app.add_flag("--json", settings.json, "Print one line of JSON");
  auto* id = app.add_option("--client-id", settings.session.client_id,
                            "Apply the write exactly once: who asks");
  auto* sequence = app.add_option("--seq", settings.session.sequence,
                                  "Apply the write exactly once: number of the request, rising");
  id->needs(sequence);
  sequence->needs(id);
  app.require_subcommand(1);
  app.fallthrough();
  client::add_commands(app, request);

  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& shown) {
    return app.exit(shown);
  } catch (const CLI::ParseError& error) {
    const bool unknown = app.get_subcommands().empty() && !app.remaining().empty();
    const std::string what =
        unknown ? fmt::format("there is no command '{}'", app.remaining().front()) : error.what();
    fmt::print(stderr, "kv_client: {} (see kv_client --help)\n", what);
    return kUsage;
  }
  if (id->count() > 0) {
    if (!request.is_write) {
      return report(settings, kUsage, "usage", "--client-id and --seq are for writes; this reads");
    }
    if (settings.session.client_id.empty() || settings.session.sequence == 0) {
      return report(settings, kUsage, "usage", "--client-id must not be empty, --seq starts at 1");
    }
    request = client::in_session(settings.session, std::move(request));
  }
  auto nodes = nodes_of(settings);
  if (!nodes) return report(settings, kUsage, "usage", nodes.error().context);
  auto password = password_of(settings);
  if (!password) return report(settings, kUsage, "usage", password.error().context);
  client::Options options;
  options.nodes = std::move(*nodes);
  options.timeout = std::chrono::milliseconds(settings.timeout_ms);
  options.password = std::move(*password);
  options.resp3 = request.shape == client::Shape::kPairs;
  return run(settings, request, std::move(options));
}
