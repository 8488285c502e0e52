#include "net/client_connection.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "net/loop.hpp"
#include "net/raw_client.hpp"

namespace kvcluster::net {
namespace {

// Serves one connection at a time with whatever the test wants done.
class ClientConnectionTest : public testing::Test, protected ClientHandler {
 protected:
  void SetUp() override {
    ListenerHandlers handlers;
    handlers.client = [this](Incoming incoming) {
      connection = ClientConnection::start(std::move(incoming), loop.turn, *this, options);
    };
    auto opened = Listener::open(loop.io, {}, std::move(handlers));
    ASSERT_TRUE(opened) << opened.error().context;
    listener = std::move(*opened);
  }
  void TearDown() override {
    if (connection) connection->close();
  }

  std::size_t on_bytes(ClientConnection& from, BytesView bytes) override {
    ++calls;
    return serve(from, bytes);
  }
  void on_closed(ClientConnection& /*from*/, const std::string& why) override {
    closed.push_back(why);
    connection.reset();
  }
  bool on_end_of_input(ClientConnection& from) override { return end(from); }

  static std::size_t echo(ClientConnection& to, BytesView bytes) {
    to.output().append(bytes);
    return bytes.size();
  }
  // Only whole lines are used up.
  static std::size_t echo_lines(ClientConnection& to, BytesView bytes) {
    const std::size_t end = bytes.rfind('\n');
    if (end == BytesView::npos) return 0;
    return echo(to, bytes.substr(0, end + 1));
  }

