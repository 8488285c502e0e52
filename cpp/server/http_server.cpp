#include "server/http_server.hpp"

#include <absl/container/flat_hash_map.h>
#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "net/client_connection.hpp"
#include "net/listener.hpp"

namespace kvcluster::server {
namespace {

constexpr std::size_t kMaxHeadBytes = 8U << 10U;
constexpr std::size_t kMaxConnections = 64;
constexpr Duration kIdleDeadline = std::chrono::seconds(10);

const char* reason(int status) {
  switch (status) {
    case 200:
      return "OK";
    case 400:
      return "Bad Request";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 431:
      return "Request Header Fields Too Large";
    case 503:
      return "Service Unavailable";
    case 505:
      return "HTTP Version Not Supported";
    default:
      return "Unknown";
  }
}

Bytes render(const HttpResponse& response, bool with_body) {
  return fmt::format(
      "HTTP/1.1 {} {}\r\nContent-Type: {}\r\nContent-Length: {}\r\n{}Cache-Control: no-store\r\n"
      "Connection: close\r\n\r\n{}",
      response.status, reason(response.status), response.content_type, response.body.size(),
      response.status == 405 ? "Allow: GET, HEAD\r\n" : "", with_body ? response.body : "");
}

Bytes refuse(int status, std::string sentence) {
  return render({.status = status, .body = std::move(sentence) + "\n"}, true);
}

// How long the head at the front of `bytes` is; nullopt while its empty line is missing.
std::optional<std::size_t> head_size(BytesView bytes) {
  const std::size_t crlf = bytes.find("\r\n\r\n");
  const std::size_t lf = bytes.find("\n\n");
  if (crlf == BytesView::npos && lf == BytesView::npos) return std::nullopt;
  return crlf < lf ? crlf + 4 : lf + 2;
}

bool is_one_word(BytesView text) {
  return std::ranges::none_of(
      text, [](char c) { return static_cast<unsigned char>(c) <= ' ' || c == '\x7F'; });
}

}  // namespace

Bytes answer_http(BytesView head, const HttpServer::Handler& handler) {
  BytesView line = head.substr(0, head.find('\n'));
  if (line.ends_with('\r')) line.remove_suffix(1);
  const std::size_t method_end = line.find(' ');
  const std::size_t target_end = line.rfind(' ');
  if (method_end == BytesView::npos || method_end == 0 || target_end <= method_end + 1) {
    return refuse(400, "the first line must be: GET /path HTTP/1.1");
  }
  const BytesView method = line.substr(0, method_end);
  const BytesView target = line.substr(method_end + 1, target_end - method_end - 1);
  const BytesView version = line.substr(target_end + 1);
  if (!version.starts_with("HTTP/") || !target.starts_with('/') || !is_one_word(target)) {
    return refuse(400, "the first line must be: GET /path HTTP/1.1");
  }
  if (version != "HTTP/1.1" && version != "HTTP/1.0") {
    return refuse(505, "HTTP/1.0 and HTTP/1.1 are spoken here");
  }
  if (method != "GET" && method != "HEAD") return refuse(405, "only GET and HEAD are served");
  return render(handler(target.substr(0, target.find('?'))), method == "GET");
}

struct HttpServer::Impl final : net::ClientHandler {
  Impl(Handler the_handler, net::Turn& the_turn)
      : handler(std::move(the_handler)), turn(the_turn) {}
  virtual ~Impl() {
    listener.reset();
    for (auto& [address, connection] : connections) connection->close();
  }

  void accept(net::Incoming incoming) {
    const net::ClientOptions options{.max_input_bytes = 2 * kMaxHeadBytes,
                                     .idle_deadline = kIdleDeadline};
    auto connection = net::ClientConnection::start(std::move(incoming), turn, *this, options);
    const net::ClientConnection* const address = connection.get();
    connections.emplace(address, std::move(connection));
  }

  std::size_t on_bytes(net::ClientConnection& connection, BytesView bytes) override {
    const auto size = head_size(bytes);
    if (!size && bytes.size() < kMaxHeadBytes) return 0;
    connection.output() += size ? answer_http(bytes.substr(0, *size), handler)
                                : refuse(431, "the request is too long");
    connection.close_after_flush();
    return bytes.size();
  }

  void on_closed(net::ClientConnection& connection, const std::string& /*why*/) override {
    connections.erase(&connection);
  }

  Handler handler;
  net::Turn& turn;
  std::unique_ptr<net::Listener> listener;
  absl::flat_hash_map<const net::ClientConnection*, std::shared_ptr<net::ClientConnection>>
      connections;
};

HttpServer::HttpServer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
HttpServer::~HttpServer() = default;

Result<std::unique_ptr<HttpServer>> HttpServer::open(asio::io_context& io, net::Turn& turn,
                                                     const net::Endpoint& address,
                                                     Handler handler) {
  auto impl = std::make_unique<Impl>(std::move(handler), turn);
  const net::ListenerOptions options{.address = address,
                                     .max_clients = kMaxConnections,
                                     .max_peers = 0,
                                     .max_undecided = kMaxConnections,
                                     .first_bytes_deadline = kIdleDeadline};
  auto listener = net::Listener::open(
      io, options,
      {.client = [raw = impl.get()](net::Incoming incoming) { raw->accept(std::move(incoming)); },
       .peer = nullptr});
  if (!listener) return std::unexpected(listener.error());
  impl->listener = std::move(*listener);
  return std::unique_ptr<HttpServer>(new HttpServer(std::move(impl)));
}

std::uint16_t HttpServer::port() const { return impl_->listener->address().port; }

}  // namespace kvcluster::server
