// Commands of this node's clients that another node must answer, or that wait for a leader.
//
// A write is sent at most once: when the link dies its outcome is uncertain, and only a client's
// session may repeat it. A command that was certainly not appended waits for the next leader.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <vector>

#include "base/bytes.hpp"
#include "base/ids.hpp"
#include "base/time.hpp"
#include "replica/origin.hpp"
#include "replica/peer_message.hpp"

namespace kvcluster::replica {

class Forwarder {
 public:
  // Ids count up from `first_id`. It must differ from run to run of a node: a leader may answer
  // what an earlier run forwarded, and that answer must find nobody.
  explicit Forwarder(std::uint64_t first_id = 1) : next_id_(first_id) {}

  struct Command {
    Origin origin;  // local
    bool is_write = false;
    Slice request;
    Instant leader_deadline;  // when it gives up waiting for a leader
  };

  [[nodiscard]] bool anyone_waits() const { return !waiting_.empty(); }
  void wait(Command command) { waiting_.push_back(std::move(command)); }
  // Puts back what was certainly not appended, before all that waits already.
  void wait_again(std::vector<Command> commands);
  // All that waits, in order.
  [[nodiscard]] std::vector<Command> take_waiting();

  // Makes the message for `to` and remembers the command until its reply or `deadline`.
  [[nodiscard]] Forward send(NodeId to, Command command, Instant deadline);
  // The command that this reply answers; nullopt when nobody waits for it any more.
  [[nodiscard]] std::optional<Command> answered(NodeId from, std::uint64_t forward_id);
  // The link to `peer` died: all that was sent there and not answered, in order.
  [[nodiscard]] std::vector<Command> lost(NodeId peer);
  // All that was sent to others than `leader` and not answered, in order.
  [[nodiscard]] std::vector<Command> sent_elsewhere(NodeId leader);
  // Sent commands whose time is over.
  [[nodiscard]] std::vector<Command> expired(Instant now);
  // Waiting commands that found no leader in time.
  [[nodiscard]] std::vector<Command> gave_up(Instant now);
  [[nodiscard]] Instant next_deadline() const;

  [[nodiscard]] std::size_t size() const { return waiting_.size() + sent_.size(); }

 private:
  struct Sent {
    NodeId to;
    Command command;
    Instant deadline;
  };
  template <typename Predicate>
  [[nodiscard]] std::vector<Command> take_sent(Predicate&& wanted);

  std::deque<Command> waiting_;
  std::map<std::uint64_t, Sent> sent_;  // by forward id, which ascends with time
  std::uint64_t next_id_;
};

}  // namespace kvcluster::replica
