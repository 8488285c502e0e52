// Which streams the entries of a turn have changed, for the clients that wait for one.
//
// Thread-safety: none; the reactor thread only.
#pragma once

#include <cstddef>
#include <utility>
#include <vector>

#include "base/bytes.hpp"
#include "kv/change.hpp"

namespace kvcluster::server {

class TouchedStreams {
 public:
  // Nothing is kept while nobody is interested.
  void want(bool wanted) { wanted_ = wanted; }

  void changed(const kv::Change& change) {
    if (!wanted_ || change.kind != kv::ChangeKind::kStream || all_) return;
    if (!keys_.empty() && keys_.back() == change.key) return;
    all_ = keys_.size() == kMaxKeys;
    if (!all_) keys_.emplace_back(change.key);
  }
  // The state is another one.
  void restored() { all_ = true; }

  // Any of them may have changed: too many have, or the state is another one.
  [[nodiscard]] bool take_all() { return std::exchange(all_, false); }
  [[nodiscard]] std::vector<Bytes> take() { return std::exchange(keys_, {}); }

 private:
  static constexpr std::size_t kMaxKeys = 1024;

  bool wanted_ = false;
  bool all_ = false;
  std::vector<Bytes> keys_;
};

}  // namespace kvcluster::server
