// What every TCP socket of ours has in common.
#pragma once

#include <asio/ip/tcp.hpp>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "net/endpoint.hpp"

namespace kvcluster::net {

// Non-blocking, without Nagle's delay, and closed in child processes.
[[nodiscard]] Status tune(asio::ip::tcp::socket& socket);
// Also: a dead host is noticed within seconds, even while nothing, or too much, is sent.
[[nodiscard]] Status tune_peer(asio::ip::tcp::socket& socket);

void set_close_on_exec(int descriptor);

// The addresses of a literal host, or of a name; blocks for a name.
// Errors: kInvalidArgument when there is none.
[[nodiscard]] Result<std::vector<asio::ip::tcp::endpoint>> resolve(const Endpoint& endpoint);

// Opens, binds and listens; port 0: the kernel chooses. Non-blocking, closed in child processes.
// Errors: kBusy (the port is in use), kInvalidArgument (no such address), kIo.
[[nodiscard]] Status listen_on(asio::ip::tcp::acceptor& acceptor, const Endpoint& address,
                               int backlog);

// "127.0.0.1:41234"; empty when the connection has ended.
[[nodiscard]] std::string remote_text(const asio::ip::tcp::socket& socket);

}  // namespace kvcluster::net
