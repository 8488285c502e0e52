// A blocking client for tests: one command out, one reply in, within a deadline.
#pragma once

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "wire/resp_reply_parser.hpp"

namespace kvcluster::server::testing {

class RespClient {
 public:
  explicit RespClient(std::uint16_t port) : socket_(::socket(AF_INET, SOCK_STREAM, 0)) {
    const timeval deadline{20, 0};
    ::setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &deadline, sizeof(deadline));
    ::setsockopt(socket_, SOL_SOCKET, SO_SNDTIMEO, &deadline, sizeof(deadline));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    connected_ = ::connect(socket_, reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0;
  }
  ~RespClient() { ::close(socket_); }
  RespClient(const RespClient&) = delete;
  RespClient& operator=(const RespClient&) = delete;

  [[nodiscard]] bool connected() const { return connected_; }

  // False when the connection has ended.
  bool send(std::initializer_list<std::string_view> args) {
    std::string bytes = "*" + std::to_string(args.size()) + "\r\n";
    for (const std::string_view arg : args) {
      bytes += "$" + std::to_string(arg.size()) + "\r\n";
      bytes.append(arg).append("\r\n");
    }
    std::string_view rest = bytes;
    while (!rest.empty()) {
      const ssize_t sent = ::send(socket_, rest.data(), rest.size(), MSG_NOSIGNAL);
      if (sent <= 0) return false;
      rest.remove_prefix(static_cast<std::size_t>(sent));
    }
    return true;
  }

  // nullopt: the connection has ended, or nothing came in time.
  std::optional<kv::Reply> receive() {
    for (;;) {
      const auto outcome = parser_.parse(input_);
      input_.erase(0, parser_.consumed());
      if (outcome == wire::RespReplyParser::Outcome::kReply) return parser_.take_reply();
      if (outcome == wire::RespReplyParser::Outcome::kError) return std::nullopt;
      char piece[4096];
      const ssize_t got = ::recv(socket_, piece, sizeof(piece), 0);
      if (got <= 0) return std::nullopt;
      input_.append(piece, static_cast<std::size_t>(got));
    }
  }

  std::optional<kv::Reply> call(std::initializer_list<std::string_view> args) {
    if (!send(args)) return std::nullopt;
    return receive();
  }

  // The reply as text: a bulk or simple string's bytes, "(nil)", "-ERR ...", a number, or
  // "(closed)".
  std::string text(std::initializer_list<std::string_view> args) { return show(call(args)); }

  static std::string show(const std::optional<kv::Reply>& reply) {
    if (!reply) return "(closed)";
    if (const auto* bulk = std::get_if<kv::BulkString>(&reply->value)) return bulk->bytes;
    if (const auto* simple = std::get_if<kv::SimpleString>(&reply->value)) return simple->text;
    if (const auto* error = std::get_if<kv::ErrorReply>(&reply->value)) return "-" + error->text;
    if (const auto* number = std::get_if<std::int64_t>(&reply->value)) {
      return std::to_string(*number);
    }
    if (std::holds_alternative<kv::Nil>(reply->value)) return "(nil)";
    return "(other)";
  }

 private:
  int socket_;
  bool connected_ = false;
  std::string input_;
  wire::RespReplyParser parser_;
};

}  // namespace kvcluster::server::testing
