// One client's socket: bytes in through one growing, bounded buffer; bytes out once a turn.
//
// It knows no protocol: RESP and HTTP sessions both sit on it. One read is always pending and lives
// in the object's own memory, so that neither a read nor a request allocates.
//
// Thread-safety: none; the thread of the io_context.
#pragma once

#include <asio/ip/tcp.hpp>
#include <asio/steady_timer.hpp>
#include <cstddef>
#include <memory>
#include <string>

#include "base/bytes.hpp"
#include "base/time.hpp"
#include "net/listener.hpp"
#include "net/op_memory.hpp"
#include "net/read_buffer.hpp"
#include "net/turn.hpp"

namespace kvcluster::net {

class ClientConnection;

class ClientHandler {
 public:
  // All bytes that wait; returns how many were used up. Called again when more arrive, and after
  // resume_reading(). The view is valid during the call.
  virtual std::size_t on_bytes(ClientConnection& connection, BytesView bytes) = 0;
  // The connection has ended (once; not after the owner's own close()). The owner lets go of it.
  virtual void on_closed(ClientConnection& connection, const std::string& why) = 0;
  // The client sends no more, but may still read. True: replies are on their way, and the owner
  // will call close_after_flush(). False: it is closed now.
  virtual bool on_end_of_input(ClientConnection& /*connection*/) { return false; }

 protected:
  ~ClientHandler() = default;
};

struct ClientOptions {
  // One command must fit; when the buffer is full and nothing is used up the connection closes.
  std::size_t max_input_bytes = (16U << 20U) + (64U << 10U);
  // A client that does not read its replies is closed when so much waits for it.
  std::size_t max_output_bytes = 64U << 20U;
  // Closed after one to two times this without a byte in or out; zero: never.
  Duration idle_deadline{0};
};

class ClientConnection final : public Flushable,
                               public std::enable_shared_from_this<ClientConnection> {
  struct Private {};

 public:
  // Starts to read. `turn` and `handler` outlive the connection, or close() is called first.
  // The owner holds the pointer; pending operations hold it too, until they have ended.
  [[nodiscard]] static std::shared_ptr<ClientConnection> start(Incoming incoming, Turn& turn,
                                                               ClientHandler& handler,
                                                               const ClientOptions& options);
  ClientConnection(Private, Incoming incoming, Turn& turn, ClientHandler& handler,
                   const ClientOptions& options);
  ~ClientConnection() override;

  // Append replies here; they leave at the end of the turn.
  [[nodiscard]] Bytes& output() {
    mark();
    return output_;
  }
  // Bytes that the client has not taken yet.
  [[nodiscard]] std::size_t output_bytes() const { return output_.size() + writing_left(); }

  // Stops and continues the flow of on_bytes, for a bound on the depth of a pipeline.
  void pause_reading() { paused_ = true; }
  // on_bytes follows from the io_context, not from inside this call.
  void resume_reading();

  // Not idle, although nothing comes or goes: the client waits for something.
  void keep_alive() { active_ = true; }

  // Reads no more, sends what is in output(), then closes (after QUIT, or a protocol error).
  // on_closed follows, also when the client does not take the rest in time.
  void close_after_flush();
  // Closes now; no callback follows.
  void close();
  [[nodiscard]] bool is_open() const { return !closed_; }

  [[nodiscard]] const std::string& remote() const { return remote_; }

 private:
  void flush() override;
  void read();
  void on_read(std::size_t size);
  void on_end_of_input();
  void deliver();
  void write_later();
  void linger();
  void watch_idle();
  void fail(const std::string& why);
  [[nodiscard]] std::size_t writing_left() const { return writing_.size() - written_; }

  asio::ip::tcp::socket socket_;
  ConnectionSlot slot_;
  std::string remote_;
  ClientHandler* handler_;
  ClientOptions options_;
  ReadBuffer input_;
  Bytes output_;   // of this turn
  Bytes writing_;  // being written by a pending operation
  std::size_t written_ = 0;
  asio::steady_timer timer_;  // the idle deadline, and the last one of a lingering close
  OpMemory read_memory_;
  OpMemory write_memory_;
  bool reading_ = false;  // a read is pending
  bool write_pending_ = false;
  bool resume_posted_ = false;
  bool paused_ = false;
  bool active_ = true;      // since the idle timer last looked
  bool ended_ = false;      // the client sends no more
  bool closing_ = false;    // nothing more is delivered; closes when all is written
  bool lingering_ = false;  // all is written; what still comes is dropped until the client closes
  bool closed_ = false;
};

}  // namespace kvcluster::net
