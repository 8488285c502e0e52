// How a session parses, orders, redirects and refuses.
#include "server/session_fixture.hpp"

namespace kvcluster::server {
namespace {

using kv::Reply;

TEST_F(SessionTest, AWriteBecomesOneRequestAndItsReply) {
  send({"SET", "k", "v"});
  const Request request = only_request();
  EXPECT_EQ(request.mode, Mode::kWrite);
  EXPECT_EQ(received(), "");
  reply(request.id, Reply::ok());
  EXPECT_EQ(received(), "+OK\r\n");
  EXPECT_TRUE(session().idle());
}

TEST_F(SessionTest, ARequestIsEncodedAsTheStateMachineKnowsIt) {
  send({"SET", "k", "v"});
  Bytes expected;
  ASSERT_TRUE(kv::encode_request(Words{"SET", "k", "v"}, view.node_options.limits, expected));
  EXPECT_EQ(only_request().encoded, expected);
}

TEST_F(SessionTest, RepliesKeepTheOrderOfTheirCommands) {
  send({"SET", "k", "v"});
  send({"GET", "k"});
  send({"PING"});
  send({"GET", "k"});
  const auto all = requests();
  ASSERT_EQ(all.size(), 3U);
  reply(all[2].id, Reply::bulk("third"));
  reply(all[1].id, Reply::bulk("second"));
  EXPECT_EQ(received(), "");
  reply(all[0].id, Reply::ok());
  EXPECT_EQ(received(), "+OK\r\n$6\r\nsecond\r\n+PONG\r\n$5\r\nthird\r\n");
}

TEST_F(SessionTest, ACommandMayArriveByteByByte) {
  const BytesView bytes = "*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$1\r\nv\r\n";
  for (const char byte : bytes) send_bytes(BytesView(&byte, 1));
  EXPECT_EQ(requests().size(), 1U);
}

TEST_F(SessionTest, ACompletionOfAnotherConnectionIsIgnored) {
  send({"GET", "k"});
  const Request request = only_request();
  reply(request.id + (std::uint64_t{1} << 24U), Reply::ok());
  EXPECT_EQ(received(), "");
  EXPECT_FALSE(session().idle());
}

TEST_F(SessionTest, ASecondCompletionOfOneRequestIsIgnored) {
  send({"GET", "k"});
  const Request request = only_request();
  reply(request.id, Reply::bulk("a"));
  reply(request.id, Reply::bulk("b"));
  EXPECT_EQ(received(), "$1\r\na\r\n");
}

TEST_F(SessionTest, AFullPipelineIsNotReadOn) {
  view.node_options.client_limits.max_pipeline_depth = 2;
  send({"GET", "a"});
  send({"GET", "b"});
  send({"GET", "c"});
  const auto first = requests();
  EXPECT_EQ(first.size(), 2U);
  EXPECT_TRUE(session().blocked());
  reply(first[0].id, Reply::nil());
  EXPECT_FALSE(session().blocked());
  resume();
  EXPECT_EQ(requests().size(), 1U);
}

TEST_F(SessionTest, NumbersOfRepliesWrapAround) {
  for (int i = 0; i < 1000; ++i) {
    send({"GET", "k"});
    reply(only_request().id, Reply::integer(i));
    EXPECT_EQ(received(), ":" + std::to_string(i) + "\r\n");
  }
}

TEST_F(SessionTest, GarbageIsAnsweredAndEndsTheConnection) {
  send_bytes("*1\r\n!3\r\nGET\r\n");
  EXPECT_TRUE(received().starts_with("-ERR Protocol error"));
  EXPECT_TRUE(session().closing());
  EXPECT_EQ(counters().protocol_errors, 1U);
}

TEST_F(SessionTest, CommandsBeforeGarbageAreStillAnswered) {
  send_bytes("*2\r\n$3\r\nGET\r\n$1\r\nk\r\n*-\r\n");
  const Request request = only_request();
  EXPECT_TRUE(session().closing());
  EXPECT_FALSE(session().idle());
  reply(request.id, Reply::bulk("v"));
  EXPECT_TRUE(received().starts_with("$1\r\nv\r\n-ERR Protocol error"));
  EXPECT_TRUE(session().idle());
}

TEST_F(SessionTest, NothingIsReadAfterQuit) {
  send_bytes("QUIT\r\nPING\r\n");
  EXPECT_EQ(received(), "+OK\r\n");
  EXPECT_TRUE(session().closing());
}

TEST_F(SessionTest, AnUnknownCommandIsNamed) {
  EXPECT_EQ(ask({"FOO", "a", "b"}),
            "-ERR unknown command 'FOO', with args beginning with: 'a' 'b' \r\n");
  EXPECT_TRUE(requests().empty());
}

TEST_F(SessionTest, WrongArityOfALocalCommandIsToldAsRedisDoes) {
  EXPECT_EQ(ask({"ECHO"}), "-ERR wrong number of arguments for 'echo' command\r\n");
}

TEST_F(SessionTest, WrongArityOfADataCommandLeavesNothingBehind) {
  EXPECT_EQ(ask({"GET"}), "-ERR wrong number of arguments for 'get' command\r\n");
  send({"GET", "k"});
  EXPECT_EQ(requests().size(), 1U);
}

TEST_F(SessionTest, AnUncertainWriteSaysSoWithItsIndex) {
  send({"INCR", "k"});
  fail(only_request().id, Outcome::kUncertain, 42);
  EXPECT_TRUE(received().starts_with("-UNCERTAIN 42 the outcome is not known"));
  EXPECT_EQ(counters().uncertain, 1U);
}

TEST_F(SessionTest, WithoutALeaderTheReasonIsGiven) {
  send({"INCR", "k"});
  fail(only_request().id, Outcome::kNoLeader);
  EXPECT_EQ(received(), "-CLUSTERDOWN no leader: the others cannot be reached\r\n");
}

TEST_F(SessionTest, ARefusalKeepsItsOwnWords) {
  send({"SET", "k", "v"});
  session().complete({.id = only_request().id,
                      .outcome = Outcome::kRefused,
                      .index = {},
                      .reply = Reply::error("OOM disk full on node 1")});
  EXPECT_EQ(received(), "-OOM disk full on node 1\r\n");
}

TEST_F(SessionTest, AProxyPassesCommandsOnWhoeverLeads) {
  view.lead(2);
  send({"SET", "k", "v"});
  EXPECT_EQ(requests().size(), 1U);
}

TEST_F(SessionTest, AProxyThatLostTheLeaderAsksToTryAgain) {
  view.lead(2);
  send({"SET", "k", "v"});
  fail(only_request().id, Outcome::kNotLeader);
  EXPECT_TRUE(received().starts_with("-TRYAGAIN "));
}

class RedirectTest : public SessionTest {
 protected:
  RedirectTest() { view.node_options.follower_mode = FollowerMode::kRedirect; }
};

TEST_F(RedirectTest, AFollowerNamesSlotAndLeader) {
  view.lead(2);
  EXPECT_EQ(ask({"SET", "foo", "v"}), "-MOVED 12182 127.0.0.1:9002\r\n");
  EXPECT_EQ(ask({"GET", "foo"}), "-MOVED 12182 127.0.0.1:9002\r\n");
  EXPECT_TRUE(requests().empty());
}

TEST_F(RedirectTest, TheLeaderServes) {
  send({"SET", "foo", "v"});
  EXPECT_EQ(requests().size(), 1U);
}

TEST_F(RedirectTest, WithoutALeaderTheCommandWaitsForOne) {
  view.lead(0);
  send({"SET", "foo", "v"});
  const Request request = only_request();
  view.lead(3);
  fail(request.id, Outcome::kNotLeader);
  EXPECT_EQ(received(), "-MOVED 12182 127.0.0.1:9003\r\n");
}

TEST_F(RedirectTest, ALeaderOfUnknownAddressCannotBeNamed) {
  view.lead(2);
  view.current.members[1].client_address.clear();
  EXPECT_TRUE(ask({"GET", "foo"}).starts_with("-CLUSTERDOWN "));
}

TEST_F(RedirectTest, ReadonlyReadsStayAtTheFollower) {
  view.lead(2);
  EXPECT_EQ(ask({"READONLY"}), "+OK\r\n");
  send({"GET", "foo"});
  const Request read = only_request();
  EXPECT_EQ(read.mode, Mode::kLocalRead);
  reply(read.id, Reply::bulk("v"));
  EXPECT_EQ(received(), "$1\r\nv\r\n");
  EXPECT_EQ(ask({"SET", "foo", "v"}), "-MOVED 12182 127.0.0.1:9002\r\n");
}

TEST_F(SessionTest, ARejectingFollowerNamesTheLeader) {
  view.node_options.follower_mode = FollowerMode::kReject;
  view.lead(2);
  EXPECT_EQ(ask({"GET", "k"}),
            "-READONLY node 1 is a follower; the leader is node 2 at 127.0.0.1:9002\r\n");
}

TEST_F(SessionTest, ReadsAreLinearizableUnlessAskedOtherwise) {
  send({"GET", "k"});
  EXPECT_EQ(only_request().mode, Mode::kRead);
  ask({"READONLY"});
  send({"GET", "k"});
  EXPECT_EQ(only_request().mode, Mode::kLocalRead);
  ask({"READWRITE"});
  send({"GET", "k"});
  EXPECT_EQ(only_request().mode, Mode::kRead);
}

TEST_F(SessionTest, ALocalReadWaitsForTheAskedIndex) {
  ask({"READONLY"});
  EXPECT_EQ(ask({"KV.MININDEX", "77"}), "+OK\r\n");
  send({"GET", "k"});
  EXPECT_EQ(only_request().min_index, Index(77));
}

TEST_F(SessionTest, AMinIndexMustBeANumber) {
  EXPECT_TRUE(ask({"KV.MININDEX", "-1"}).starts_with("-ERR "));
  EXPECT_TRUE(ask({"KV.MININDEX", "x"}).starts_with("-ERR "));
}

TEST_F(SessionTest, TheHashIsAlwaysThisNodesOwn) {
  send({"KV.HASH"});
  EXPECT_EQ(only_request().mode, Mode::kLocalRead);
  send({"KV.HASH", "FULL"});
  const Request full = only_request();
  Bytes expected;
  kv::encode_full_hash(expected);
  EXPECT_EQ(full.encoded, expected);
  EXPECT_EQ(full.mode, Mode::kLocalRead);
}

TEST_F(SessionTest, TheHashKnowsNoOtherOption) {
  EXPECT_TRUE(ask({"KV.HASH", "HALF"}).starts_with("-ERR syntax error"));
}

TEST_F(SessionTest, ANodeWithoutAClusterSaysWhatItWaitsFor) {
  view.current.phase = Phase::kBootstrapping;
  view.reason = "node 2 has not been heard from";
  EXPECT_EQ(ask({"GET", "k"}),
            "-LOADING node 1 is bootstrapping: node 2 has not been heard from\r\n");
  EXPECT_EQ(ask({"PING"}), "+PONG\r\n");
  EXPECT_TRUE(requests().empty());
}

TEST_F(SessionTest, AStoppingNodeSendsClientsElsewhere) {
  view.current.phase = Phase::kStopping;
  EXPECT_EQ(ask({"SET", "k", "v"}), "-LOADING node 1 is stopping; connect to another node\r\n");
}

TEST_F(SessionTest, AValueOverTheLimitIsAnErrorAndNotTheEnd) {
  view.node_options.limits.max_value_bytes = 10;
  EXPECT_TRUE(ask({"SET", "k", "12345678901"}).starts_with("-ERR "));
  EXPECT_FALSE(session().closing());
}

}  // namespace
}  // namespace kvcluster::server
