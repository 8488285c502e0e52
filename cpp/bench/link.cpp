#include "bench/link.hpp"

#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace kvcluster::bench {

Result<Target> Target::resolve(const client::Address& address) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const std::string port = std::to_string(address.port);
  if (const int code = getaddrinfo(address.host.c_str(), port.c_str(), &hints, &found); code != 0) {
    return fail(ErrorCode::kUnavailable, address.text() + ": " + gai_strerror(code));
  }
  Target target;
  target.size = found->ai_addrlen;
  std::memcpy(&target.address, found->ai_addr, found->ai_addrlen);
  freeaddrinfo(found);
  return target;
}

Result<bool> Link::open(const Target& target) {
  close();
  socket_ = ::socket(target.address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (socket_ < 0) return fail(ErrorCode::kIo, std::string("no socket: ") + std::strerror(errno));
  const int on = 1;
  if (setsockopt(socket_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) != 0) {
    return fail(ErrorCode::kIo, std::string("no TCP_NODELAY: ") + std::strerror(errno));
  }
  const auto* address = reinterpret_cast<const sockaddr*>(&target.address);
  if (connect(socket_, address, target.size) != 0 && errno != EINPROGRESS) {
    close();
    return false;
  }
  return true;
}

void Link::close() {
  if (socket_ >= 0) ::close(socket_);
  socket_ = -1;
  out.clear();
  sent_ = 0;
  head_ = tail_;
  held.clear();
  replies = {};
  watched_for_room = false;
}

bool Link::flush() {
  while (has_unsent()) {
    const ssize_t count =
        send(socket_, out.data() + sent_, out.size() - sent_, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (count < 0) {
      if (errno == EINTR) continue;
      return errno == EAGAIN;
    }
    sent_ += static_cast<std::size_t>(count);
  }
  out.clear();
  sent_ = 0;
  return true;
}

std::string_view Link::receive(std::vector<char>& buffer, bool& lost) {
  while (true) {
    const ssize_t count = recv(socket_, buffer.data(), buffer.size(), MSG_DONTWAIT);
    if (count > 0) return {buffer.data(), static_cast<std::size_t>(count)};
    if (count < 0 && errno == EINTR) continue;
    lost = count == 0 || errno != EAGAIN;
    return {};
  }
}

}  // namespace kvcluster::bench
