// What the HTTP port shows of a node: /metrics, /healthz, /readyz and /status.
#pragma once

#include "base/bytes.hpp"
#include "server/front.hpp"
#include "server/http_server.hpp"
#include "server/node_view.hpp"

namespace kvcluster::server {

// /metrics  Prometheus text format
// /healthz  200 while the node runs
// /readyz   200 when it serves and knows a leader, 503 and the reason otherwise
// /status   JSON
[[nodiscard]] HttpResponse http_page(BytesView path, const NodeView& view,
                                     const FrontCounters& counters);

}  // namespace kvcluster::server
