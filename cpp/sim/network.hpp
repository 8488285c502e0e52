// The links between nodes, as net/ makes them: each pair has two connections, one dialed by each,
// used in one direction only. What a connection carries arrives in order, late, or not at all; what
// was sent on a lost connection never arrives on the next one.
//
// Thread-safety: none; one simulation.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "base/bytes.hpp"
#include "base/random.hpp"
#include "replica/peer_message.hpp"
#include "sim/coverage.hpp"
#include "sim/profile.hpp"
#include "sim/scheduler.hpp"

namespace kvcluster::sim {

// One node, as the network sees it.
class PeerHandler {
 public:
  [[nodiscard]] virtual bool process_up() const = 0;
  // A machine without power answers nothing; one without the process answers with a reset.
  [[nodiscard]] virtual bool machine_up() const = 0;
  [[nodiscard]] virtual replica::Hello hello_for(std::uint8_t peer) = 0;
  // The peer at the end of our connection has let us in, and says this.
  virtual void on_link_up(std::uint8_t peer, const replica::Hello& theirs) = 0;
  virtual void on_link_lost(std::uint8_t peer) = 0;
  // A peer dials. False: refused.
  [[nodiscard]] virtual bool on_hello(std::uint8_t peer, const replica::Hello& theirs) = 0;
  virtual void on_session_lost(std::uint8_t peer) = 0;
  virtual void on_messages(std::uint8_t peer, std::vector<replica::PeerMessage> messages) = 0;

 protected:
  ~PeerHandler() = default;
};

// What a blocked direction does with frames.
enum class Blocked : std::uint8_t {
  kNot,
  kLost,  // gone, and the connection goes on without them
  kHeld,  // delivered when the way is free again, as TCP does
};

class Network {
 public:
  Network(const Profile& profile, std::uint64_t seed, Scheduler& scheduler, Coverage& coverage);

  void attach(std::uint8_t id, PeerHandler& handler) { nodes_[id] = &handler; }

  // --- by nodes
  // The process has started: it dials everybody.
  void started(std::uint8_t id);
  // The process has ended. `told`: its machine closes the connections.
  void ended(std::uint8_t id, bool told);
  [[nodiscard]] bool link_up(std::uint8_t from, std::uint8_t to) const {
    return connection(from, to).up;
  }
  void send(std::uint8_t from, std::uint8_t to, std::vector<replica::PeerMessage> messages);
  // Closes what stands and dials anew with another Hello.
  void renew(std::uint8_t id);

  // --- by events
  void on_event(const Event& event);

  // --- by faults
  void block(std::uint8_t from, std::uint8_t to, Blocked how);
  void unblock(std::uint8_t from, std::uint8_t to, Blocked how);
  void unblock_all_between(std::uint8_t a, std::uint8_t b);
  void break_connections(std::uint8_t a, std::uint8_t b);
  void set_extra_latency(std::uint8_t from, std::uint8_t to, Duration extra);
  void set_extra_loss(std::uint32_t permille) { extra_loss_permille_ = permille; }
  void corrupt_next(std::uint8_t from, std::uint8_t to) { connection(from, to).corrupt = true; }
  // Nothing of what is on its way from here, or will be sent on these connections, arrives.
  void silence(std::uint8_t id);
  // Between these two nothing is lost, held, or slow any more.
  void make_perfect(std::uint8_t a, std::uint8_t b);

  [[nodiscard]] std::uint64_t frames_sent() const { return frames_sent_; }

 private:
  struct Frame {
    std::vector<replica::PeerMessage> messages;
    Bytes bytes;  // through the wire
  };
  struct Connection {            // of one direction: from the dialer to the peer
    bool up = false;             // the dialer's view
    std::uint32_t dialing = 0;   // names the newest dial; also the connection once it is up
    std::uint32_t session = 0;   // the peer's view: the dial that it let in; 0: none
    std::uint32_t silenced = 0;  // the dial of which nothing arrives; 0: none
    replica::Hello hello;
    replica::Hello answer;
    Duration backoff{};
    Instant last_arrival{};
    bool waits = false;  // to dial again
    bool corrupt = false;
    bool perfect = false;
    Duration extra_latency{};
    std::uint8_t lost_blocks = 0;  // faults that block it at the same time
    std::uint8_t held_blocks = 0;
    std::vector<Event> held;
  };

  static constexpr std::size_t kMaxNodes = 8;
  [[nodiscard]] Connection& connection(std::uint8_t from, std::uint8_t to) {
    return connections_[from * kMaxNodes + to];
  }
  [[nodiscard]] const Connection& connection(std::uint8_t from, std::uint8_t to) const {
    return connections_[from * kMaxNodes + to];
  }
  [[nodiscard]] bool blocked(std::uint8_t from, std::uint8_t to) const {
    return connection(from, to).lost_blocks + connection(from, to).held_blocks > 0;
  }
  [[nodiscard]] Duration latency(std::uint8_t from, std::uint8_t to);
  [[nodiscard]] bool chance(std::uint32_t permille) {
    return permille > 0 && random_.below(1000) < permille;
  }
  void transmit(std::uint8_t from, std::uint8_t to, Frame frame);
  void dial(std::uint8_t from, std::uint8_t to);
  void dial_later(std::uint8_t from, std::uint8_t to, Duration delay);
  void dial_failed(std::uint8_t from, std::uint8_t to, bool refused);
  void hello(std::uint8_t from, std::uint8_t to);
  void hello_reply(std::uint8_t from, std::uint8_t to);
  void frame_arrived(const Event& event);
  // Either end learns it after a while, if it can.
  void tell_dialer(std::uint8_t from, std::uint8_t to);
  void tell_peer(std::uint8_t from, std::uint8_t to);
  void deliver_held(std::uint8_t from, std::uint8_t to);

  const Profile& profile_;
  Random random_;
  Scheduler& scheduler_;
  Coverage& coverage_;
  std::array<PeerHandler*, kMaxNodes> nodes_{};
  std::vector<Connection> connections_;
  Pool<Frame> frames_;
  std::uint32_t extra_loss_permille_ = 0;
  std::uint64_t frames_sent_ = 0;
};

}  // namespace kvcluster::sim
