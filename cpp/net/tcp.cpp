#include "net/tcp.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <asio/error.hpp>
#include <asio/ip/address.hpp>

namespace kvcluster::net {
namespace {

using asio::ip::tcp;

std::unexpected<Error> refused(const std::error_code& error) {
  return fail(ErrorCode::kIo, fmt::format("a socket option was refused: {}", error.message()));
}

void set_int(const tcp::socket& socket, int level, int name, int value) {
  // Best effort: a system without the option only notices a dead host later.
  (void)::setsockopt(const_cast<tcp::socket&>(socket).native_handle(), level, name, &value,
                     sizeof(value));
}

std::unexpected<Error> cannot_listen(const Endpoint& address, const std::error_code& error) {
  if (error == asio::error::address_in_use) {
    return fail(ErrorCode::kBusy,
                fmt::format("port {} on {} is in use by another program: stop it, or choose "
                            "another port",
                            address.port, address.host));
  }
  if (error == asio::error::access_denied) {
    return fail(ErrorCode::kIo, fmt::format("port {} on {} needs more rights: choose a port above "
                                            "1023",
                                            address.port, address.host));
  }
  return fail(ErrorCode::kIo,
              fmt::format("can not listen on {}: {}", address.text(), error.message()));
}

}  // namespace

void set_close_on_exec(int descriptor) {
  const int flags = ::fcntl(descriptor, F_GETFD);
  if (flags >= 0) (void)::fcntl(descriptor, F_SETFD, flags | FD_CLOEXEC);
}

Status tune(tcp::socket& socket) {
  std::error_code error;
  set_close_on_exec(socket.native_handle());
  socket.non_blocking(true, error);
  if (error) return refused(error);
  socket.set_option(tcp::no_delay(true), error);
  if (error) return refused(error);
  return {};
}

Status tune_peer(tcp::socket& socket) {
  KV_TRY(tune(socket));
  set_int(socket, SOL_SOCKET, SO_KEEPALIVE, 1);
  set_int(socket, IPPROTO_TCP, TCP_KEEPIDLE, 5);
  set_int(socket, IPPROTO_TCP, TCP_KEEPINTVL, 1);
  set_int(socket, IPPROTO_TCP, TCP_KEEPCNT, 5);
  set_int(socket, IPPROTO_TCP, TCP_USER_TIMEOUT, 10'000);  // unacknowledged bytes; milliseconds
  return {};
}

Result<std::vector<tcp::endpoint>> resolve(const Endpoint& endpoint) {
  std::error_code error;
  const auto literal = asio::ip::make_address(endpoint.host, error);
  if (!error) return std::vector{tcp::endpoint(literal, endpoint.port)};
  asio::io_context io;
  tcp::resolver resolver(io);
  std::vector<tcp::endpoint> found;
  for (const auto& entry : resolver.resolve(endpoint.host, std::to_string(endpoint.port), error)) {
    found.push_back(entry.endpoint());
  }
  if (error || found.empty()) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("the host '{}' has no address: {}", endpoint.host, error.message()));
  }
  return found;
}

Status listen_on(tcp::acceptor& acceptor, const Endpoint& address, int backlog) {
  const auto found = resolve(address);
  if (!found) return std::unexpected(found.error());
  const tcp::endpoint& at = found->front();
  std::error_code error;
  acceptor.open(at.protocol(), error);
  if (error) return cannot_listen(address, error);
  set_close_on_exec(acceptor.native_handle());
  acceptor.set_option(tcp::acceptor::reuse_address(true), error);
  if (!error) acceptor.bind(at, error);
  if (!error) acceptor.listen(backlog, error);
  if (!error) acceptor.non_blocking(true, error);
  if (error) return cannot_listen(address, error);
  return {};
}

std::string remote_text(const tcp::socket& socket) {
  std::error_code error;
  const auto remote = socket.remote_endpoint(error);
  if (error) return {};
  return Endpoint{remote.address().to_string(), remote.port()}.text();
}

}  // namespace kvcluster::net