  Loop loop;
  ClientOptions options;
  std::unique_ptr<Listener> listener;
  std::shared_ptr<ClientConnection> connection;
  std::function<std::size_t(ClientConnection&, BytesView)> serve = echo;
  std::function<bool(ClientConnection&)> end = [](ClientConnection&) { return false; };
  std::vector<std::string> closed;
  int calls = 0;
};

TEST_F(ClientConnectionTest, DeliversTheFirstBytesAndWhatFollows) {
  RawClient client(loop, listener->address());
  client.send("first ");
  ASSERT_TRUE(loop.run_until([&] { return client.received() == "first "; }));
  client.send("second");
  EXPECT_TRUE(loop.run_until([&] { return client.received() == "first second"; }));
}

TEST_F(ClientConnectionTest, KeepsWhatIsNotUsedUp) {
  serve = echo_lines;
  RawClient client(loop, listener->address());
  client.send("one\ntw");
  ASSERT_TRUE(loop.run_until([&] { return client.received() == "one\n"; }));
  client.send("o\n");
  EXPECT_TRUE(loop.run_until([&] { return client.received() == "one\ntwo\n"; }));
}

TEST_F(ClientConnectionTest, CarriesMegabytesBothWays) {
  RawClient client(loop, listener->address());
  std::string sent(20U << 20U, '\0');
  for (std::size_t i = 0; i < sent.size(); ++i) sent[i] = static_cast<char>(i * 31 + i / 257);
  client.send(sent);
  ASSERT_TRUE(loop.run_until([&] { return client.received().size() >= sent.size(); }));
  EXPECT_TRUE(client.received() == sent);
}

TEST_F(ClientConnectionTest, WritesOnceATurn) {
  RawClient client(loop, listener->address());
  client.send("x");
  ASSERT_TRUE(loop.run_until([&] { return client.received() == "x"; }));
  connection->output() += "a";
  connection->output() += "b";
  loop.io.poll();
  EXPECT_EQ(connection->output_bytes(), 2U) << "nothing leaves before the turn ends";
  loop.turn.flush();
  EXPECT_EQ(connection->output_bytes(), 0U);
  EXPECT_TRUE(loop.run_until([&] { return client.received() == "xab"; }));
}

TEST_F(ClientConnectionTest, SaysThatTheClientClosed) {
  RawClient client(loop, listener->address());
  client.send("x");
  ASSERT_TRUE(loop.run_until([&] { return client.received() == "x"; }));
  client.close();
  ASSERT_TRUE(loop.run_until([&] { return !closed.empty(); }));
  EXPECT_EQ(closed, std::vector<std::string>{"closed by the client"});
  EXPECT_EQ(listener->open_clients(), 0U);
}

TEST_F(ClientConnectionTest, AnswersAClientThatOnlyClosedItsSendingSide) {
  end = [](ClientConnection& to) {
    to.output() += "late reply";
    to.close_after_flush();
    return true;
  };
  RawClient client(loop, listener->address());
  client.send("x");
  client.shutdown_send();
  ASSERT_TRUE(loop.run_until([&] { return client.ended(); }));
  EXPECT_EQ(client.received(), "xlate reply");
}

TEST_F(ClientConnectionTest, ClosesAfterTheLastReplyIsTaken) {
  serve = [](ClientConnection& to, BytesView bytes) {
    to.output() += "+OK\r\n";
    to.close_after_flush();
    return bytes.size();
  };
  RawClient client(loop, listener->address());
  client.send("QUIT\r\n");
  ASSERT_TRUE(loop.run_until([&] { return client.ended(); }));
  EXPECT_EQ(client.received(), "+OK\r\n");
  client.close();
  ASSERT_TRUE(loop.run_until([&] { return !closed.empty(); }));
}

TEST_F(ClientConnectionTest, DeliversNothingAfterTheLastReply) {
  serve = [](ClientConnection& to, BytesView bytes) {
    to.output() += "bye";
    to.close_after_flush();
    return bytes.size();
  };
  RawClient client(loop, listener->address());
  client.send("x");
  ASSERT_TRUE(loop.run_until([&] { return client.ended(); }));
  client.send(std::string(100'000, 'y'));
  client.shutdown_send();
  ASSERT_TRUE(loop.run_until([&] { return !closed.empty(); }));
  EXPECT_EQ(calls, 1);
  EXPECT_EQ(client.received(), "bye");
}

TEST_F(ClientConnectionTest, ClosesWhenACommandDoesNotFit) {
  options.max_input_bytes = 10'000;
  serve = echo_lines;
  RawClient client(loop, listener->address());
  client.send(std::string(20'000, 'x'));
  ASSERT_TRUE(loop.run_until([&] { return !closed.empty(); }));
  EXPECT_EQ(closed[0], "a command does not fit into 10000 bytes");
}

TEST_F(ClientConnectionTest, ClosesAClientThatNeverReadsItsReplies) {
  options.max_output_bytes = 1U << 20U;
  RawClient client(loop, listener->address());
  client.send("x");
  ASSERT_TRUE(loop.run_until([&] { return client.received() == "x"; }));
  client.stop_reading();
  for (int turn = 0; turn < 1000 && closed.empty(); ++turn) {
    connection->output().append(64U << 10U, 'r');
    loop.turn_once();
  }
  ASSERT_EQ(closed.size(), 1U);
  EXPECT_NE(closed[0].find("does not read its replies"), std::string::npos);
}

TEST_F(ClientConnectionTest, DeliversNothingWhilePaused) {
  serve = [](ClientConnection& to, BytesView bytes) {
    to.pause_reading();
    return echo(to, bytes.substr(0, 1));
  };
  RawClient client(loop, listener->address());
  client.send("abc");
  ASSERT_TRUE(loop.run_until([&] { return client.received() == "a"; }));
  loop.io.poll();
  EXPECT_EQ(calls, 1);
  connection->resume_reading();
  EXPECT_EQ(calls, 1) << "never from inside resume_reading";
  ASSERT_TRUE(loop.run_until([&] { return client.received() == "ab"; }));
  connection->resume_reading();
  EXPECT_TRUE(loop.run_until([&] { return client.received() == "abc"; }));
}

TEST_F(ClientConnectionTest, ClosesAnIdleClient) {
  options.idle_deadline = std::chrono::milliseconds(20);
  RawClient client(loop, listener->address());
  client.send("x");
  ASSERT_TRUE(loop.run_until([&] { return client.ended(); }));
  EXPECT_EQ(closed, std::vector<std::string>{"idle for too long"});
}

TEST_F(ClientConnectionTest, TheOwnerMayCloseInsideTheCallback) {
  serve = [this](ClientConnection& from, BytesView /*bytes*/) {
    from.close();
    connection.reset();
    return std::size_t{0};
  };
  RawClient client(loop, listener->address());
  client.send("x");
  ASSERT_TRUE(loop.run_until([&] { return client.ended(); }));
  EXPECT_TRUE(closed.empty()) << "the owner's own close is not reported";
}

TEST_F(ClientConnectionTest, SurvivesAClientThatVanishesWhileItIsWrittenTo) {
  RawClient client(loop, listener->address());
  client.send("x");
  ASSERT_TRUE(loop.run_until([&] { return client.received() == "x"; }));
  connection->output().append(8U << 20U, 'r');
  loop.turn.flush();
  client.close();
  EXPECT_TRUE(loop.run_until([&] { return !closed.empty(); }));
  EXPECT_EQ(closed.size(), 1U);
}

TEST(ClientConnection, MayOutliveItsTurnInsideThePendingRead) {
  // The io_context goes last and destroys the pending read, which holds the connection.
  auto io = std::make_unique<asio::io_context>();
  {
    Turn turn;
    struct Silent final : ClientHandler {
      std::size_t on_bytes(ClientConnection&, BytesView bytes) override { return bytes.size(); }
      void on_closed(ClientConnection&, const std::string&) override {}
    } handler;
    std::shared_ptr<ClientConnection> connection;
    ListenerHandlers handlers;
    handlers.client = [&](Incoming incoming) {
      connection = ClientConnection::start(std::move(incoming), turn, handler, {});
    };
    auto listener = Listener::open(*io, {}, std::move(handlers));
    ASSERT_TRUE(listener);
    asio::ip::tcp::socket client(*io);
    client.connect({asio::ip::make_address("127.0.0.1"), (*listener)->address().port});
    asio::write(client, asio::buffer("x", 1));
    while (!connection) io->run_one();
    io->poll();
    connection->output() += "never sent";
  }
  io.reset();
}

}  // namespace
}  // namespace kvcluster::net
