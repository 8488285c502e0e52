#include "server/ready_report.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <nlohmann/json.hpp>

#include "net/endpoint.hpp"

namespace kvcluster::server {
namespace {

auto io_error(const std::string& what) {
  return fail(ErrorCode::kIo, fmt::format("{}: {}", what, std::strerror(errno)));
}

}  // namespace

std::string ready_line(const Node& node) {
  const NodeOptions& options = node.options();
  const auto on = [&](std::uint16_t port) { return net::Endpoint{options.host, port}.text(); };
  std::string line = fmt::format("kvstore {} ready: ", options.id.value());
  if (node.peer_port() == node.client_port()) {
    line += fmt::format("clients and peers on {}", on(node.client_port()));
  } else {
    line += fmt::format("clients on {}, peers on {}", on(node.client_port()), on(node.peer_port()));
  }
  if (node.http_port() != 0) line += fmt::format(", HTTP on {}", on(node.http_port()));
  return line + fmt::format(", data in {}", options.data_dir);
}

std::string ready_json(const Node& node) {
  const nlohmann::ordered_json json{
      {"id", node.options().id.value()}, {"pid", ::getpid()},
      {"host", node.options().host},     {"port", node.client_port()},
      {"peer_port", node.peer_port()},   {"http_port", node.http_port()}};
  return json.dump() + "\n";
}

Status write_and_close(int fd, const std::string& text) {
  std::size_t written = 0;
  while (written < text.size()) {
    const ssize_t count = ::write(fd, text.data() + written, text.size() - written);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) {
      auto error = io_error(fmt::format("writing to file descriptor {}", fd));
      ::close(fd);
      return error;
    }
    written += static_cast<std::size_t>(count);
  }
  if (::close(fd) != 0) return io_error(fmt::format("closing file descriptor {}", fd));
  return {};
}

Status write_whole_file(const std::string& path, const std::string& text) {
  const std::string unfinished = path + ".new";
  const int fd = ::open(unfinished.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (fd < 0) return io_error(unfinished);
  KV_TRY(write_and_close(fd, text));
  if (std::rename(unfinished.c_str(), path.c_str()) != 0) return io_error(path);
  return {};
}

}  // namespace kvcluster::server
