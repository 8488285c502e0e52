// KV.WATCH: what is pushed, when, and how a watch ends.
#include "server/session_fixture.hpp"

namespace kvcluster::server {
namespace {

class SessionWatches : public SessionTest {
 protected:
  static constexpr std::size_t kRoom = 1U << 20U;

  SessionWatches() { view.ring = &ring; }

  void hello() {
    send({"HELLO", "3"});
    (void)received();
  }
  void apply(const std::vector<kv::Change>& changes) {
    for (const kv::Change& change : changes) ring.changed(change);
    ring.applied(ring.last().next());
  }
  Bytes told(bool progress = false, std::size_t room = kRoom) {
    all = session().tell_changes(ring, room, progress);
    return received();
  }

  replica::ChangeRing ring{1U << 20U};
  bool all = false;
};

constexpr auto kPut = kv::ChangeKind::kPut;

TEST_F(SessionWatches, PushesWhatHasThePrefix) {
  hello();
  EXPECT_EQ(ask({"KV.WATCH", "a:"}), ":1\r\n");
  apply({{kPut, "a:1", "x"}, {kPut, "b:1", "y"}, {kv::ChangeKind::kDelete, "a:2", ""}});
  EXPECT_EQ(told(),
            ">4\r\n$8\r\nkv.watch\r\n$2\r\na:\r\n:1\r\n*2\r\n*3\r\n$3\r\nput\r\n$3\r\na:1\r\n$1\r\n"
            "x\r\n*3\r\n$6\r\ndelete\r\n$3\r\na:2\r\n_\r\n");
  EXPECT_TRUE(all);
  EXPECT_EQ(told(), "");
}

TEST_F(SessionWatches, NamesEveryKind) {
  hello();
  EXPECT_EQ(ask({"KV.WATCH", ""}), ":1\r\n");
  apply({{kv::ChangeKind::kExpire, "k", ""}, {kv::ChangeKind::kStream, "s", "7-0"}});
  EXPECT_EQ(told(),
            ">4\r\n$8\r\nkv.watch\r\n$0\r\n\r\n:1\r\n*2\r\n*3\r\n$6\r\nexpire\r\n$1\r\nk\r\n_\r\n"
            "*3\r\n$6\r\nstream\r\n$1\r\ns\r\n$3\r\n7-0\r\n");
}

TEST_F(SessionWatches, BeginsWhereItIsToldTo) {
  hello();
  apply({{kPut, "k", "1"}});
  apply({{kPut, "k", "2"}});
  EXPECT_EQ(ask({"KV.WATCH", "k", "FROM", "2"}), ":2\r\n");
  EXPECT_TRUE(told().find("$1\r\n2\r\n") != Bytes::npos);
  EXPECT_EQ(ask({"KV.WATCH", "", "from", "9"}), ":9\r\n");
  apply({{kPut, "k", "3"}});
  EXPECT_EQ(told().find(":9"), Bytes::npos) << "the future has not come";
}

TEST_F(SessionWatches, TheNextRevisionIsTheUsualBeginning) {
  hello();
  apply({{kPut, "k", "1"}});
  EXPECT_EQ(ask({"KV.WATCH", "k"}), ":2\r\n");
  EXPECT_EQ(told(), "");
}

TEST_F(SessionWatches, MarksProgress) {
  hello();
  EXPECT_EQ(ask({"KV.WATCH", "k"}), ":1\r\n");
  EXPECT_EQ(told(true), "") << "nothing was applied";
  apply({{kPut, "other", "1"}});
  EXPECT_EQ(told(), "");
  EXPECT_EQ(told(true), ">4\r\n$8\r\nkv.watch\r\n$1\r\nk\r\n:1\r\n*0\r\n");
  EXPECT_EQ(told(true), "") << "it knows";
}

TEST_F(SessionWatches, WhatIsGoneEndsTheWatch) {
  hello();
  EXPECT_EQ(ask({"KV.WATCH", "k"}), ":1\r\n");
  ring.restored(Index(10));
  EXPECT_TRUE(told().starts_with(">4\r\n$10\r\nkv.unwatch\r\n$1\r\nk\r\n:11\r\n"));
  apply({{kPut, "k", "1"}});
  EXPECT_EQ(told(), "");
  EXPECT_TRUE(ask({"KV.WATCH", "k", "FROM", "3"}).starts_with("-COMPACTED 11 "));
  EXPECT_EQ(ask({"KV.WATCH", "k", "FROM", "11"}), ":11\r\n");
}

TEST_F(SessionWatches, ASlowReaderIsToldNoMoreThanItTakes) {
  hello();
  EXPECT_EQ(ask({"KV.WATCH", "k"}), ":1\r\n");
  const Bytes value(1000, 'v');
  for (int i = 0; i < 10; ++i) apply({{kPut, "k", value}});
  EXPECT_LT(told(false, 2500).size(), 4000U);
  EXPECT_FALSE(all);
  EXPECT_GT(told().size(), 6000U);
  EXPECT_TRUE(all);
}

TEST_F(SessionWatches, PushesStandBetweenReplies) {
  hello();
  EXPECT_EQ(ask({"KV.WATCH", "k"}), ":1\r\n");
  send({"GET", "a"});
  send({"PING"});
  apply({{kPut, "k", "1"}});
  EXPECT_TRUE(told().starts_with(">4\r\n"));
  reply(only_request().id, kv::Reply::nil());
  EXPECT_EQ(received(), "_\r\n+PONG\r\n");
}

TEST_F(SessionWatches, EndsWhenAskedTo) {
  hello();
  EXPECT_EQ(ask({"KV.WATCH", "a"}), ":1\r\n");
  EXPECT_EQ(ask({"KV.WATCH", "b"}), ":1\r\n");
  EXPECT_EQ(ask({"KV.UNWATCH", "c"}), ":0\r\n");
  EXPECT_EQ(ask({"KV.UNWATCH", "a"}), ":1\r\n");
  apply({{kPut, "a", "1"}});
  EXPECT_EQ(told(), "");
  EXPECT_EQ(ask({"KV.UNWATCH"}), ":1\r\n");
  EXPECT_EQ(ask({"KV.UNWATCH"}), ":0\r\n");
}

TEST_F(SessionWatches, NoPushFollowsAReturnToResp2) {
  hello();
  EXPECT_EQ(ask({"KV.WATCH", "k"}), ":1\r\n");
  send({"HELLO", "2"});
  (void)received();
  apply({{kPut, "k", "1"}});
  EXPECT_EQ(told(), "");
  hello();
  EXPECT_EQ(ask({"KV.WATCH", "k"}), ":2\r\n");
  EXPECT_EQ(ask({"RESET"}), "+RESET\r\n");
  apply({{kPut, "k", "1"}});
  EXPECT_EQ(told(), "");
}

TEST_F(SessionWatches, RefusesWhatItCannotDo) {
  EXPECT_TRUE(ask({"KV.WATCH", "k"}).starts_with("-ERR KV.WATCH sends pushes, which RESP2"));
  hello();
  EXPECT_TRUE(ask({"KV.WATCH", "k", "FROM"}).starts_with("-ERR syntax error"));
  EXPECT_TRUE(ask({"KV.WATCH", "k", "FROM", "0"}).starts_with("-ERR FROM is a revision"));
  EXPECT_TRUE(ask({"KV.WATCH", Bytes(512, 'k')}).starts_with("-ERR a prefix of 512 bytes"));
  EXPECT_EQ(ask({"KV.WATCH", "k"}), ":1\r\n");
  EXPECT_TRUE(ask({"KV.WATCH", "k"}).starts_with("-ERR this connection watches that prefix"));
  for (int i = 1; i < 64; ++i) EXPECT_EQ(ask({"KV.WATCH", std::to_string(i)}), ":1\r\n");
  EXPECT_TRUE(ask({"KV.WATCH", "x"}).starts_with("-ERR a connection watches at most 64"));
  view.current.phase = Phase::kRepairing;
  EXPECT_TRUE(ask({"KV.WATCH", "y"}).starts_with("-LOADING"));
}

TEST_F(SessionWatches, ANodeThatKeepsNothingSaysSo) {
  view.node_options.watch_buffer_bytes = 0;
  hello();
  EXPECT_TRUE(ask({"KV.WATCH", "k"}).starts_with("-ERR this node keeps no changes"));
}

}  // namespace
}  // namespace kvcluster::server
