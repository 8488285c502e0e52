// Turns the trace of consensus into log lines in which an election can be read.
#pragma once

#include <vector>

#include "raft/configuration.hpp"
#include "raft/effects.hpp"
#include "server/node_log.hpp"

namespace kvcluster::server {

void log_trace(NodeLog& log, const std::vector<raft::Trace>& trace,
               const raft::Configuration& configuration);

}  // namespace kvcluster::server
