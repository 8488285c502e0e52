// HELLO, AUTH, PING and all else that concerns one connection only.
#pragma once

#include "server/command_dispatch.hpp"

namespace kvcluster::server {

[[nodiscard]] kv::Reply run_auth(const LocalCall& call);
[[nodiscard]] kv::Reply run_client(const LocalCall& call);
[[nodiscard]] kv::Reply run_echo(const LocalCall& call);
[[nodiscard]] kv::Reply run_hello(const LocalCall& call);
[[nodiscard]] kv::Reply run_min_index(const LocalCall& call);
[[nodiscard]] kv::Reply run_ping(const LocalCall& call);
[[nodiscard]] kv::Reply run_quit(const LocalCall& call);
[[nodiscard]] kv::Reply run_readonly(const LocalCall& call);
[[nodiscard]] kv::Reply run_readwrite(const LocalCall& call);
[[nodiscard]] kv::Reply run_select(const LocalCall& call);

}  // namespace kvcluster::server
