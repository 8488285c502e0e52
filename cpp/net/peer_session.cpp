#include "net/peer_session.hpp"

#include <fmt/format.h>

#include <asio/buffer.hpp>
#include <asio/error.hpp>
#include <asio/post.hpp>
#include <utility>

#include "net/tcp.hpp"
#include "wire/peer_frame.hpp"
#include "wire/peer_hello.hpp"

namespace kvcluster::net {
namespace {

constexpr std::size_t kMaxInputBytes = wire::kFrameHeadBytes + wire::kMaxFrameBytes;

std::string closed_by(const std::error_code& error) {
  if (error == asio::error::eof) return "closed by the peer";
  return fmt::format("reading failed: {}", error.message());
}

}  // namespace

std::shared_ptr<PeerSession> PeerSession::start(Incoming incoming, PeerSessionHandler& handler,
                                                const PeerSessionOptions& options) {
  auto session = std::make_shared<PeerSession>(Private{}, std::move(incoming), handler, options);
  session->deadline_.expires_after(options.hello_deadline);
  session->deadline_.async_wait([weak = std::weak_ptr(session)](const std::error_code& error) {
    const auto self = weak.lock();
    if (!error && self && !self->hello_) self->fail("no hello in time");
  });
  // From the io_context: the owner must have the pointer before the first callback.
  asio::post(session->socket_.get_executor(), [session, tuned = tune_peer(session->socket_)] {
    if (!tuned) return session->fail(tuned.error().context);
    session->deliver();
  });
  return session;
}

PeerSession::PeerSession(Private /*key*/, Incoming incoming, PeerSessionHandler& handler,
                         const PeerSessionOptions& options)
    : socket_(std::move(incoming.socket)),
      slot_(std::move(incoming.slot)),
      remote_(std::move(incoming.remote)),
      handler_(&handler),
      options_(options),
      input_(kMaxInputBytes),
      deadline_(socket_.get_executor()) {
  input_.assign(incoming.read_ahead);
  bytes_received_ = incoming.read_ahead.size();
}

void PeerSession::read() {
  const ReadBuffer::Space space = input_.prepare();
  socket_.async_read_some(
      asio::buffer(space.data, space.size),
      InMemory(read_memory_,
               [self = shared_from_this()](const std::error_code& error, std::size_t size) {
                 if (self->closed_) return;
                 if (error) return self->fail(closed_by(error));
                 self->input_.commit(size);
                 self->bytes_received_ += size;
                 self->deliver();
               }));
}

void PeerSession::deliver() {
  while (!closed_) {
    const Result<bool> taken = hello_ ? take_frame() : take_hello();
    if (closed_) return;
    if (!taken) {
      if (!hello_) return refuse(taken.error());
      return fail(taken.error().context);
    }
    if (!*taken) return read();
  }
}

// False: more bytes are needed.
Result<bool> PeerSession::take_hello() {
  auto greeting = wire::decode_greeting(input_.view());
  if (!greeting) return std::unexpected(std::move(greeting).error());
  if (!*greeting) return false;
  const auto* theirs = std::get_if<replica::Hello>(&(*greeting)->content);
  if (theirs == nullptr)
    return kvcluster::fail(ErrorCode::kCorruption, "a refusal where a hello belongs");
  if (theirs->to != options_.self) {
    return kvcluster::fail(
        ErrorCode::kWrongIdentity,
        fmt::format("this is node {}, not node {}: check the ids and addresses in "
                    "--peers",
                    options_.self.value(), theirs->to.value()));
  }
  auto ours = handler_->on_hello(*this, *theirs);
  if (closed_) return false;
  if (!ours) return std::unexpected(std::move(ours).error());
  Bytes answer;
  wire::encode(*ours, answer);
  std::error_code error;
  // Nothing was sent before: the system's buffer is empty and takes it whole.
  const std::size_t sent = socket_.write_some(asio::buffer(answer), error);
  if (error || sent != answer.size())
    return kvcluster::fail(ErrorCode::kClosed, "the answer was not taken");
  input_.consume((*greeting)->size);
  hello_ = *theirs;
  deadline_.cancel();
  return true;
}

// False: more bytes are needed.
Result<bool> PeerSession::take_frame() {
  const BytesView input = input_.view();
  if (input.size() < wire::kFrameHeadBytes) return false;
  const auto head = wire::decode_frame_head(input.substr(0, wire::kFrameHeadBytes));
  if (!head) return std::unexpected(head.error());
  if (input.size() < wire::kFrameHeadBytes + head->length) return false;
  // One copy a frame; all its payloads share it from here on.
  const auto content =
      std::make_shared<const Bytes>(input.substr(wire::kFrameHeadBytes, head->length));
  input_.consume(wire::kFrameHeadBytes + head->length);
  auto messages = wire::decode_frame(*head, content);
  if (!messages) return std::unexpected(std::move(messages).error());
  KV_TRY(check_sender(*messages));
  handler_->on_messages(*this, std::move(*messages));
  return true;
}

Status PeerSession::check_sender(const std::vector<replica::PeerMessage>& messages) const {
  for (const auto& message : messages) {
    const auto* raft_message = std::get_if<raft::Message>(&message);
    if (raft_message == nullptr) continue;
    if (raft_message->from != hello_->from || raft_message->to != options_.self) {
      return kvcluster::fail(
          ErrorCode::kCorruption,
          fmt::format("a message from node {} to node {} on a connection from node {} "
                      "to node {}",
                      raft_message->from.value(), raft_message->to.value(), hello_->from.value(),
                      options_.self.value()));
    }
  }
  return {};
}

void PeerSession::refuse(const Error& error) {
  Bytes answer;
  wire::encode(wire::Refusal{wire::refusal_code(error.code), error.context}, answer);
  std::error_code ignored;  // the peer may have gone
  socket_.write_some(asio::buffer(answer), ignored);
  socket_.shutdown(asio::ip::tcp::socket::shutdown_send, ignored);
  fail("refused: " + error.context);
}

void PeerSession::close() {
  if (closed_) return;
  closed_ = true;
  deadline_.cancel();
  std::error_code ignored;
  socket_.close(ignored);
  slot_ = ConnectionSlot();
}

// May end with the last pointer of the owner: callers return at once.
void PeerSession::fail(const std::string& why) {
  if (closed_) return;
  const auto self = shared_from_this();
  close();
  handler_->on_session_closed(*this, why);
}

}  // namespace kvcluster::net
