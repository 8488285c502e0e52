// What the sessions of one node share.
#pragma once

#include "replica/replica.hpp"
#include "server/front.hpp"
#include "server/key_watches.hpp"
#include "server/node_view.hpp"
#include "server/scan_cursors.hpp"
#include "server/stream_waits.hpp"

namespace kvcluster::server {

struct SessionContext {
  NodeView& view;
  const NodeOptions& options;  // the view's
  ScanCursors cursors;
  replica::RequestBatch batch{};
  FrontCounters counters{};
  KeyWatches key_watches{};
  StreamWaits stream_waits{options.client_limits.max_blocked_reads};
};

}  // namespace kvcluster::server
