// The commands that a node answers by itself, without the log: connection, topology, introspection,
// and those that shape the session. All others are data commands (kv/command_table.hpp).
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/bytes.hpp"
#include "kv/reply.hpp"
#include "server/client_state.hpp"
#include "server/session_context.hpp"

namespace kvcluster::server {

using Args = std::span<const BytesView>;

// One call of a local command; `args` begins with its name and has the right count.
struct LocalCall {
  Args args;
  ClientState& client;
  SessionContext& context;
};
using LocalHandler = kv::Reply (*)(const LocalCall& call);

// What only the session itself can do.
enum class SessionVerb : std::uint8_t {
  kNone,  // the handler does it
  kMulti,
  kExec,
  kDiscard,
  kWatch,
  kUnwatch,
  kScan,
  kHash,
  kKeyWatch,
  kKeyUnwatch,
  kReset,
};

// What becomes of a command between MULTI and EXEC.
enum class InTransaction : std::uint8_t {
  kRun,     // at once, as outside
  kQueue,   // its reply takes its place among EXEC's
  kForbid,  // an error, and EXEC will refuse
};

struct LocalCommand {
  BytesView name;  // lower case
  int arity;       // with the name; negative: at least so many
  SessionVerb verb;
  LocalHandler handler;  // nullptr when `verb` names the work
  InTransaction in_transaction;
  bool before_auth;
  int first_key, last_key, key_step;
  BytesView group;
  BytesView summary;

  [[nodiscard]] bool takes(std::size_t arguments) const {
    return arity >= 0 ? arguments == static_cast<std::size_t>(arity)
                      : arguments >= static_cast<std::size_t>(-arity);
  }
};

// Ascending by name.
[[nodiscard]] std::span<const LocalCommand> local_commands();
// nullptr when there is none of this name (any case).
[[nodiscard]] const LocalCommand* find_local_command(BytesView name);

// True when both are the same but for the case of ASCII letters. Requires: `lower` is lower case.
[[nodiscard]] bool equals_ignoring_case(BytesView text, BytesView lower);

// "ERR wrong number of arguments for 'get' command"; `name` as the client should read it.
[[nodiscard]] kv::Reply wrong_arity(BytesView name);
// "ERR unknown subcommand 'X'. NAME has a, b." There is no HELP, to which Redis would send.
[[nodiscard]] kv::Reply unknown_subcommand(BytesView command, BytesView subcommand,
                                           std::span<const BytesView> known);
// The names in a table of subcommands, for it.
template <typename Subcommands>
[[nodiscard]] std::vector<BytesView> names_of(const Subcommands& subcommands) {
  std::vector<BytesView> names;
  for (const auto& subcommand : subcommands) names.push_back(subcommand.name);
  return names;
}

}  // namespace kvcluster::server
