// A connection that a peer dialed: its Hello is checked, then its frames are read. Nothing but our
// own Hello, or a refusal, is ever sent on it.
//
// Thread-safety: none; the thread of the io_context.
#pragma once

#include <asio/ip/tcp.hpp>
#include <asio/steady_timer.hpp>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "base/time.hpp"
#include "net/listener.hpp"
#include "net/op_memory.hpp"
#include "net/read_buffer.hpp"
#include "replica/peer_message.hpp"

namespace kvcluster::net {

class PeerSession;

class PeerSessionHandler {
 public:
  // Lets the peer in with our own Hello, or refuses it: the error's context is the sentence it is
  // told.
  virtual Result<replica::Hello> on_hello(PeerSession& session, const replica::Hello& theirs) = 0;
  // The messages of one frame. Every raft message in it says that it is from this peer.
  virtual void on_messages(PeerSession& session, std::vector<replica::PeerMessage> messages) = 0;
  // The connection has ended (once; not after the owner's own close()). The owner lets go of it.
  virtual void on_session_closed(PeerSession& session, const std::string& why) = 0;

 protected:
  ~PeerSessionHandler() = default;
};

struct PeerSessionOptions {
  NodeId self;  // a Hello or a message for another node ends the session
  Duration hello_deadline = std::chrono::seconds(2);
};

class PeerSession final : public std::enable_shared_from_this<PeerSession> {
  struct Private {};

 public:
  // The owner holds the pointer; pending operations hold it too, until they have ended.
  [[nodiscard]] static std::shared_ptr<PeerSession> start(Incoming incoming,
                                                          PeerSessionHandler& handler,
                                                          const PeerSessionOptions& options);
  PeerSession(Private, Incoming incoming, PeerSessionHandler& handler,
              const PeerSessionOptions& options);

  // Closes now; no callback follows.
  void close();
  [[nodiscard]] bool is_open() const { return !closed_; }

  // The accepted Hello; nullopt before on_hello has let it in.
  [[nodiscard]] const std::optional<replica::Hello>& hello() const { return hello_; }
  [[nodiscard]] const std::string& remote() const { return remote_; }
  [[nodiscard]] std::uint64_t bytes_received() const { return bytes_received_; }

 private:
  void read();
  void deliver();
  [[nodiscard]] Result<bool> take_hello();
  [[nodiscard]] Result<bool> take_frame();
  [[nodiscard]] Status check_sender(const std::vector<replica::PeerMessage>& messages) const;
  void refuse(const Error& error);
  void fail(const std::string& why);

  asio::ip::tcp::socket socket_;
  ConnectionSlot slot_;
  std::string remote_;
  PeerSessionHandler* handler_;
  PeerSessionOptions options_;
  std::optional<replica::Hello> hello_;
  ReadBuffer input_;
  asio::steady_timer deadline_;
  OpMemory read_memory_;
  std::uint64_t bytes_received_ = 0;
  bool closed_ = false;
};

}  // namespace kvcluster::net
