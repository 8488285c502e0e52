// What a node tells of itself in Redis's words: COMMAND, INFO, CONFIG GET, TIME.
#pragma once

#include "server/command_dispatch.hpp"

namespace kvcluster::server {

[[nodiscard]] kv::Reply run_command(const LocalCall& call);
[[nodiscard]] kv::Reply run_config(const LocalCall& call);
[[nodiscard]] kv::Reply run_info(const LocalCall& call);
[[nodiscard]] kv::Reply run_time(const LocalCall& call);

}  // namespace kvcluster::server
