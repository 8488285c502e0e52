#include "replica/replica.hpp"

namespace kvcluster::replica {

Bytes& RequestBatch::begin() {
  buffer_.append(kv::StateMachine::kEntryTimeBytes, '\0');
  open_at_ = buffer_.size();
  return buffer_;
}

void RequestBatch::commit(std::uint64_t id, std::uint64_t connection, Mode mode, Index min_index) {
  items_.push_back({id, connection, mode, min_index, open_at_, buffer_.size() - open_at_});
}

void RequestBatch::abandon() { buffer_.resize(open_at_ - kv::StateMachine::kEntryTimeBytes); }

Bytes RequestBatch::take_buffer() {
  Bytes taken = std::move(buffer_);
  buffer_ = Bytes();
  return taken;
}

void RequestBatch::clear() {
  buffer_.clear();
  items_.clear();
}

}  // namespace kvcluster::replica
