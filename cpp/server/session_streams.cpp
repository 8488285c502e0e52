// XREAD BLOCK. The read itself is an ordinary one, and linearizable. When it finds nothing, the
// client waits on this node, for as long as it asked, and is answered from this node's own state:
// what is newer there than the positions of the read is newer everywhere.
#include <utility>
#include <vector>

#include "server/client_errors.hpp"
#include "server/session.hpp"

namespace kvcluster::server {
namespace {

// Beyond, a time to wait is as good as none.
constexpr std::int64_t kLongestWaitMs = std::int64_t{10} * 365 * 24 * 3'600'000;

std::vector<std::uint64_t> positions_of(const kv::Array& reply) {
  std::vector<std::uint64_t> positions;
  for (const kv::Reply& item : reply.items) {
    const auto* position = std::get_if<std::int64_t>(&item.value);
    positions.push_back(position == nullptr ? 0 : static_cast<std::uint64_t>(*position));
  }
  return positions;
}

}  // namespace

void Session::begin_stream_read(BytesView encoded, std::int64_t block_ms, bool local) {
  const bool bounded = block_ms > 0 && block_ms < kLongestWaitMs;
  stream_read_ =
      StreamRead{.request = Bytes(encoded),
                 .local = local,
                 .deadline = bounded ? context_.view.now() + std::chrono::milliseconds(block_ms)
                                     : Instant::max()};
}

bool Session::wait_for_stream(std::uint64_t id, const kv::Reply& answer) {
  const auto* positions = std::get_if<kv::Array>(&answer.value);
  if (positions == nullptr || !stream_read_) {  // messages, or an error
    stream_read_.reset();
    return false;
  }
  StreamRead& read = *stream_read_;
  read.id = id;
  kv::encode_resumed_read(read.request, positions_of(*positions), read.resumed);
  read.parked = true;
  if (read.ending || read.deadline <= context_.view.now()) {
    end_stream_read(kv::Reply::nil());
    return true;
  }
  if (!context_.stream_waits.add(client_.id, kv::streams_of_read(read.request), read.deadline)) {
    end_stream_read(kv::Reply::error(
        "TRYAGAIN so many clients wait in XREAD BLOCK on this node that one more may not"));
    return true;
  }
  retry_stream_read();  // a message may have come between the read and now
  return true;
}

void Session::retry_stream_read() {
  if (!stream_read_ || !stream_read_->parked) return;
  if (const auto error = not_serving_error(context_.view)) {
    return end_stream_read(kv::Reply::error(*error));
  }
  const kv::StateMachine* const state = context_.view.state();
  if (state == nullptr) return;
  const kv::Reply reply = state->read(stream_read_->resumed, context_.view.wall());
  if (!std::holds_alternative<kv::Nil>(reply.value)) end_stream_read(reply);
}

void Session::end_stream_read(const kv::Reply& answer) {
  if (!stream_read_) return;
  if (!stream_read_->parked) {
    stream_read_->ending = true;  // the read itself is under way, and will be answered
    return;
  }
  context_.stream_waits.remove(client_.id);
  const std::uint64_t id = stream_read_->id;
  stream_read_.reset();
  const ReplyQueue::Waiting* const waiting = replies_.find(id, kNumberMask);
  if (waiting != nullptr) this->answer(id, ReplyQueue::Waiting(*waiting), answer);
}

void Session::stop() {
  client_.closing = true;
  end_stream_read(kv::Reply::nil());
}

}  // namespace kvcluster::server
