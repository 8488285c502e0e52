// A client of the whole cluster: it finds a node that can answer, follows the leader, tries the
// other nodes on a failure, and never repeats a write that it may not repeat.
//
// Thread-safety: none; one owner.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "client/address.hpp"
#include "client/connection.hpp"
#include "kv/reply.hpp"

namespace kvcluster::client {

struct Options {
  std::vector<Address> nodes;               // at least one; more are learned from redirections
  std::chrono::milliseconds timeout{5000};  // of one call, all its attempts together
  // Of one attempt that may be repeated: a node that hangs must not use up the whole time.
  std::chrono::milliseconds attempt_timeout{1500};
  std::string password;  // empty: no AUTH is sent
  bool resp3 = false;    // asks for RESP3, whose maps are maps
};

// What may be done when the outcome of an attempt is not known.
enum class Repeat : std::uint8_t {
  kNever,  // a plain write: a second attempt could apply it twice
  kSafe,   // a read, or a write inside a session (KV.ONCE)
};

// What an error reply says about the command that it answers.
enum class ReplyClass : std::uint8_t {
  kFinal,      // a result, or an error of the command itself: no other node knows better
  kElsewhere,  // certainly not applied; another node, or a little later, may do it
  kUnknown,    // UNCERTAIN: it may yet be applied
};
[[nodiscard]] ReplyClass classify(const kv::Reply& reply);

// The address in "MOVED <slot> <host:port>" or "READONLY ... the leader is node N at host:port".
[[nodiscard]] std::optional<Address> leader_named_by(const kv::Reply& reply);

class ClusterClient {
 public:
  // Requires: options.nodes is not empty.
  explicit ClusterClient(Options options);

  // The reply of the command; an error of the command itself (wrong type, bad argument) is a reply
  // too. Errors: kUnavailable: certainly not applied. kTimeout: the outcome is not known.
  [[nodiscard]] Result<kv::Reply> call(const std::vector<std::string>& args, Repeat repeat);

  // Where the last reply came from.
  [[nodiscard]] const Address& last_node() const { return nodes_[at_]; }

 private:
  [[nodiscard]] Result<kv::Reply> attempt(const std::vector<std::string>& args, Deadline deadline);
  [[nodiscard]] Result<Connection*> connection(Deadline deadline);
  void go_to(const Address& address);
  void go_on() { at_ = (at_ + 1) % nodes_.size(); }

  Options options_;
  std::vector<Address> nodes_;
  std::size_t at_ = 0;  // the node that is asked next
  std::map<Address, Connection> connections_;
};

}  // namespace kvcluster::client
