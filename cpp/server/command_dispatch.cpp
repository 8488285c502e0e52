#include "server/command_dispatch.hpp"

#include <absl/container/flat_hash_map.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>

#include "server/commands_connection.hpp"
#include "server/commands_introspection.hpp"
#include "server/commands_kv.hpp"
#include "server/commands_topology.hpp"

namespace kvcluster::server {
namespace {

constexpr auto kNone = SessionVerb::kNone;
constexpr auto kRun = InTransaction::kRun;
constexpr auto kQueue = InTransaction::kQueue;
constexpr auto kForbid = InTransaction::kForbid;

// clang-format off
constexpr LocalCommand kCommands[] = {
    {"auth", -2, kNone, run_auth, kForbid, true, 0, 0, 0, "connection",
     "Authenticates the connection."},
    {"client", -2, kNone, run_client, kForbid, false, 0, 0, 0, "connection",
     "Names the connection and tells of it."},
    {"cluster", -2, kNone, run_cluster, kForbid, false, 0, 0, 0, "cluster",
     "The members, their addresses and the leader, for cluster clients."},
    {"command", -1, kNone, run_command, kForbid, false, 0, 0, 0, "server",
     "The commands of this server, their arity and the positions of their keys."},
    {"config", -2, kNone, run_config, kForbid, false, 0, 0, 0, "server",
     "Settings of this node; they are read only."},
    {"discard", 1, SessionVerb::kDiscard, nullptr, kRun, false, 0, 0, 0, "transactions",
     "Forgets the queued commands and the watched keys."},
    {"echo", 2, kNone, run_echo, kQueue, false, 0, 0, 0, "connection",
     "Answers with its argument."},
    {"exec", 1, SessionVerb::kExec, nullptr, kRun, false, 0, 0, 0, "transactions",
     "Applies the queued commands as one entry of the log."},
    {"hello", -1, kNone, run_hello, kForbid, true, 0, 0, 0, "connection",
     "Chooses the protocol version; may authenticate and name the connection."},
    {"info", -1, kNone, run_info, kForbid, false, 0, 0, 0, "server",
     "What this node is, does and has, as text."},
    {"kv.hash", -1, SessionVerb::kHash, nullptr, kForbid, false, 0, 0, 0, "kvcluster",
     "The digests of this node's own state at its applied index; FULL computes the canonical one."},
    {"kv.minindex", 2, kNone, run_min_index, kForbid, false, 0, 0, 0, "kvcluster",
     "Lets this connection's READONLY reads wait until an index is applied."},
    {"kv.status", 1, kNone, run_status, kForbid, false, 0, 0, 0, "kvcluster",
     "What this node is, does and has, as a map."},
    {"kv.transfer", -1, kNone, run_transfer, kForbid, false, 0, 0, 0, "kvcluster",
     "Hands the leadership to a member, or to the best one."},
    {"kv.unwatch", -1, SessionVerb::kKeyUnwatch, nullptr, kForbid, false, 0, 0, 0, "kvcluster",
     "Ends the watch of a prefix, or all of this connection; how many that were."},
    {"kv.watch", -2, SessionVerb::kKeyWatch, nullptr, kForbid, false, 0, 0, 0, "kvcluster",
     "Pushes every change of the keys with a prefix, in order, from a revision on."},
    {"kv.why", 1, kNone, run_why, kForbid, false, 0, 0, 0, "kvcluster",
     "Why there is no leader, or why a write waits, in plain words."},
    {"multi", 1, SessionVerb::kMulti, nullptr, kRun, false, 0, 0, 0, "transactions",
     "Queues the commands up to EXEC."},
    {"ping", -1, kNone, run_ping, kQueue, false, 0, 0, 0, "connection",
     "Answers PONG, or its argument."},
    {"quit", -1, kNone, run_quit, kRun, true, 0, 0, 0, "connection",
     "Closes the connection."},
    {"readonly", 1, kNone, run_readonly, kForbid, false, 0, 0, 0, "cluster",
     "Lets this connection's reads see this node's own state."},
    {"readwrite", 1, kNone, run_readwrite, kForbid, false, 0, 0, 0, "cluster",
     "Makes this connection's reads linearizable again."},
    {"reset", 1, SessionVerb::kReset, nullptr, kRun, true, 0, 0, 0, "connection",
     "Makes the connection as it was when it began."},
    {"role", 1, kNone, run_role, kForbid, false, 0, 0, 0, "server",
     "Whether this node leads, and who follows or is followed."},
    {"scan", -2, SessionVerb::kScan, nullptr, kForbid, false, 0, 0, 0, "generic",
     "Iterates over the keys."},
    {"select", 2, kNone, run_select, kQueue, false, 0, 0, 0, "connection",
     "Chooses the database; there is only 0."},
    {"sentinel", -2, kNone, run_sentinel, kForbid, false, 0, 0, 0, "sentinel",
     "The leader and its followers, for sentinel clients."},
    {"time", 1, kNone, run_time, kQueue, false, 0, 0, 0, "server",
     "The wall clock of this node: seconds and microseconds."},
    {"unwatch", 1, SessionVerb::kUnwatch, nullptr, kRun, false, 0, 0, 0, "transactions",
     "Forgets the watched keys."},
    {"watch", -2, SessionVerb::kWatch, nullptr, kRun, false, 1, -1, 1, "transactions",
     "Makes the next EXEC do nothing when one of the keys has changed by then."},
};
// clang-format on

static_assert(std::ranges::is_sorted(kCommands, {}, &LocalCommand::name));

constexpr std::size_t kLongestName = 16;

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

const absl::flat_hash_map<BytesView, const LocalCommand*>& by_name() {
  static const auto kMap = [] {
    absl::flat_hash_map<BytesView, const LocalCommand*> map;
    for (const LocalCommand& command : kCommands) map.emplace(command.name, &command);
    return map;
  }();
  return kMap;
}

}  // namespace

std::span<const LocalCommand> local_commands() { return kCommands; }

const LocalCommand* find_local_command(BytesView name) {
  if (name.size() > kLongestName) return nullptr;
  std::array<char, kLongestName> lowered;
  std::ranges::transform(name, lowered.begin(), lower);
  const auto found = by_name().find(BytesView(lowered.data(), name.size()));
  return found == by_name().end() ? nullptr : found->second;
}

bool equals_ignoring_case(BytesView text, BytesView lower_case) {
  return std::ranges::equal(text, lower_case, {}, lower);
}

kv::Reply wrong_arity(BytesView name) {
  return kv::Reply::error(fmt::format("ERR wrong number of arguments for '{}' command", name));
}

kv::Reply unknown_subcommand(BytesView command, BytesView subcommand,
                             std::span<const BytesView> known) {
  constexpr std::size_t kShown = 128;
  return kv::Reply::error(fmt::format("ERR unknown subcommand '{}'. {} has {}.",
                                      subcommand.substr(0, kShown), command,
                                      fmt::join(known, ", ")));
}

}  // namespace kvcluster::server
