#include "server/commands_introspection.hpp"

#include <fmt/format.h>

#include <array>
#include <string>
#include <utility>
#include <vector>

#include "kv/glob.hpp"
#include "server/command_docs.hpp"
#include "server/info_text.hpp"

namespace kvcluster::server {
namespace {

using kv::Reply;

// What tools for Redis ask before they begin, and what an operator may want to see.
std::vector<std::pair<BytesView, std::string>> settings(const NodeView& view) {
  const NodeOptions& options = view.options();
  // As bound, which --port 0 does not tell.
  const std::string& address = view.client_address();
  const auto seconds = [](Duration duration) {
    return std::chrono::duration_cast<std::chrono::seconds>(duration).count();
  };
  const auto milliseconds = [](Duration duration) {
    return std::chrono::duration_cast<std::chrono::milliseconds>(duration).count();
  };
  return {
      {"appendfsync", "always"},
      {"appendonly", "yes"},
      {"bind", options.host},
      {"databases", "1"},
      {"dir", options.data_dir},
      {"election-timeout-ms", fmt::format("{}-{}", milliseconds(options.election_timeout_min),
                                          milliseconds(options.election_timeout_max))},
      {"heartbeat-ms", fmt::format("{}", milliseconds(options.heartbeat_interval))},
      {"max-value-bytes", fmt::format("{}", options.limits.max_value_bytes)},
      {"maxclients", fmt::format("{}", options.client_limits.max_connections)},
      {"maxmemory", "0"},
      {"port", address.substr(address.rfind(':') + 1)},
      {"priority", fmt::format("{}", options.priority)},
      {"proto-max-bulk-len", fmt::format("{}", options.limits.max_value_bytes)},
      {"request-timeout-ms", fmt::format("{}", milliseconds(options.request_timeout))},
      {"save", ""},
      {"timeout", fmt::format("{}", seconds(options.client_limits.idle_timeout))},
  };
}

Reply config_get(const LocalCall& call) {
  std::vector<std::pair<Reply, Reply>> found;
  for (const auto& [name, value] : settings(call.context.view)) {
    for (const BytesView pattern : call.args.subspan(2)) {
      if (pattern.size() > kv::kMaxPatternBytes) {
        return Reply::error("ERR the pattern is too long");
      }
      if (!equals_ignoring_case(pattern, name) && !kv::glob_matches(pattern, name)) continue;
      found.emplace_back(Reply::bulk(name), Reply::bulk(value));
      break;
    }
  }
  return Reply::map(std::move(found));
}

}  // namespace

Reply run_config(const LocalCall& call) {
  if (equals_ignoring_case(call.args[1], "get")) {
    return call.args.size() < 3 ? wrong_arity("config|get") : config_get(call);
  }
  if (equals_ignoring_case(call.args[1], "set")) {
    return Reply::error(
        "ERR CONFIG SET is not supported: settings are given to kvstore when it starts");
  }
  return unknown_subcommand("CONFIG", call.args[1], std::array<BytesView, 1>{"get"});
}

Reply run_command(const LocalCall& call) {
  const Args rest = call.args.subspan(std::min<std::size_t>(2, call.args.size()));
  if (call.args.size() == 1) return all_command_infos();
  const BytesView subcommand = call.args[1];
  if (equals_ignoring_case(subcommand, "count")) {
    return rest.empty() ? Reply::integer(command_count()) : wrong_arity("command|count");
  }
  if (equals_ignoring_case(subcommand, "docs")) return command_docs(rest);
  if (equals_ignoring_case(subcommand, "info")) {
    if (rest.empty()) return all_command_infos();
    std::vector<Reply> infos;
    for (const BytesView name : rest) infos.push_back(command_info(name));
    return Reply::array(std::move(infos));
  }
  if (equals_ignoring_case(subcommand, "getkeys")) {
    return rest.empty() ? wrong_arity("command|getkeys") : command_keys(rest);
  }
  return unknown_subcommand("COMMAND", subcommand,
                            std::array<BytesView, 4>{"count", "docs", "getkeys", "info"});
}

Reply run_info(const LocalCall& call) {
  return Reply::bulk(info_text(call.context, call.args.subspan(1)));
}

Reply run_time(const LocalCall& call) {
  // The clock is read once a turn, in milliseconds.
  const WallMillis now = call.context.view.wall();
  return Reply::array({Reply::bulk(fmt::format("{}", now / 1000)),
                       Reply::bulk(fmt::format("{}", now % 1000 * 1000))});
}

}  // namespace kvcluster::server
