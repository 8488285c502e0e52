// XREAD BLOCK: what a client that found nothing waits for, and what ends its wait.
#include <initializer_list>

#include "kv/map_table.hpp"
#include "kv/state_machine.hpp"
#include "server/session_fixture.hpp"

namespace kvcluster::server {
namespace {

class SessionStreams : public SessionTest {
 protected:
  SessionStreams() {
    state.apply_genesis({.index = Index(1), .term = Term(1)}, {}, "");
    view.machine = &state;
  }

  // Applied on this node, by whoever.
  void apply(const std::vector<BytesView>& words) {
    Bytes encoded;
    ASSERT_TRUE(kv::encode_request(words, {}, encoded));
    Bytes payload;
    kv::StateMachine::encode_entry(view.wall(), encoded, payload);
    state.apply({.index = state.applied().next(), .term = Term(1)}, payload);
  }
  // The state's answer to what was asked last.
  void answer_from_state() {
    const Request request = only_request();
    reply(request.id, state.read(request.encoded, view.wall()));
  }

  kv::MapTable table;
  kv::StateMachine state{table};
};

TEST_F(SessionStreams, WhatIsThereIsAnsweredAtOnce) {
  apply({"XADD", "room", "*", "f", "v"});
  send({"XREAD", "BLOCK", "0", "STREAMS", "room", "0"});
  EXPECT_TRUE(session().waiting());
  answer_from_state();
  EXPECT_EQ(received(),
            "*1\r\n*2\r\n$4\r\nroom\r\n*1\r\n*2\r\n$3\r\n1-0\r\n*2\r\n$1\r\nf\r\n$1\r\nv\r\n");
  EXPECT_FALSE(session().waiting());
}

TEST_F(SessionStreams, ANewMessageEndsTheWait) {
  send({"HELLO", "3"});
  (void)received();
  send({"XREAD", "BLOCK", "0", "STREAMS", "other", "room", "$", "$"});
  answer_from_state();
  EXPECT_EQ(received(), "");
  EXPECT_TRUE(session().blocked());
  session().retry_stream_read();
  EXPECT_EQ(received(), "") << "nothing has come yet";
  apply({"XADD", "room", "*", "f", "v"});
  session().retry_stream_read();
  EXPECT_EQ(received(),
            "%1\r\n$4\r\nroom\r\n*1\r\n*2\r\n$3\r\n1-0\r\n*2\r\n$1\r\nf\r\n$1\r\nv\r\n");
  EXPECT_TRUE(session().idle());
}

TEST_F(SessionStreams, WhatCameBetweenReadAndWaitIsNotMissed) {
  send({"XREAD", "BLOCK", "0", "STREAMS", "room", "$"});
  const Request request = only_request();
  kv::Reply nothing = state.read(request.encoded, view.wall());
  apply({"XADD", "room", "*", "f", "v"});
  reply(request.id, std::move(nothing));
  EXPECT_TRUE(received().starts_with("*1\r\n*2\r\n$4\r\nroom"));
}

TEST_F(SessionStreams, LaterCommandsOfThePipelineWait) {
  send({"XREAD", "BLOCK", "0", "STREAMS", "room", "$"});
  answer_from_state();
  send({"PING"});
  EXPECT_EQ(received(), "");
  apply({"XADD", "room", "*", "f", "v"});
  session().retry_stream_read();
  resume();
  EXPECT_TRUE(received().ends_with("+PONG\r\n"));
}

TEST_F(SessionStreams, EarlierCommandsOfThePipelineAreAnsweredFirst) {
  send({"GET", "a"});
  send({"XREAD", "BLOCK", "0", "STREAMS", "room", "$"});
  const auto both = requests();
  ASSERT_EQ(both.size(), 2U);
  reply(both[1].id, state.read(both[1].encoded, view.wall()));
  apply({"XADD", "room", "*", "f", "v"});
  session().retry_stream_read();
  EXPECT_EQ(received(), "");
  reply(both[0].id, kv::Reply::nil());
  EXPECT_TRUE(received().starts_with("$-1\r\n*1\r\n"));
}

TEST_F(SessionStreams, TheEndOfItsTimeIsANilOfAnArray) {
  send({"XREAD", "BLOCK", "50", "STREAMS", "room", "$"});
  answer_from_state();
  EXPECT_EQ(received(), "");
  session().end_stream_read(kv::Reply::nil());
  EXPECT_EQ(received(), "*-1\r\n");
  EXPECT_FALSE(session().blocked());
}

TEST_F(SessionStreams, TimeThatPassedDuringTheReadCounts) {
  send({"XREAD", "BLOCK", "50", "STREAMS", "room", "$"});
  view.time += std::chrono::milliseconds(50);
  answer_from_state();
  EXPECT_EQ(received(), "*-1\r\n");
}

TEST_F(SessionStreams, AnErrorEndsIt) {
  send({"XREAD", "BLOCK", "0", "STREAMS", "room", "$"});
  const Request request = only_request();
  fail(request.id, Outcome::kNoLeader);
  EXPECT_TRUE(received().starts_with("-CLUSTERDOWN"));
  EXPECT_FALSE(session().waiting());
  send({"XREAD", "BLOCK", "0", "STREAMS", "room", "$"});
  answer_from_state();
  apply({"SET", "room", "x"});
  session().retry_stream_read();
  EXPECT_TRUE(received().starts_with("-WRONGTYPE"));
}

TEST_F(SessionStreams, ANodeThatServesNoMoreSaysSo) {
  send({"XREAD", "BLOCK", "0", "STREAMS", "room", "$"});
  answer_from_state();
  view.current.phase = Phase::kRepairing;
  session().retry_stream_read();
  EXPECT_TRUE(received().starts_with("-LOADING"));
}

TEST_F(SessionStreams, StoppingEndsTheWait) {
  send({"XREAD", "BLOCK", "0", "STREAMS", "room", "$"});
  answer_from_state();
  session().stop();
  EXPECT_EQ(received(), "*-1\r\n");
  EXPECT_TRUE(session().idle());
}

TEST_F(SessionStreams, StoppingDuringTheReadLetsItBeAnsweredAndNotWait) {
  send({"XREAD", "BLOCK", "0", "STREAMS", "room", "$"});
  session().stop();
  answer_from_state();
  EXPECT_EQ(received(), "*-1\r\n");
}

TEST_F(SessionStreams, SoManyWaitAndNoMore) {
  view.node_options.client_limits.max_blocked_reads = 0;
  send({"XREAD", "BLOCK", "0", "STREAMS", "room", "$"});
  answer_from_state();
  EXPECT_TRUE(received().starts_with("-TRYAGAIN so many clients wait"));
  EXPECT_FALSE(session().waiting());
}

TEST_F(SessionStreams, ATransactionDoesNotWait) {
  send({"MULTI"});
  send({"XREAD", "BLOCK", "0", "STREAMS", "room", "$"});
  EXPECT_EQ(received(), "+OK\r\n+QUEUED\r\n");
  EXPECT_FALSE(session().waiting());
}

TEST_F(SessionStreams, AReadOnlyConnectionAsksThisNodeOnly) {
  send({"READONLY"});
  (void)received();
  send({"XREAD", "BLOCK", "0", "STREAMS", "room", "$"});
  EXPECT_FALSE(session().waits_for_cluster());
  EXPECT_EQ(only_request().mode, Mode::kLocalRead);
}

}  // namespace
}  // namespace kvcluster::server
