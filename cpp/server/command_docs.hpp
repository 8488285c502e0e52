// COMMAND and its subcommands: all commands of a node, local ones and data commands, in the form
// that clients route and help by.
#pragma once

#include "kv/reply.hpp"
#include "server/command_dispatch.hpp"

namespace kvcluster::server {

// [name, arity, [flags], first key, last key, step, ...] of each.
[[nodiscard]] kv::Reply all_command_infos();
// The same of one; nil when there is none of this name.
[[nodiscard]] kv::Reply command_info(BytesView name);
[[nodiscard]] std::int64_t command_count();
// Name -> {summary, since, group}, of all or of those named; unknown names are left out.
[[nodiscard]] kv::Reply command_docs(Args names);
// The keys among the arguments of a command.
[[nodiscard]] kv::Reply command_keys(Args command);

}  // namespace kvcluster::server
