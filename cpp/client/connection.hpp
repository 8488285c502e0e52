// One blocking connection to one node: commands out, replies in, each within a deadline.
//
// Thread-safety: none; one owner. After any error the connection is of no more use.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "client/address.hpp"
#include "kv/reply.hpp"
#include "wire/resp_reply_parser.hpp"

namespace kvcluster::client {

using Clock = std::chrono::steady_clock;
using Deadline = Clock::time_point;

class Connection {
 public:
  // Errors: kUnavailable (nobody listens, the name is unknown, or the deadline passed).
  [[nodiscard]] static Result<Connection> open(const Address& address, Deadline deadline);

  ~Connection();
  Connection(Connection&& other) noexcept;
  Connection& operator=(Connection&& other) noexcept;

  // Sends one command and waits for its reply.
  // Errors: kUnavailable (not one byte of the command left this process), kTimeout (the node may
  // have read it: the outcome is unknown), kCorruption (the reply is no RESP; likewise unknown).
  [[nodiscard]] Result<kv::Reply> call(const std::vector<std::string>& args, Deadline deadline);

 private:
  Connection(int socket, Address address) : socket_(socket), address_(std::move(address)) {}

  [[nodiscard]] Status send(BytesView bytes, Deadline deadline);
  [[nodiscard]] Result<kv::Reply> receive(Deadline deadline);

  int socket_;
  Address address_;
  Bytes input_;  // received and not yet parsed
  wire::RespReplyParser parser_;
};

}  // namespace kvcluster::client
