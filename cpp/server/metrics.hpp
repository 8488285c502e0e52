// The figures of a node in Prometheus's text format.
#pragma once

#include <string>

#include "server/front.hpp"
#include "server/node_view.hpp"

namespace kvcluster::server {

[[nodiscard]] std::string metrics_text(const NodeView& view, const FrontCounters& counters);

}  // namespace kvcluster::server
