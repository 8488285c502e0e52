#include "net/client_connection.hpp"

#include <fmt/format.h>

#include <asio/buffer.hpp>
#include <asio/error.hpp>
#include <asio/post.hpp>
#include <utility>

namespace kvcluster::net {
namespace {

constexpr std::size_t kOutputKept = 256U << 10U;  // capacity kept when all is written
// Until a closing client has taken its last replies.
constexpr Duration kLastDeadline = std::chrono::seconds(2);

void clear(Bytes& buffer) {
  buffer.clear();
  if (buffer.capacity() > kOutputKept) buffer.shrink_to_fit();
}

}  // namespace

std::shared_ptr<ClientConnection> ClientConnection::start(Incoming incoming, Turn& turn,
                                                          ClientHandler& handler,
                                                          const ClientOptions& options) {
  auto connection =
      std::make_shared<ClientConnection>(Private{}, std::move(incoming), turn, handler, options);
  connection->watch_idle();
  // From the io_context: the owner must have the pointer before the first callback.
  connection->resume_reading();
  return connection;
}

ClientConnection::ClientConnection(Private /*key*/, Incoming incoming, Turn& turn,
                                   ClientHandler& handler, const ClientOptions& options)
    : Flushable(turn),
      socket_(std::move(incoming.socket)),
      slot_(std::move(incoming.slot)),
      remote_(std::move(incoming.remote)),
      handler_(&handler),
      options_(options),
      input_(options.max_input_bytes),
      timer_(socket_.get_executor()) {
  input_.assign(incoming.read_ahead);
}

ClientConnection::~ClientConnection() = default;

void ClientConnection::resume_reading() {
  paused_ = false;
  if (resume_posted_ || closed_) return;
  resume_posted_ = true;
  asio::post(socket_.get_executor(), [self = shared_from_this()] {
    self->resume_posted_ = false;
    if (self->input_.view().empty()) {
      self->read();
    } else {
      self->deliver();
    }
  });
}

void ClientConnection::read() {
  if (closed_ || reading_ || ended_) return;
  if (paused_ && !closing_) return;
  const ReadBuffer::Space space = input_.prepare();
  if (space.size == 0) {
    return fail(fmt::format("a command does not fit into {} bytes", options_.max_input_bytes));
  }
  reading_ = true;
  socket_.async_read_some(
      asio::buffer(space.data, space.size),
      InMemory(read_memory_,
               [self = shared_from_this()](const std::error_code& error, std::size_t size) {
                 self->reading_ = false;
                 if (self->closed_) return;
                 if (error == asio::error::eof) return self->on_end_of_input();
                 if (error) return self->fail(fmt::format("reading failed: {}", error.message()));
                 self->on_read(size);
               }));
}

void ClientConnection::on_read(std::size_t size) {
  active_ = true;
  input_.commit(size);
  deliver();
}

void ClientConnection::on_end_of_input() {
  ended_ = true;
  if (!lingering_ && (closing_ || handler_->on_end_of_input(*this))) return;
  fail("closed by the client");
}

void ClientConnection::deliver() {
  if (closed_) return;
  if (closing_) {  // what a closing client still sends is dropped
    input_.consume(input_.view().size());
    return read();
  }
  if (paused_) return;
  const std::size_t used = handler_->on_bytes(*this, input_.view());
  if (closed_) return;
  input_.consume(used);
  read();
}

void ClientConnection::flush() {
  if (closed_) return;
  if (output_bytes() > options_.max_output_bytes) {
    return fail(fmt::format("does not read its replies: {} bytes wait", output_bytes()));
  }
  if (write_pending_) return;  // its completion goes on with the rest
  std::size_t written = 0;
  while (written < output_.size()) {
    std::error_code error;
    written +=
        socket_.write_some(asio::buffer(output_.data() + written, output_.size() - written), error);
    if (error == asio::error::would_block) break;
    if (error) return fail(fmt::format("writing failed: {}", error.message()));
  }
  if (written > 0) active_ = true;
  if (written < output_.size()) {
    clear(writing_);
    writing_.swap(output_);
    written_ = written;
    return write_later();
  }
  clear(output_);
  if (closing_) linger();
}

void ClientConnection::write_later() {
  write_pending_ = true;
  socket_.async_write_some(
      asio::buffer(writing_.data() + written_, writing_.size() - written_),
      InMemory(write_memory_,
               [self = shared_from_this()](const std::error_code& error, std::size_t size) {
                 self->write_pending_ = false;
                 if (self->closed_) return;
                 if (error) return self->fail(fmt::format("writing failed: {}", error.message()));
                 self->active_ = true;
                 self->written_ += size;
                 if (self->writing_left() > 0) return self->write_later();
                 clear(self->writing_);
                 self->written_ = 0;
                 self->flush();
               }));
}

void ClientConnection::close_after_flush() {
  if (closed_ || closing_) return;
  closing_ = true;
  timer_.expires_after(kLastDeadline);
  timer_.async_wait([self = shared_from_this()](const std::error_code& error) {
    if (!error) self->fail("did not take its last replies in time");
  });
  mark();
}

// Closing a socket that has unread bytes resets it, and the client could lose its last replies:
// so the client closes first.
void ClientConnection::linger() {
  if (lingering_) return;
  lingering_ = true;
  if (ended_) return fail("closed after the last reply");
  std::error_code ignored;
  socket_.shutdown(asio::ip::tcp::socket::shutdown_send, ignored);
  input_.consume(input_.view().size());
  read();
}

void ClientConnection::watch_idle() {
  if (options_.idle_deadline == Duration::zero()) return;
  active_ = false;
  timer_.expires_after(options_.idle_deadline);
  timer_.async_wait([weak = weak_from_this()](const std::error_code& error) {
    const auto self = weak.lock();
    if (error || !self || self->closed_ || self->closing_) return;
    if (!self->active_) return self->fail("idle for too long");
    self->watch_idle();
  });
}

void ClientConnection::close() {
  if (closed_) return;
  closed_ = true;
  timer_.cancel();
  std::error_code ignored;
  socket_.close(ignored);
  slot_ = ConnectionSlot();
}

// May end with the last pointer to this object: callers return at once.
void ClientConnection::fail(const std::string& why) {
  if (closed_) return;
  const auto self = shared_from_this();
  close();
  handler_->on_closed(*this, why);
}

}  // namespace kvcluster::net
