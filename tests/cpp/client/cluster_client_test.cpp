#include "client/cluster_client.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>
#include <vector>

#include "client/child_process.hpp"
#include "client/fake_node.hpp"

namespace kvcluster::client {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

using Script = std::vector<std::string>;

Options options_for(std::vector<Address> nodes) {
  Options options;
  options.nodes = std::move(nodes);
  options.timeout = std::chrono::seconds(20);
  options.attempt_timeout = std::chrono::milliseconds(100);
  return options;
}

std::string moved_to(const Address& address) { return "-MOVED 12182 " + address.text() + "\r\n"; }

TEST(ClusterClient, ReturnsTheReplyOfTheFirstNode) {
  FakeNode node(Script{"$5\r\nhello\r\n"});
  ClusterClient client(options_for({node.address()}));
  EXPECT_EQ(client.call({"GET", "k"}, Repeat::kSafe), kv::Reply::bulk("hello"));
  EXPECT_THAT(node.seen(), ElementsAre("GET k"));
}

TEST(ClusterClient, KeepsItsConnectionFromCallToCall) {
  FakeNode node(Script{"+OK\r\n", ":1\r\n"});
  ClusterClient client(options_for({node.address()}));
  EXPECT_EQ(client.call({"SET", "k", "v"}, Repeat::kNever), kv::Reply::ok());
  EXPECT_EQ(client.call({"DEL", "k"}, Repeat::kNever), kv::Reply::integer(1));
}

TEST(ClusterClient, FollowsARedirectionToANodeItDidNotKnow) {
  FakeNode leader(Script{"+OK\r\n"});
  FakeNode follower(Script{moved_to(leader.address())});
  ClusterClient client(options_for({follower.address()}));
  EXPECT_EQ(client.call({"SET", "k", "v"}, Repeat::kNever), kv::Reply::ok());
  EXPECT_EQ(client.last_node(), leader.address());
}

TEST(ClusterClient, FollowsTheLeaderThatARejectionNames) {
  FakeNode leader(Script{"+OK\r\n"});
  FakeNode follower(Script{"-READONLY node 2 is a follower; the leader is node 1 at " +
                           leader.address().text() + "\r\n"});
  ClusterClient client(options_for({follower.address()}));
  EXPECT_EQ(client.call({"SET", "k", "v"}, Repeat::kNever), kv::Reply::ok());
}

TEST(ClusterClient, TriesTheNextNodeWhenNobodyListens) {
  auto unused = ReservedPort::take();
  ASSERT_TRUE(unused);
  FakeNode node(Script{"+OK\r\n"});
  ClusterClient client(options_for({{"127.0.0.1", unused->number()}, node.address()}));
  EXPECT_EQ(client.call({"SET", "k", "v"}, Repeat::kNever), kv::Reply::ok());
}

TEST(ClusterClient, SaysAtOnceThatNobodyListensAtTheOnlyAddress) {
  auto unused = ReservedPort::take();
  ASSERT_TRUE(unused);
  ClusterClient client(options_for({{"127.0.0.1", unused->number()}}));
  const auto reply = client.call({"SET", "k", "v"}, Repeat::kNever);
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().code, ErrorCode::kUnavailable);
  EXPECT_THAT(reply.error().context, HasSubstr("Connection refused"));
}

TEST(ClusterClient, TriesAgainWhenAnElectionIsGoingOn) {
  FakeNode node(Script{"-CLUSTERDOWN no leader\r\n", "-TRYAGAIN\r\n", "-LOADING\r\n", "+OK\r\n"});
  ClusterClient client(options_for({node.address()}));
  EXPECT_EQ(client.call({"SET", "k", "v"}, Repeat::kNever), kv::Reply::ok());
}

TEST(ClusterClient, NeverRepeatsAPlainWriteWhoseConnectionWasLost) {
  FakeNode one(Script{FakeNode::kHangUp});
  FakeNode two(Script{"+OK\r\n"});
  ClusterClient client(options_for({one.address(), two.address()}));
  const auto reply = client.call({"INCR", "k"}, Repeat::kNever);
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().code, ErrorCode::kTimeout);
  EXPECT_THAT(two.seen(), IsEmpty());
}

