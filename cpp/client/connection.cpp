#include "client/connection.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <memory>
#include <span>
#include <utility>

#include "wire/resp_encoder.hpp"

namespace kvcluster::client {
namespace {

constexpr std::size_t kReadBytes = 64U << 10U;

std::string error_text(int number) { return std::strerror(number); }

// What poll() may still wait; rounded up, so that it never spins through the last millisecond.
int milliseconds_left(Deadline deadline) {
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now()).count();
  return static_cast<int>(std::clamp<std::int64_t>(left, 0, 60'000));
}

enum class Ready : std::uint8_t { kYes, kDeadline };

Ready wait_for(int socket, short events, Deadline deadline) {
  while (true) {
    pollfd descriptor{.fd = socket, .events = events, .revents = 0};
    const int count = poll(&descriptor, 1, milliseconds_left(deadline));
    if (count > 0) return Ready::kYes;
    if (count == 0 && Clock::now() >= deadline) return Ready::kDeadline;
    // Interrupted, or the deadline is farther than one poll: once more.
  }
}

using AddressList = std::unique_ptr<addrinfo, decltype(&freeaddrinfo)>;

Result<AddressList> resolve(const Address& address) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_ADDRCONFIG;
  addrinfo* found = nullptr;
  const std::string port = std::to_string(address.port);
  if (const int code = getaddrinfo(address.host.c_str(), port.c_str(), &hints, &found); code != 0) {
    return fail(ErrorCode::kUnavailable,
                fmt::format("{}: cannot resolve the host: {}", address.text(), gai_strerror(code)));
  }
  return AddressList(found, &freeaddrinfo);
}

// 0 or an errno.
int connect_one(int socket, const addrinfo& target, Deadline deadline) {
  if (connect(socket, target.ai_addr, target.ai_addrlen) == 0) return 0;
  if (errno != EINPROGRESS) return errno;
  if (wait_for(socket, POLLOUT, deadline) == Ready::kDeadline) return ETIMEDOUT;
  int outcome = 0;
  socklen_t size = sizeof(outcome);
  if (getsockopt(socket, SOL_SOCKET, SO_ERROR, &outcome, &size) != 0) return errno;
  return outcome;
}

}  // namespace

Result<Connection> Connection::open(const Address& address, Deadline deadline) {
  auto targets = resolve(address);
  if (!targets) return std::unexpected(targets.error());
  int why = EHOSTUNREACH;
  for (const addrinfo* target = targets->get(); target != nullptr; target = target->ai_next) {
    const int opened =
        socket(target->ai_family, target->ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (opened < 0) {
      why = errno;
      continue;
    }
    Connection connection(opened, address);  // closes the socket when it cannot be used
    why = connect_one(opened, *target, deadline);
    if (why != 0) continue;
    const int on = 1;
    (void)setsockopt(opened, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    return connection;
  }
  return fail(ErrorCode::kUnavailable,
              fmt::format("{}: cannot connect: {}", address.text(), error_text(why)));
}

Connection::~Connection() {
  if (socket_ >= 0) close(socket_);
}

Connection::Connection(Connection&& other) noexcept
    : socket_(std::exchange(other.socket_, -1)),
      address_(std::move(other.address_)),
      input_(std::move(other.input_)),
      parser_(std::move(other.parser_)) {}

Connection& Connection::operator=(Connection&& other) noexcept {
  if (this != &other) {
    if (socket_ >= 0) close(socket_);
    socket_ = std::exchange(other.socket_, -1);
    address_ = std::move(other.address_);
    input_ = std::move(other.input_);
    parser_ = std::move(other.parser_);
  }
  return *this;
}

Status Connection::send(BytesView bytes, Deadline deadline) {
  std::size_t sent = 0;
  const auto failed = [&](const std::string& why) {
    // A node executes whole commands only, but how much of this one the kernel has passed on is
    // not known once a byte was taken.
    return fail(sent == 0 ? ErrorCode::kUnavailable : ErrorCode::kTimeout,
                fmt::format("{}: sending failed: {}", address_.text(), why));
  };
  while (sent < bytes.size()) {
    const ssize_t count = ::send(socket_, bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL);
    if (count >= 0) {
      sent += static_cast<std::size_t>(count);
    } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
      if (wait_for(socket_, POLLOUT, deadline) == Ready::kDeadline) return failed("no time left");
    } else if (errno != EINTR) {
      return failed(error_text(errno));
    }
  }
  return {};
}

Result<kv::Reply> Connection::receive(Deadline deadline) {
  using Outcome = wire::RespReplyParser::Outcome;
  std::array<char, kReadBytes> piece;
  while (true) {
    const Outcome outcome = parser_.parse(input_);
    input_.erase(0, parser_.consumed());
    if (outcome == Outcome::kReply) return parser_.take_reply();
    if (outcome == Outcome::kError) {
      return fail(ErrorCode::kCorruption,
                  fmt::format("{}: the answer is no RESP: {}", address_.text(), parser_.error()));
    }
    if (wait_for(socket_, POLLIN, deadline) == Ready::kDeadline) {
      return fail(ErrorCode::kTimeout,
                  fmt::format("{}: no answer within the time given", address_.text()));
    }
    const ssize_t count = recv(socket_, piece.data(), piece.size(), 0);
    if (count > 0) {
      input_.append(piece.data(), static_cast<std::size_t>(count));
    } else if (count == 0) {
      return fail(ErrorCode::kTimeout,
                  fmt::format("{}: the connection was closed before the answer", address_.text()));
    } else if (errno != EINTR && errno != EAGAIN && errno != EWOULDBLOCK) {
      return fail(ErrorCode::kTimeout, fmt::format("{}: reading the answer failed: {}",
                                                   address_.text(), error_text(errno)));
    }
  }
}

Result<kv::Reply> Connection::call(const std::vector<std::string>& args, Deadline deadline) {
  const std::vector<BytesView> views(args.begin(), args.end());
  Bytes command;
  wire::encode_command(views, command);
  KV_TRY(send(command, deadline));
  return receive(deadline);
}

}  // namespace kvcluster::client
