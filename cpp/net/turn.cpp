#include "net/turn.hpp"

#include <algorithm>
#include <cstddef>

namespace kvcluster::net {

Flushable::~Flushable() {
  if (marked_) std::ranges::replace(turn_->marked_, this, nullptr);
}

void Flushable::mark() {
  if (marked_) return;
  marked_ = true;
  turn_->marked_.push_back(this);
}

Turn::~Turn() {
  for (Flushable* const item : marked_) {
    if (item != nullptr) item->marked_ = false;
  }
}

void Turn::flush() {
  // By index: a flush that fails may mark others, or destroy them.
  for (std::size_t i = 0; i < marked_.size(); ++i) {
    Flushable* const item = marked_[i];
    if (item == nullptr) continue;
    marked_[i] = nullptr;
    item->marked_ = false;
    item->flush();
  }
  marked_.clear();
}

}  // namespace kvcluster::net
