// The front with real sockets: a listener, clients on 127.0.0.1, and a node that exists only as
// answers.
#include "server/front.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <asio/buffer.hpp>
#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <vector>

#include "net/listener.hpp"
#include "server/session_fixture.hpp"
#include "wire/resp_encoder.hpp"

namespace kvcluster::server {
namespace {

using Outcome = replica::Completion::Outcome;
using asio::ip::tcp;

class FrontTest : public ::testing::Test {
 public:
  ~FrontTest() override {
    listener.reset();
    front.reset();
    io.restart();
    io.poll();
  }

 protected:
  // Options are changed before.
  void open() {
    front = std::make_unique<Front>(io, turn, view);
    auto opened = net::Listener::open(
        io, {},
        {.client = [this](net::Incoming incoming) { front->accept(std::move(incoming)); },
         .peer = nullptr});
    ASSERT_TRUE(opened);
    listener = std::move(*opened);
  }

  tcp::socket connect() {
    tcp::socket socket(client_io);
    socket.connect({asio::ip::make_address("127.0.0.1"), listener->address().port});
    socket.non_blocking(true);
    return socket;
  }
  static void send(tcp::socket& socket, BytesView bytes) {
    std::error_code error;
    const std::size_t sent = socket.write_some(asio::buffer(bytes), error);
    ASSERT_FALSE(error) << error.message();
    ASSERT_EQ(sent, bytes.size());
  }

  // Turns of the loop until `done`; false after a deadline that no healthy run comes near.
  bool run_until(const std::function<bool()>& done) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (!done()) {
      if (std::chrono::steady_clock::now() > deadline) return false;
      io.restart();
      io.run_one_for(std::chrono::milliseconds(20));
      io.poll();
      answer_requests();
      turn.flush();
    }
    return true;
  }
  // What the client reads until it has `size` bytes.
  Bytes receive(tcp::socket& socket, std::size_t size) {
    Bytes received;
    EXPECT_TRUE(run_until([&] {
      read_more(socket, received);
      return received.size() >= size;
    })) << "received only: "
        << received;
    return received;
  }
  // What the client reads until the server closes.
  Bytes receive_all(tcp::socket& socket) {
    Bytes received;
    EXPECT_TRUE(run_until([&] { return read_more(socket, received); }));
    return received;
  }
  // True at the end of the stream.
  static bool read_more(tcp::socket& socket, Bytes& received) {
    char buffer[64 << 10];
    std::error_code error;
    const std::size_t size = socket.read_some(asio::buffer(buffer), error);
    received.append(buffer, size);
    return error && error != asio::error::would_block;
  }

  void answer_requests() {
    for (const auto& item : front->batch().items()) waiting.push_back(item);
    front->batch().clear();
    if (!answer) return;
    for (const auto& item : std::exchange(waiting, {})) {
      front->complete(
          {.id = item.id, .outcome = Outcome::kReplied, .index = Index(1), .reply = *answer});
    }
  }

  FakeNodeView view;
  // The reply to every request; none: they stay in `waiting`.
  std::optional<kv::Reply> answer = kv::Reply::ok();
  std::vector<replica::RequestBatch::Item> waiting;

