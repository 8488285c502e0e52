// How cluster clients and sentinel clients learn who the members are and who leads: one range of
// hash slots, 0 to 16383, served by the leader, with all other members as its replicas.
#pragma once

#include "server/command_dispatch.hpp"

namespace kvcluster::server {

[[nodiscard]] kv::Reply run_cluster(const LocalCall& call);
[[nodiscard]] kv::Reply run_sentinel(const LocalCall& call);
[[nodiscard]] kv::Reply run_role(const LocalCall& call);

}  // namespace kvcluster::server
