// MULTI, EXEC, DISCARD, WATCH, UNWATCH and SCAN.
#include "server/session_fixture.hpp"

namespace kvcluster::server {
namespace {

using kv::Reply;

class TransactionTest : public SessionTest {
 protected:
  // The one request that EXEC made, as if it had been encoded here.
  Bytes transaction(const std::vector<kv::Watched>& watched, const std::vector<Words>& commands) {
    std::vector<Bytes> encoded;
    for (const Words& words : commands) {
      EXPECT_TRUE(kv::encode_request(words, view.node_options.limits, encoded.emplace_back()));
    }
    Bytes out;
    EXPECT_TRUE(kv::encode_transaction(watched, encoded, view.node_options.limits, out));
    return out;
  }
};

TEST_F(TransactionTest, ExecMakesOneRequestOfTheQueuedCommands) {
  EXPECT_EQ(ask({"MULTI"}), "+OK\r\n");
  EXPECT_EQ(ask({"SET", "a", "1"}), "+QUEUED\r\n");
  EXPECT_EQ(ask({"INCR", "b"}), "+QUEUED\r\n");
  EXPECT_TRUE(requests().empty());
  send({"EXEC"});
  const Request request = only_request();
  EXPECT_EQ(request.mode, Mode::kWrite);
  EXPECT_EQ(request.encoded, transaction({}, {{"SET", "a", "1"}, {"INCR", "b"}}));
  reply(request.id, Reply::array({Reply::ok(), Reply::integer(1)}));
  EXPECT_EQ(received(), "*2\r\n+OK\r\n:1\r\n");
}

TEST_F(TransactionTest, APipelinedTransactionKeepsItsOrder) {
  send_bytes("MULTI\r\nSET a 1\r\nEXEC\r\nPING\r\n");
  EXPECT_EQ(received(), "+OK\r\n+QUEUED\r\n");
  reply(only_request().id, Reply::array({Reply::ok()}));
  EXPECT_EQ(received(), "*1\r\n+OK\r\n+PONG\r\n");
}

TEST_F(TransactionTest, AReadInsideGoesThroughTheLogWithTheOthers) {
  send_bytes("MULTI\r\nGET a\r\nEXEC\r\n");
  EXPECT_EQ(only_request().mode, Mode::kWrite);
}

TEST_F(TransactionTest, LocalCommandsTakeTheirPlaces) {
  send_bytes("MULTI\r\nPING\r\nSET a 1\r\nECHO x\r\nECHO y\r\nGET a\r\nPING\r\nEXEC\r\n");
  received();
  reply(only_request().id, Reply::array({Reply::ok(), Reply::bulk("1")}));
  EXPECT_EQ(received(), "*6\r\n+PONG\r\n+OK\r\n$1\r\nx\r\n$1\r\ny\r\n$1\r\n1\r\n+PONG\r\n");
}

TEST_F(TransactionTest, OnlyLocalCommandsNeedNoRequest) {
  send_bytes("MULTI\r\nPING\r\nEXEC\r\n");
  EXPECT_EQ(received(), "+OK\r\n+QUEUED\r\n*1\r\n+PONG\r\n");
  EXPECT_TRUE(requests().empty());
}

TEST_F(TransactionTest, AnEmptyOneIsAnEmptyArray) {
  send_bytes("MULTI\r\nEXEC\r\n");
  EXPECT_EQ(received(), "+OK\r\n*0\r\n");
}

TEST_F(TransactionTest, AnErrorWhileQueueingMakesExecRefuse) {
  ask({"MULTI"});
  EXPECT_TRUE(ask({"SET", "a"}).starts_with("-ERR wrong number"));
  EXPECT_EQ(ask({"SET", "a", "1"}), "+QUEUED\r\n");
  EXPECT_EQ(ask({"EXEC"}), "-EXECABORT Transaction discarded because of previous errors.\r\n");
  EXPECT_TRUE(requests().empty());
  EXPECT_EQ(ask({"EXEC"}), "-ERR EXEC without MULTI\r\n");
}

TEST_F(TransactionTest, AnUnknownCommandMakesExecRefuse) {
  ask({"MULTI"});
  ask({"NOSUCH"});
  EXPECT_TRUE(ask({"EXEC"}).starts_with("-EXECABORT "));
}

TEST_F(TransactionTest, ACommandThatCannotBeQueuedMakesExecRefuse) {
  ask({"MULTI"});
  EXPECT_EQ(ask({"INFO"}), "-ERR 'info' is not allowed inside a transaction\r\n");
  EXPECT_TRUE(ask({"EXEC"}).starts_with("-EXECABORT "));
}

TEST_F(TransactionTest, MultiDoesNotNest) {
  ask({"MULTI"});
  EXPECT_EQ(ask({"MULTI"}), "-ERR MULTI calls can not be nested\r\n");
  EXPECT_EQ(ask({"EXEC"}), "*0\r\n");
}

TEST_F(TransactionTest, DiscardForgetsAll) {
  send_bytes("MULTI\r\nSET a 1\r\nDISCARD\r\nEXEC\r\nDISCARD\r\n");
  EXPECT_EQ(received(),
            "+OK\r\n+QUEUED\r\n+OK\r\n-ERR EXEC without MULTI\r\n-ERR DISCARD without MULTI\r\n");
  EXPECT_TRUE(requests().empty());
}

TEST_F(TransactionTest, AWatchedKeyTravelsWithItsRevision) {
  send({"WATCH", "a", "b"});
  const Request watch = only_request();
  EXPECT_EQ(watch.mode, Mode::kRead);
  reply(watch.id, Reply::array({Reply::integer(5), Reply::integer(0)}));
  EXPECT_EQ(received(), "+OK\r\n");
  send_bytes("MULTI\r\nSET a 1\r\nEXEC\r\n");
  EXPECT_EQ(only_request().encoded, transaction({{"a", 5}, {"b", 0}}, {{"SET", "a", "1"}}));
}

TEST_F(TransactionTest, NothingIsReadUntilTheRevisionsAreKnown) {
  send_bytes("WATCH a\r\nMULTI\r\nSET a 1\r\nEXEC\r\n");
  const Request watch = only_request();
  EXPECT_TRUE(session().blocked());
  reply(watch.id, Reply::array({Reply::integer(9)}));
  resume();
  EXPECT_EQ(only_request().encoded, transaction({{"a", 9}}, {{"SET", "a", "1"}}));
}

TEST_F(TransactionTest, AChangedKeyMakesExecNil) {
  send({"WATCH", "a"});
  reply(only_request().id, Reply::array({Reply::integer(5)}));
  received();
  send_bytes("MULTI\r\nSET a 1\r\nEXEC\r\n");
  received();
  reply(only_request().id, Reply::nil());
  EXPECT_EQ(received(), "*-1\r\n");
}

TEST_F(TransactionTest, TheRevisionSeenFirstCounts) {
  for (const std::int64_t revision : {5, 6}) {
    send({"WATCH", "a"});
    reply(only_request().id, Reply::array({Reply::integer(revision)}));
  }
  send_bytes("MULTI\r\nEXEC\r\n");
  EXPECT_EQ(only_request().encoded, transaction({{"a", 5}}, {}));
}

TEST_F(TransactionTest, UnwatchAndExecAndDiscardForgetWatchedKeys) {
  for (const BytesView forget : {"UNWATCH\r\n", "MULTI\r\nDISCARD\r\n"}) {
    send({"WATCH", "a"});
    reply(only_request().id, Reply::array({Reply::integer(5)}));
    send_bytes(forget);
    received();
    send_bytes("MULTI\r\nEXEC\r\n");
    EXPECT_EQ(received(), "+OK\r\n*0\r\n");
  }
}

TEST_F(TransactionTest, WatchInsideMultiIsAnErrorThatExecSurvives) {
  ask({"MULTI"});
  EXPECT_EQ(ask({"WATCH", "a"}), "-ERR WATCH inside MULTI is not allowed\r\n");
  EXPECT_EQ(ask({"EXEC"}), "*0\r\n");
}

TEST_F(TransactionTest, AWatchWithoutAnswerWatchesNothing) {
  send({"WATCH", "a"});
  fail(only_request().id, Outcome::kNoLeader);
  EXPECT_TRUE(received().starts_with("-CLUSTERDOWN "));
  EXPECT_FALSE(session().blocked());
  EXPECT_EQ((send_bytes("MULTI\r\nEXEC\r\n"), received()), "+OK\r\n*0\r\n");
}

TEST_F(TransactionTest, AnUncertainExecSaysSo) {
  send_bytes("MULTI\r\nPING\r\nINCR a\r\nEXEC\r\n");
  received();
  fail(only_request().id, Outcome::kUncertain, 12);
  EXPECT_TRUE(received().starts_with("-UNCERTAIN 12 "));
}

TEST_F(TransactionTest, AFollowerThatRedirectsRefusesToQueue) {
  view.node_options.follower_mode = FollowerMode::kRedirect;
  view.lead(2);
  ask({"MULTI"});
  EXPECT_EQ(ask({"SET", "foo", "1"}), "-MOVED 12182 127.0.0.1:9002\r\n");
  EXPECT_TRUE(ask({"EXEC"}).starts_with("-EXECABORT "));
}

TEST_F(TransactionTest, TooManyCommandsAreRefused) {
  view.node_options.limits.max_transaction_commands = 2;
  ask({"MULTI"});
  ask({"INCR", "a"});
  ask({"PING"});
  EXPECT_EQ(ask({"INCR", "a"}), "-ERR a transaction holds at most 2 commands\r\n");
  EXPECT_TRUE(ask({"EXEC"}).starts_with("-EXECABORT "));
}

TEST_F(TransactionTest, ResetEndsIt) {
  send_bytes("MULTI\r\nSET a 1\r\nRESET\r\nEXEC\r\n");
  EXPECT_EQ(received(), "+OK\r\n+QUEUED\r\n+RESET\r\n-ERR EXEC without MULTI\r\n");
}

// --- SCAN ---

TEST_F(SessionTest, AScanGoesOnAfterTheLastKey) {
  send({"SCAN", "0", "MATCH", "a*", "COUNT", "2"});
  Request request = only_request();
  Bytes expected;
  kv::encode_scan_page("", "a*", 2, "", expected);
  EXPECT_EQ(request.encoded, expected);
  reply(request.id, Reply::array({Reply::bulk("a2"), Reply::array({Reply::bulk("a1")})}));
  const Bytes page = received();
  const std::size_t begin = page.find("\r\n", 4) + 2;
  const Bytes cursor = page.substr(begin, page.find("\r\n", begin) - begin);
  EXPECT_NE(cursor, "0");
  EXPECT_TRUE(page.ends_with("*1\r\n$2\r\na1\r\n"));

  send({"SCAN", cursor});
  request = only_request();
  expected.clear();
  kv::encode_scan_page("a2", "*", 10, "", expected);
  EXPECT_EQ(request.encoded, expected);
  reply(request.id, Reply::array({Reply::nil(), Reply::array({})}));
  EXPECT_EQ(received(), "*2\r\n$1\r\n0\r\n*0\r\n");
}

TEST_F(SessionTest, AnUnknownCursorIsToldFromABadOne) {
  EXPECT_TRUE(ask({"SCAN", "12345"}).starts_with("-ERR unknown cursor 12345: "));
  EXPECT_EQ(ask({"SCAN", "x"}), "-ERR invalid cursor\r\n");
  EXPECT_EQ(ask({"SCAN", "-1"}), "-ERR invalid cursor\r\n");
}

TEST_F(SessionTest, ScanOptionsAreCheckedAsRedisDoes) {
  EXPECT_EQ(ask({"SCAN", "0", "COUNT", "0"}), "-ERR syntax error\r\n");
  EXPECT_EQ(ask({"SCAN", "0", "COUNT", "x"}), "-ERR value is not an integer or out of range\r\n");
  EXPECT_EQ(ask({"SCAN", "0", "MATCH"}), "-ERR syntax error\r\n");
  EXPECT_EQ(ask({"SCAN", "0", "FOO", "x"}), "-ERR syntax error\r\n");
}

}  // namespace
}  // namespace kvcluster::server