  asio::io_context io;
  asio::io_context client_io;
  net::Turn turn;
  std::unique_ptr<Front> front;
  std::unique_ptr<net::Listener> listener;
};

TEST_F(FrontTest, AnswersAPipelineInOrder) {
  open();
  auto client = connect();
  send(client, "PING\r\nSET k v\r\nPING\r\n");
  EXPECT_EQ(receive(client, 19), "+PONG\r\n+OK\r\n+PONG\r\n");
}

TEST_F(FrontTest, ClientsDoNotGetEachOthersReplies) {
  open();
  answer.reset();
  auto first = connect();
  auto second = connect();
  send(first, "GET a\r\n");
  send(second, "GET b\r\n");
  ASSERT_TRUE(run_until([&] { return waiting.size() == 2; }));
  ASSERT_NE(waiting[0].connection, waiting[1].connection);
  const bool first_is_first = waiting[0].connection < waiting[1].connection;
  for (const auto& item : waiting) {
    front->complete({.id = item.id,
                     .outcome = Outcome::kReplied,
                     .index = {},
                     .reply = kv::Reply::integer(static_cast<std::int64_t>(item.connection))});
  }
  ASSERT_TRUE(first_is_first || waiting[1].connection == 1);
  EXPECT_EQ(receive(first, 4), ":1\r\n");
  EXPECT_EQ(receive(second, 4), ":2\r\n");
}

TEST_F(FrontTest, AClientThatLeavesIsForgotten) {
  open();
  {
    auto client = connect();
    send(client, "PING\r\n");
    receive(client, 7);
  }
  ASSERT_TRUE(run_until([&] { return !view.closed.empty(); }));
  EXPECT_EQ(view.closed, std::vector<std::uint64_t>{1});
  EXPECT_EQ(front->counters().connections_open, 0U);
}

// An end of input may be half a goodbye: so the reply is waited for.
TEST_F(FrontTest, AClientThatLeavesWithARequestDueIsForgottenAfterItsReply) {
  open();
  answer.reset();
  {
    auto client = connect();
    send(client, "SET k v\r\n");
    ASSERT_TRUE(run_until([&] { return waiting.size() == 1; }));
  }
  const std::uint64_t id = waiting[0].id;
  answer = kv::Reply::ok();
  ASSERT_TRUE(run_until([&] { return !view.closed.empty(); }));
  EXPECT_EQ(front->counters().connections_open, 0U);
  // Too late, and for nobody.
  front->complete({.id = id, .outcome = Outcome::kReplied, .index = {}, .reply = {}});
}

TEST_F(FrontTest, AClientThatOnlyShutItsSendingHalfDownGetsItsReplies) {
  open();
  auto client = connect();
  send(client, "PING\r\nSET k v\r\n");
  client.shutdown(tcp::socket::shutdown_send);
  EXPECT_EQ(receive_all(client), "+PONG\r\n+OK\r\n");
}

TEST_F(FrontTest, QuitClosesAfterTheLastReply) {
  open();
  auto client = connect();
  send(client, "SET k v\r\nQUIT\r\nPING\r\n");
  EXPECT_EQ(receive_all(client), "+OK\r\n+OK\r\n");
}

TEST_F(FrontTest, GarbageClosesThatConnectionOnly) {
  open();
  auto bad = connect();
  auto good = connect();
  send(bad, "*1\r\n$-7\r\n");
  EXPECT_TRUE(receive_all(bad).starts_with("-ERR Protocol error"));
  send(good, "PING\r\n");
  EXPECT_EQ(receive(good, 7), "+PONG\r\n");
}

TEST_F(FrontTest, AFullPipelineGoesOnWhenRepliesCome) {
  view.node_options.client_limits.max_pipeline_depth = 4;
  open();
  answer.reset();
  auto client = connect();
  Bytes commands;
  for (int i = 0; i < 100; ++i) commands += "GET k\r\n";
  send(client, commands);
  ASSERT_TRUE(run_until([&] { return waiting.size() == 4; }));
  EXPECT_EQ(front->pending_replies(), 4U);
  answer = kv::Reply::integer(7);
  EXPECT_EQ(receive(client, 400).size(), 400U);
  EXPECT_EQ(front->counters().reads, 100U);
}

TEST_F(FrontTest, AClientThatDoesNotReadItsRepliesIsClosed) {
  view.node_options.client_limits.max_output_buffer = 1U << 20U;
  answer = kv::Reply::bulk(Bytes(256U << 10U, 'x'));
  open();
  auto client = connect();
  Bytes commands;
  for (int i = 0; i < 200; ++i) commands += "GET k\r\n";
  send(client, commands);
  ASSERT_TRUE(run_until([&] {
    return front->counters().connections_open == 0 && front->counters().connections_accepted == 1;
  }));
  EXPECT_EQ(front->counters().slow_clients_closed, 1U);
}

TEST_F(FrontTest, AStrangerThatNeverAuthenticatesIsClosed) {
  view.node_options.password = "secret";
  view.node_options.client_limits.handshake_timeout = std::chrono::milliseconds(1);
  open();
  auto client = connect();
  send(client, "PING\r\n");
  EXPECT_EQ(receive(client, 34), "-NOAUTH Authentication required.\r\n");
  view.time += std::chrono::seconds(1);
  Bytes rest;
  EXPECT_TRUE(run_until([&] { return read_more(client, rest); }));
  EXPECT_EQ(front->counters().connections_open, 0U);
}

TEST_F(FrontTest, AStoppingFrontAnswersWhatItTookAndNoMore) {
  open();
  answer.reset();
  auto client = connect();
  send(client, "SET k v\r\n");
  ASSERT_TRUE(run_until([&] { return waiting.size() == 1; }));
  front->stop_reading();
  send(client, "PING\r\n");
  EXPECT_EQ(front->pending_replies(), 1U);
  answer = kv::Reply::ok();
  EXPECT_EQ(receive_all(client), "+OK\r\n");
}

// As the state answers a read that found nothing: with the positions.
kv::Reply nothing_new() { return kv::Reply::array({kv::Reply::integer(0)}); }

TEST_F(FrontTest, AReadThatWaitsEndsWithItsTime) {
  answer = nothing_new();
  open();
  auto client = connect();
  send(client, "XREAD BLOCK 5 STREAMS room 0\r\nPING\r\n");
  ASSERT_TRUE(run_until([&] { return front->awaits_streams(); }));
  view.time += std::chrono::milliseconds(5);
  EXPECT_EQ(receive(client, 12), "*-1\r\n+PONG\r\n");
  EXPECT_FALSE(front->awaits_streams());
}

TEST_F(FrontTest, AClientThatLeavesWhileItWaitsIsForgotten) {
  answer = nothing_new();
  open();
  {
    auto client = connect();
    send(client, "XREAD BLOCK 0 STREAMS room 0\r\n");
    ASSERT_TRUE(run_until([&] { return front->awaits_streams(); }));
  }
  ASSERT_TRUE(run_until([&] { return !view.closed.empty(); }));
  EXPECT_FALSE(front->awaits_streams());
  EXPECT_EQ(front->counters().connections_open, 0U);
}

TEST_F(FrontTest, WaitsEndWhenThereIsNoLeaderForLong) {
  answer = nothing_new();
  open();
  auto client = connect();
  auto local = connect();
  send(local, "READONLY\r\nXREAD BLOCK 0 STREAMS room 0\r\n");
  EXPECT_EQ(receive(local, 5), "+OK\r\n");
  send(client, "XREAD BLOCK 0 STREAMS room 0\r\n");
  ASSERT_TRUE(run_until([&] { return front->pending_replies() == 2 && waiting.empty(); }));
  view.lead(0);
  Bytes received;
  ASSERT_TRUE(run_until([&] {
    view.time += std::chrono::milliseconds(20);
    read_more(client, received);
    return received.ends_with("\r\n");
  }));
  EXPECT_TRUE(received.starts_with("-CLUSTERDOWN")) << received;
  EXPECT_TRUE(front->awaits_streams()) << "this node's own state needs no leader";
}

TEST_F(FrontTest, AStoppingFrontEndsTheWaits) {
  answer = nothing_new();
  open();
  auto client = connect();
  send(client, "XREAD BLOCK 0 STREAMS room 0\r\n");
  ASSERT_TRUE(run_until([&] { return front->awaits_streams(); }));
  front->stop_reading();
  EXPECT_EQ(receive_all(client), "*-1\r\n");
}

class FrontWatchTest : public FrontTest {
 protected:
  FrontWatchTest() { view.ring = &ring; }

