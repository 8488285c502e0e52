// What a state machine tells of its changes, handed to all who want to know.
#pragma once

#include "kv/change.hpp"
#include "replica/change_ring.hpp"
#include "server/touched_streams.hpp"

namespace kvcluster::server {

struct ChangeFeed final : kv::ChangeObserver {
  explicit ChangeFeed(replica::ChangeRing& the_ring) : ring(the_ring) {}

  void changed(const kv::Change& change) override {
    ring.changed(change);
    streams.changed(change);
  }
  void applied(Index index) override { ring.applied(index); }
  void restored(Index index) override {
    ring.restored(index);
    streams.restored();
  }

  replica::ChangeRing& ring;
  TouchedStreams streams;
};

}  // namespace kvcluster::server
