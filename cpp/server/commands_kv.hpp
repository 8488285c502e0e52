// What a node tells of itself in our own words: KV.STATUS, KV.WHY, KV.TRANSFER.
#pragma once

#include "server/command_dispatch.hpp"

namespace kvcluster::server {

[[nodiscard]] kv::Reply run_status(const LocalCall& call);
[[nodiscard]] kv::Reply run_transfer(const LocalCall& call);
[[nodiscard]] kv::Reply run_why(const LocalCall& call);

}  // namespace kvcluster::server