  void apply(BytesView key, BytesView value) {
    ring.changed({kv::ChangeKind::kPut, key, value});
    ring.applied(ring.last().next());
  }
  tcp::socket watch(const Bytes& command, BytesView reply) {
    tcp::socket client = connect();
    send(client, "HELLO 3\r\n" + command + "\r\n");
    EXPECT_TRUE(receive_until(client, reply));
    return client;
  }
  // False when it does not come.
  bool receive_until(tcp::socket& client, BytesView text) {
    Bytes received;
    return run_until([&] {
      read_more(client, received);
      return received.find(text) != Bytes::npos;
    });
  }

  replica::ChangeRing ring{1U << 20U};
};

TEST_F(FrontWatchTest, TellsOfThePastAndOfTheFuture) {
  open();
  apply("k", "past");
  auto client = watch("KV.WATCH k FROM 1", ":1\r\n");
  auto other = watch("KV.WATCH other", ":2\r\n");
  apply("k", "future");
  front->changes_applied();
  EXPECT_TRUE(receive_until(client, "future"));
  apply("other", "last");
  front->changes_applied();
  EXPECT_TRUE(receive_until(other, "last"));
}

TEST_F(FrontWatchTest, MarksProgressOnceASecond) {
  open();
  auto client = watch("KV.WATCH k", ":1\r\n");
  apply("other", "1");
  front->changes_applied();
  view.time += std::chrono::seconds(2);
  EXPECT_TRUE(receive_until(client, ":1\r\n*0\r\n"));
}

TEST_F(FrontWatchTest, ASlowReaderIsToldThatItFellBehind) {
  open();
  auto client = watch("KV.WATCH k", ":1\r\n");
  const Bytes value(100'000, 'v');
  for (int i = 0; i < 500; ++i) {
    apply("k", value);
    front->changes_applied();
    turn.flush();
  }
  EXPECT_TRUE(receive_until(client, "kv.unwatch"));
  EXPECT_EQ(front->counters().slow_clients_closed, 0U) << "the connection goes on";
  send(client, "PING\r\n");
  EXPECT_TRUE(receive_until(client, "+PONG"));
}

TEST_F(FrontWatchTest, AClientThatLeavesWatchesNoMore) {
  open();
  {
    auto client = watch("KV.WATCH k", ":1\r\n");
  }
  ASSERT_TRUE(run_until([&] { return !view.closed.empty(); }));
  apply("k", "1");
  front->changes_applied();
  EXPECT_EQ(front->counters().connections_open, 0U);
}

TEST_F(FrontTest, CloseAllEndsIdleConnections) {
  open();
  auto client = connect();
  send(client, "PING\r\n");
  receive(client, 7);
  front->close_all();
  EXPECT_EQ(receive_all(client), "");
}

}  // namespace
}  // namespace kvcluster::server
