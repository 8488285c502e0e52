// The HTTP pages, and the little server that shows them.
#include <gtest/gtest.h>

#include <asio/connect.hpp>
#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/read.hpp>
#include <asio/write.hpp>
#include <nlohmann/json.hpp>
#include <thread>

#include "server/http_pages.hpp"
#include "server/session_fixture.hpp"

namespace kvcluster::server {
namespace {

bool contains(BytesView text, BytesView part) { return text.find(part) != BytesView::npos; }

Bytes answer(BytesView head) {
  return answer_http(head, [](BytesView path) {
    return HttpResponse{.status = path == "/known" ? 200 : 404, .body = Bytes(path)};
  });
}

TEST(Http, AGetIsAnsweredWithItsPath) {
  const Bytes response = answer("GET /known HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_TRUE(response.starts_with("HTTP/1.1 200 OK\r\n"));
  EXPECT_TRUE(contains(response, "\r\nContent-Length: 6\r\n"));
  EXPECT_TRUE(contains(response, "\r\nConnection: close\r\n"));
  EXPECT_TRUE(response.ends_with("\r\n\r\n/known"));
}

TEST(Http, TheQueryIsNoPartOfThePath) {
  EXPECT_TRUE(answer("GET /known?a=b HTTP/1.0\n\n").starts_with("HTTP/1.1 200 "));
}

TEST(Http, AHeadHasNoBody) {
  const Bytes response = answer("HEAD /known HTTP/1.1\r\n\r\n");
  EXPECT_TRUE(contains(response, "\r\nContent-Length: 6\r\n"));
  EXPECT_TRUE(response.ends_with("\r\n\r\n"));
}

TEST(Http, AnUnknownPathIsNotFound) {
  EXPECT_TRUE(answer("GET /x HTTP/1.1\r\n\r\n").starts_with("HTTP/1.1 404 Not Found\r\n"));
}

TEST(Http, OtherMethodsAreRefused) {
  const Bytes response = answer("POST /known HTTP/1.1\r\n\r\n");
  EXPECT_TRUE(response.starts_with("HTTP/1.1 405 "));
  EXPECT_TRUE(contains(response, "\r\nAllow: GET, HEAD\r\n"));
}

TEST(Http, MalformedRequestsAreRefused) {
  for (const BytesView head :
       {"GET\r\n\r\n", "GET /known\r\n\r\n", "\r\n\r\n", " / HTTP/1.1\r\n\r\n",
        "GET known HTTP/1.1\r\n\r\n", "GET /known FTP/1.1\r\n\r\n",
        "GET /known twice HTTP/1.1\r\n\r\n", "GET /with\ttab HTTP/1.1\r\n\r\n"}) {
    EXPECT_TRUE(answer(head).starts_with("HTTP/1.1 400 ")) << head;
  }
  EXPECT_TRUE(answer("GET /known HTTP/2\r\n\r\n").starts_with("HTTP/1.1 505 "));
}

TEST(HttpPages, HealthIsOkWhileTheNodeRuns) {
  FakeNodeView view;
  view.current.phase = Phase::kBootstrapping;
  EXPECT_EQ(http_page("/healthz", view, {}).status, 200);
}

TEST(HttpPages, ReadyNeedsServiceAndALeader) {
  FakeNodeView view;
  EXPECT_EQ(http_page("/readyz", view, {}).status, 200);
  view.lead(0);
  const HttpResponse leaderless = http_page("/readyz", view, {});
  EXPECT_EQ(leaderless.status, 503);
  EXPECT_EQ(leaderless.body, "no leader: the others cannot be reached\n");
  view.lead(1);
  view.current.phase = Phase::kRepairing;
  EXPECT_EQ(http_page("/readyz", view, {}).status, 503);
}

TEST(HttpPages, MetricsDescribeEveryFamilyOnce) {
  FakeNodeView view;
  FrontCounters counters;
  counters.writes = 9'007'199'254'740'991;
  const Bytes text = http_page("/metrics", view, counters).body;
  EXPECT_TRUE(contains(text, "# TYPE kvcluster_is_leader gauge\nkvcluster_is_leader 1\n"));
  EXPECT_TRUE(contains(text, "kvcluster_requests_total{kind=\"write\"} 9007199254740991\n"));
  EXPECT_TRUE(contains(text, "kvcluster_member_connected{member=\"3\"} 1\n"));
  const std::string_view head = "# TYPE kvcluster_requests_total ";
  EXPECT_EQ(text.find(head), text.rfind(head));
}

TEST(HttpPages, StatusIsJson) {
  FakeNodeView view;
  const HttpResponse response = http_page("/status", view, {});
  EXPECT_EQ(response.content_type, "application/json");
  const auto json = nlohmann::json::parse(response.body);
  EXPECT_EQ(json["id"], 1);
  EXPECT_EQ(json["role"], "leader");
  EXPECT_EQ(json["members"].size(), 3U);
}

TEST(HttpPages, AnyOtherPathListsTheKnownOnes) {
  FakeNodeView view;
  const HttpResponse response = http_page("/", view, {});
  EXPECT_EQ(response.status, 404);
  EXPECT_TRUE(contains(response.body, "/metrics"));
}

// Runs the server's loop while a client of its own talks to it.
class HttpServerTest : public ::testing::Test {
 protected:
  HttpServerTest() {
    auto opened = HttpServer::open(io, turn, {"127.0.0.1", 0}, [](BytesView path) {
      return HttpResponse{.body = "you asked for " + Bytes(path)};
    });
    EXPECT_TRUE(opened);
    server = std::move(*opened);
  }

  // What came back until the server closed.
  Bytes exchange(const std::vector<Bytes>& pieces) {
    asio::io_context client_io;
    asio::ip::tcp::socket socket(client_io);
    socket.connect({asio::ip::make_address("127.0.0.1"), server->port()});
    bool done = false;
    Bytes received;
    std::thread client([&] {
      std::error_code error;
      for (const Bytes& piece : pieces) {
        asio::write(socket, asio::buffer(piece), error);
      }
      asio::read(socket, asio::dynamic_buffer(received), error);
      socket.close(error);
      asio::post(io, [&] { done = true; });
    });
    while (!done) {
      io.run_one();
      io.poll();
      turn.flush();
    }
    client.join();
    return received;
  }

  asio::io_context io;
  net::Turn turn;
  std::unique_ptr<HttpServer> server;
};

TEST_F(HttpServerTest, AnswersAndCloses) {
  const Bytes response = exchange({"GET /a HTTP/1.1\r\nHost: x\r\n\r\n"});
  EXPECT_TRUE(response.starts_with("HTTP/1.1 200 OK\r\n"));
  EXPECT_TRUE(response.ends_with("\r\n\r\nyou asked for /a"));
}

TEST_F(HttpServerTest, ARequestMayComeInPieces) {
  EXPECT_TRUE(exchange({"GE", "T /a HTTP/1.1\r", "\n\r", "\n"}).ends_with("you asked for /a"));
}

TEST_F(HttpServerTest, AnEndlessHeadIsRefused) {
  const Bytes response = exchange({"GET /a HTTP/1.1\r\nX: " + Bytes(10'000, 'x')});
  EXPECT_TRUE(response.starts_with("HTTP/1.1 431 ")) << response;
}

TEST_F(HttpServerTest, ATakenPortIsNamed) {
  const auto second = HttpServer::open(io, turn, {"127.0.0.1", server->port()},
                                       [](BytesView) { return HttpResponse{}; });
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, ErrorCode::kBusy);
}

}  // namespace
}  // namespace kvcluster::server
