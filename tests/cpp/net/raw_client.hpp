// The other end of a connection: an asynchronous socket on the same loop, without any of our code.
#pragma once

#include <array>
#include <asio/buffer.hpp>
#include <asio/connect.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/write.hpp>
#include <memory>
#include <string>

#include "base/bytes.hpp"
#include "net/endpoint.hpp"
#include "net/loop.hpp"

namespace kvcluster::net {

class RawClient {
 public:
  RawClient(Loop& loop, const Endpoint& to) : state_(std::make_shared<State>(loop.io)) {
    state_->socket.connect({asio::ip::make_address(to.host), to.port});
    read(state_);
  }
  ~RawClient() { close(); }
  RawClient(const RawClient&) = delete;
  RawClient& operator=(const RawClient&) = delete;

  void send(BytesView bytes) {
    auto copy = std::make_shared<Bytes>(bytes);
    asio::async_write(state_->socket, asio::buffer(*copy),
                      [copy, state = state_](const std::error_code& /*error*/, std::size_t size) {
                        state->sent += size;
                      });
  }
  void shutdown_send() { state_->socket.shutdown(asio::ip::tcp::socket::shutdown_send); }
  void close() {
    std::error_code ignored;
    state_->socket.close(ignored);
  }

  [[nodiscard]] const Bytes& received() const { return state_->received; }
  [[nodiscard]] std::size_t sent() const { return state_->sent; }
  // The other side closed.
  [[nodiscard]] bool ended() const { return state_->ended; }
  void stop_reading() { state_->reading = false; }

 private:
  struct State {
    explicit State(asio::io_context& io) : socket(io) {}
    asio::ip::tcp::socket socket;
    std::array<char, 65536> buffer{};
    Bytes received;
    std::size_t sent = 0;
    bool ended = false;
    bool reading = true;
  };

  static void read(const std::shared_ptr<State>& state) {
    state->socket.async_read_some(asio::buffer(state->buffer),
                                  [state](const std::error_code& error, std::size_t size) {
                                    state->received.append(state->buffer.data(), size);
                                    if (error) {
                                      state->ended = true;
                                    } else if (state->reading) {
                                      read(state);
                                    }
                                  });
  }

  std::shared_ptr<State> state_;
};

}  // namespace kvcluster::net