TEST(ClusterClient, NeverRepeatsAPlainWriteThatIsUncertain) {
  FakeNode node(Script{"-UNCERTAIN 17: it may yet be applied\r\n", "+OK\r\n"});
  ClusterClient client(options_for({node.address()}));
  const auto reply = client.call({"INCR", "k"}, Repeat::kNever);
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().code, ErrorCode::kTimeout);
  EXPECT_THAT(node.seen(), ElementsAre("INCR k"));
}

TEST(ClusterClient, LearnsNothingOfALostAttemptFromANodeWhoseDiskIsFull) {
  FakeNode one(Script{FakeNode::kHangUp});
  FakeNode two(Script{"-OOM disk full on node 2\r\n"});
  ClusterClient client(options_for({one.address(), two.address()}));
  const auto reply = client.call({"KV.ONCE", "c", "1", "INCR", "k"}, Repeat::kSafe);
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().code, ErrorCode::kTimeout);
  EXPECT_THAT(reply.error().context, testing::HasSubstr("disk full"));
}

TEST(ClusterClient, RepeatsAWriteOfASessionElsewhere) {
  FakeNode one(Script{FakeNode::kHangUp});
  FakeNode two(Script{":8\r\n"});
  ClusterClient client(options_for({one.address(), two.address()}));
  EXPECT_EQ(client.call({"KV.ONCE", "c", "1", "INCR", "k"}, Repeat::kSafe), kv::Reply::integer(8));
}

TEST(ClusterClient, LeavesANodeThatHangsForAnother) {
  FakeNode one(Script{FakeNode::kSilence});
  FakeNode two(Script{"$1\r\nv\r\n"});
  ClusterClient client(options_for({one.address(), two.address()}));
  EXPECT_EQ(client.call({"GET", "k"}, Repeat::kSafe), kv::Reply::bulk("v"));
}

TEST(ClusterClient, SaysThatTheOutcomeIsUnknownWhenTheTimeIsOver) {
  FakeNode node(Script{FakeNode::kSilence});
  auto options = options_for({node.address()});
  options.timeout = std::chrono::milliseconds(50);
  ClusterClient client(options);
  const auto reply = client.call({"SET", "k", "v"}, Repeat::kNever);
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().code, ErrorCode::kTimeout);
}

TEST(ClusterClient, HandsOutAnErrorOfTheCommandItself) {
  FakeNode node(Script{"-WRONGTYPE Operation against a key\r\n"});
  ClusterClient client(options_for({node.address()}));
  EXPECT_EQ(client.call({"INCR", "k"}, Repeat::kNever),
            kv::Reply::error("WRONGTYPE Operation against a key"));
}

TEST(ClusterClient, AuthenticatesBeforeItsFirstCommand) {
  FakeNode node(Script{"+OK\r\n", "+PONG\r\n"});
  auto options = options_for({node.address()});
  options.password = "secret";
  ClusterClient client(options);
  EXPECT_EQ(client.call({"PING"}, Repeat::kSafe), kv::Reply::simple("PONG"));
  EXPECT_THAT(node.seen(), ElementsAre("AUTH secret", "PING"));
}

TEST(ClusterClient, AsksForResp3WithItsPassword) {
  FakeNode node(Script{"%1\r\n+proto\r\n:3\r\n", "%1\r\n+role\r\n+leader\r\n"});
  auto options = options_for({node.address()});
  options.resp3 = true;
  options.password = "secret";
  ClusterClient client(options);
  EXPECT_EQ(client.call({"KV.STATUS"}, Repeat::kSafe),
            kv::Reply::map({{kv::Reply::simple("role"), kv::Reply::simple("leader")}}));
  EXPECT_THAT(node.seen(), ElementsAre("HELLO 3 AUTH default secret", "KV.STATUS"));
}

TEST(ClusterClient, CallsBytesThatAreNoRespAnUnknownOutcome) {
  FakeNode node(Script{"HTTP/1.1 400 Bad Request\r\n"});
  ClusterClient client(options_for({node.address()}));
  const auto reply = client.call({"SET", "k", "v"}, Repeat::kNever);
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().code, ErrorCode::kTimeout);
  EXPECT_THAT(reply.error().context, HasSubstr("no RESP"));
}

}  // namespace
}  // namespace kvcluster::client
