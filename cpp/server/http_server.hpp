// A small HTTP/1.1 server for metrics and health: GET and HEAD, no bodies, one request a
// connection, everything bounded.
//
// Thread-safety: none; it lives on the reactor's thread.
#pragma once

#include <asio/io_context.hpp>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "net/endpoint.hpp"
#include "net/turn.hpp"

namespace kvcluster::server {

struct HttpResponse {
  int status = 200;
  std::string content_type = "text/plain; charset=utf-8";
  std::string body;
};

class HttpServer {
 public:
  // Answers the path of a GET, without its query. Called on the reactor's thread.
  using Handler = std::function<HttpResponse(BytesView path)>;

  // Listens at once; responses leave at the end of a turn. `io` and `turn` must outlive the server;
  // port 0: any free one. Errors: kBusy when the port is taken, kInvalidArgument for the host, kIo.
  [[nodiscard]] static Result<std::unique_ptr<HttpServer>> open(asio::io_context& io,
                                                                net::Turn& turn,
                                                                const net::Endpoint& address,
                                                                Handler handler);
  // Closes the listener and every connection.
  ~HttpServer();
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  // As bound.
  [[nodiscard]] std::uint16_t port() const;

 private:
  struct Impl;
  explicit HttpServer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

// The whole response to one request head (all up to and with the empty line), as bytes.
[[nodiscard]] Bytes answer_http(BytesView head, const HttpServer::Handler& handler);

}  // namespace kvcluster::server
