#include "client/fake_node.hpp"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <utility>

#include "base/check.hpp"
#include "wire/resp_parser.hpp"

namespace kvcluster::client {
namespace {

// False when the thread must end instead.
bool readable(int socket, int stop) {
  std::array<pollfd, 2> waiting{{{socket, POLLIN, 0}, {stop, POLLIN, 0}}};
  while (poll(waiting.data(), waiting.size(), -1) < 0) {
  }
  return waiting[1].revents == 0;
}

}  // namespace

FakeNode::FakeNode(std::vector<std::string> script)
    : script_(std::make_move_iterator(script.begin()), std::make_move_iterator(script.end())) {
  listener_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  stop_ = eventfd(0, EFD_CLOEXEC);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(address);
  auto* const generic = reinterpret_cast<sockaddr*>(&address);
  KV_CHECK(bind(listener_, generic, size) == 0 && listen(listener_, 8) == 0 &&
               getsockname(listener_, generic, &size) == 0,
           "a fake node cannot listen");
  port_ = ntohs(address.sin_port);
  thread_ = std::thread([this] { serve(); });
}

FakeNode::~FakeNode() {
  KV_CHECK(eventfd_write(stop_, 1) == 0, "a fake node cannot be stopped");
  thread_.join();
  close(listener_);
  close(stop_);
}

void FakeNode::then(std::string line) {
  const std::lock_guard lock(mutex_);
  script_.push_back(std::move(line));
}

std::vector<std::string> FakeNode::seen() const {
  const std::lock_guard lock(mutex_);
  return seen_;
}

std::string FakeNode::next_line() {
  const std::lock_guard lock(mutex_);
  if (script_.empty()) return kHangUp;
  std::string line = std::move(script_.front());
  script_.pop_front();
  return line;
}

void FakeNode::serve() {
  while (readable(listener_, stop_)) {
    const int client = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (client < 0) continue;
    serve_client(client);
    close(client);
  }
}

void FakeNode::serve_client(int socket) {
  wire::RespParser parser;
  std::string input;
  std::array<char, 4096> piece;
  while (readable(socket, stop_)) {
    const ssize_t count = recv(socket, piece.data(), piece.size(), 0);
    if (count <= 0) return;
    input.append(piece.data(), static_cast<std::size_t>(count));
    while (parser.parse(input) == wire::RespParser::Outcome::kCommand) {
      {
        const std::lock_guard lock(mutex_);
        seen_.push_back(fmt::format("{}", fmt::join(parser.args(), " ")));
      }
      input.erase(0, parser.consumed());
      const std::string line = next_line();
      if (line == kHangUp) return;
      if (line == kSilence) continue;
      KV_CHECK(
          send(socket, line.data(), line.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(line.size()),
          "a fake node cannot answer");
    }
    input.erase(0, parser.consumed());
  }
}

}  // namespace kvcluster::client
