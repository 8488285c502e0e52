// What the sessions of one node share.
#pragma once

#include "replica/replica.hpp"
#include "server/front.hpp"
#include "server/node_view.hpp"
#include "server/scan_cursors.hpp"

namespace kvcluster::server {

struct SessionContext {
  NodeView& view;
  const NodeOptions& options;  // the view's
  ScanCursors cursors;
  replica::RequestBatch batch;
  FrontCounters counters;
};

}  // namespace kvcluster::server
