// Turns the trace of consensus into log lines in which an election can be read.
#pragma once

#include <vector>

#include "base/time.hpp"
#include "raft/configuration.hpp"
#include "raft/effects.hpp"
#include "server/node_log.hpp"

namespace kvcluster::server {

// `uptime` of the node: consensus cannot tell how long there was no leader before it began.
void log_trace(NodeLog& log, const std::vector<raft::Trace>& trace,
               const raft::Configuration& configuration, Duration uptime);

}  // namespace kvcluster::server
