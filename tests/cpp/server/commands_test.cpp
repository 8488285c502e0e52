// The commands that a node answers by itself.
#include "server/session_fixture.hpp"

namespace kvcluster::server {
namespace {

bool contains(BytesView text, BytesView part) { return text.find(part) != BytesView::npos; }

class PasswordTest : public SessionTest {
 protected:
  PasswordTest() { view.node_options.password = "secret"; }
};

TEST_F(PasswordTest, NothingIsAnsweredBeforeAuth) {
  for (const Words& words : std::vector<Words>{{"PING"},
                                               {"GET", "k"},
                                               {"SET", "k", "v"},
                                               {"MULTI"},
                                               {"EXEC"},
                                               {"INFO"},
                                               {"CLUSTER", "SLOTS"},
                                               {"KV.STATUS"},
                                               {"NOSUCH"}}) {
    EXPECT_EQ(ask(words), "-NOAUTH Authentication required.\r\n") << words[0];
  }
  EXPECT_TRUE(requests().empty());
}

TEST_F(PasswordTest, TheRightPasswordOpens) {
  EXPECT_EQ(ask({"AUTH", "secret"}), "+OK\r\n");
  EXPECT_EQ(ask({"PING"}), "+PONG\r\n");
}

TEST_F(PasswordTest, AWrongPasswordIsCounted) {
  EXPECT_TRUE(ask({"AUTH", "secre"}).starts_with("-WRONGPASS "));
  EXPECT_TRUE(ask({"AUTH", "nobody", "secret"}).starts_with("-WRONGPASS "));
  EXPECT_EQ(counters().auth_failures, 2U);
  EXPECT_EQ(ask({"PING"}), "-NOAUTH Authentication required.\r\n");
}

TEST_F(PasswordTest, HelloMayAuthenticate) {
  EXPECT_TRUE(ask({"HELLO", "3"}).starts_with("-NOAUTH "));
  EXPECT_TRUE(ask({"HELLO", "3", "AUTH", "default", "secret"}).starts_with("%7\r\n"));
  EXPECT_EQ(ask({"PING"}), "+PONG\r\n");
}

TEST_F(PasswordTest, AStrangerMaySendLittle) {
  const Bytes large(view.node_options.client_limits.max_unauthenticated_bytes + 1, 'x');
  EXPECT_TRUE(ask({"AUTH", large}).starts_with("-ERR Protocol error"));
  EXPECT_TRUE(session().closing());
}

TEST_F(PasswordTest, AfterAuthTheLimitsAreWider) {
  const Bytes large(view.node_options.client_limits.max_unauthenticated_bytes + 1, 'x');
  ask({"AUTH", "secret"});
  EXPECT_TRUE(ask({"ECHO", large}).ends_with("x\r\n"));
}

TEST_F(PasswordTest, ResetAsksForThePasswordAgain) {
  ask({"AUTH", "secret"});
  EXPECT_EQ(ask({"RESET"}), "+RESET\r\n");
  EXPECT_EQ(ask({"PING"}), "-NOAUTH Authentication required.\r\n");
}

TEST_F(SessionTest, AuthWithoutAPasswordSetIsAnError) {
  EXPECT_TRUE(ask({"AUTH", "x"}).starts_with("-ERR AUTH <password> called without"));
  EXPECT_EQ(ask({"AUTH", "default", "x"}), "+OK\r\n");
}

TEST_F(SessionTest, HelloChoosesTheProtocol) {
  EXPECT_TRUE(ask({"HELLO"}).starts_with("*14\r\n"));
  EXPECT_TRUE(ask({"HELLO", "3"}).starts_with("%7\r\n$6\r\nserver\r\n"));
  EXPECT_EQ(ask({"CLIENT", "GETNAME"}), "_\r\n");
  ask({"HELLO", "2"});
  EXPECT_EQ(ask({"CLIENT", "GETNAME"}), "$-1\r\n");
}

TEST_F(SessionTest, AReplyThatIsDueKeepsTheProtocolOfItsCommand) {
  send({"GET", "k"});
  send({"HELLO", "3"});
  send({"GET", "k"});
  const auto all = requests();
  reply(all[0].id, kv::Reply::nil());
  reply(all[1].id, kv::Reply::nil());
  const Bytes bytes = received();
  EXPECT_TRUE(bytes.starts_with("$-1\r\n%7"));
  EXPECT_TRUE(bytes.ends_with("_\r\n"));
}

TEST_F(SessionTest, HelloRefusesWhatItDoesNotKnow) {
  EXPECT_EQ(ask({"HELLO", "4"}), "-NOPROTO unsupported protocol version\r\n");
  EXPECT_EQ(ask({"HELLO", "x"}), "-ERR Protocol version is not an integer or out of range\r\n");
  EXPECT_EQ(ask({"HELLO", "3", "SETNAME"}), "-ERR Syntax error in HELLO option 'SETNAME'\r\n");
  EXPECT_EQ(ask({"CLIENT", "GETNAME"}), "$-1\r\n") << "the protocol must not have changed";
}

TEST_F(SessionTest, AClientHasANameAndAnId) {
  EXPECT_EQ(ask({"CLIENT", "ID"}), ":1\r\n");
  EXPECT_EQ(ask({"CLIENT", "SETNAME", "worker-1"}), "+OK\r\n");
  EXPECT_EQ(ask({"CLIENT", "GETNAME"}), "$8\r\nworker-1\r\n");
  EXPECT_TRUE(ask({"CLIENT", "SETNAME", "two words"}).starts_with("-ERR "));
  EXPECT_EQ(ask({"CLIENT", "SETINFO", "LIB-NAME", "redis-py"}), "+OK\r\n");
  EXPECT_TRUE(ask({"CLIENT", "SETINFO", "lib-colour", "red"}).starts_with("-ERR "));
  const Bytes info = ask({"CLIENT", "INFO"});
  EXPECT_TRUE(contains(info, "id=1 addr=127.0.0.1:55555 "));
  EXPECT_TRUE(contains(info, "name=worker-1 "));
  EXPECT_TRUE(contains(info, "lib-name=redis-py "));
}

TEST_F(SessionTest, AnUnknownSubcommandIsNamedWithThoseThereAre) {
  EXPECT_EQ(ask({"CLIENT", "MAINT_NOTIFICATIONS", "ON"}),
            "-ERR unknown subcommand 'MAINT_NOTIFICATIONS'. CLIENT has getname, id, info, setinfo, "
            "setname.\r\n");
  EXPECT_EQ(ask({"CLUSTER", "MEET"}),
            "-ERR unknown subcommand 'MEET'. CLUSTER has info, keyslot, myid, nodes, shards, "
            "slots.\r\n");
  EXPECT_EQ(ask({"CONFIG", "HELP"}), "-ERR unknown subcommand 'HELP'. CONFIG has get.\r\n");
  EXPECT_EQ(ask({"CLIENT", "ID", "x"}),
            "-ERR wrong number of arguments for 'client|id' command\r\n");
}

TEST_F(SessionTest, ThereIsOneDatabase) {
  EXPECT_EQ(ask({"SELECT", "0"}), "+OK\r\n");
  EXPECT_EQ(ask({"SELECT", "1"}), "-ERR DB index is out of range\r\n");
  EXPECT_EQ(ask({"SELECT", "x"}), "-ERR value is not an integer or out of range\r\n");
}

TEST_F(SessionTest, NamesOfCommandsHaveNoCase) {
  EXPECT_EQ(ask({"pInG"}), "+PONG\r\n");
  EXPECT_EQ(ask({"ping", "x"}), "$1\r\nx\r\n");
  EXPECT_EQ(ask({"PING", "x", "y"}), "-ERR wrong number of arguments for 'ping' command\r\n");
}

// --- topology ---

TEST_F(SessionTest, ClusterSlotsIsOneRangeWithTheLeaderFirst) {
  view.lead(2);
  const Bytes slots = ask({"CLUSTER", "SLOTS"});
  EXPECT_TRUE(
      slots.starts_with("*1\r\n*5\r\n:0\r\n:16383\r\n*4\r\n$9\r\n127.0.0.1\r\n:9002\r\n"
                        "$40\r\n0000000000000000000000000000000000000002\r\n"))
      << slots;
}

TEST_F(SessionTest, ClusterSlotsLeavesOutWhoCannotBeReached) {
  view.current.members[2].connected = false;
  EXPECT_FALSE(contains(ask({"CLUSTER", "SLOTS"}), ":9003"));
}

TEST_F(SessionTest, WithoutALeaderClusterSlotsNamesThisNodeFirst) {
  view.lead(0);
  EXPECT_TRUE(ask({"CLUSTER", "SLOTS"})
                  .starts_with("*1\r\n*5\r\n:0\r\n:16383\r\n*4\r\n$9\r\n127.0.0.1\r\n:9001\r\n"));
}

TEST_F(SessionTest, ClusterNodesMarksTheMasterAndItsSlots) {
  view.lead(2);
  const Bytes nodes = ask({"CLUSTER", "NODES"});
  EXPECT_TRUE(contains(nodes, "0002 127.0.0.1:9002@9002 master - 0 0 0 connected 0-16383\n"));
  EXPECT_TRUE(contains(nodes, "0001 127.0.0.1:9001@9001 myself,slave "));
}

TEST_F(SessionTest, KeySlotsAreThoseOfRedis) {
  EXPECT_EQ(ask({"CLUSTER", "KEYSLOT", "foo"}), ":12182\r\n");
  EXPECT_EQ(ask({"CLUSTER", "KEYSLOT", "{foo}bar"}), ":12182\r\n");
  EXPECT_EQ(ask({"CLUSTER", "KEYSLOT", "123456789"}), ":12739\r\n");
  EXPECT_EQ(ask({"CLUSTER", "MYID"}), "$40\r\n0000000000000000000000000000000000000001\r\n");
}

TEST_F(SessionTest, SentinelNamesTheLeader) {
  view.lead(3);
  EXPECT_EQ(ask({"SENTINEL", "GET-MASTER-ADDR-BY-NAME", "any"}),
            "*2\r\n$9\r\n127.0.0.1\r\n$4\r\n9003\r\n");
  EXPECT_TRUE(contains(ask({"SENTINEL", "MASTERS"}), "kvcluster"));
  EXPECT_TRUE(ask({"SENTINEL", "REPLICAS", "kvcluster"}).starts_with("*2\r\n"));
  view.lead(0);
  EXPECT_EQ(ask({"SENTINEL", "MASTERS"}), "*0\r\n");
}

TEST_F(SessionTest, RoleIsThatOfRedis) {
  EXPECT_TRUE(ask({"ROLE"}).starts_with("*3\r\n$6\r\nmaster\r\n:0\r\n*2\r\n"));
  view.lead(2);
  EXPECT_EQ(ask({"ROLE"}),
            "*5\r\n$5\r\nslave\r\n$9\r\n127.0.0.1\r\n:9002\r\n$9\r\nconnected\r\n:0\r\n");
}

// --- introspection ---

TEST_F(SessionTest, CommandTellsArityFlagsAndKeys) {
  EXPECT_EQ(ask({"COMMAND", "INFO", "get"}),
            "*1\r\n*10\r\n$3\r\nget\r\n:2\r\n*2\r\n+readonly\r\n+fast\r\n:1\r\n:1\r\n:1\r\n*2\r\n"
            "+@read\r\n+@fast\r\n*0\r\n*0\r\n*0\r\n");
  EXPECT_EQ(ask({"COMMAND", "INFO", "nosuch"}), "*1\r\n$-1\r\n");
  EXPECT_EQ(ask({"COMMAND", "GETKEYS", "MSET", "a", "1", "b", "2"}),
            "*2\r\n$1\r\na\r\n$1\r\nb\r\n");
  EXPECT_EQ(ask({"COMMAND", "GETKEYS", "KV.ONCE", "c", "1", "SET", "k", "v"}), "*1\r\n$1\r\nk\r\n");
  EXPECT_EQ(ask({"COMMAND", "GETKEYS", "XREAD", "COUNT", "1", "STREAMS", "a", "b", "0", "$"}),
            "*2\r\n$1\r\na\r\n$1\r\nb\r\n");
  EXPECT_EQ(ask({"COMMAND", "GETKEYS", "XREAD", "COUNT", "1", "a"}),
            "-ERR The command has no key arguments\r\n");
  EXPECT_EQ(ask({"COMMAND", "GETKEYS", "PING"}), "-ERR The command has no key arguments\r\n");
  EXPECT_EQ(ask({"COMMAND", "GETKEYS", "GET"}),
            "-ERR Invalid number of arguments specified for command\r\n");
}

TEST_F(SessionTest, CommandCountAgreesWithCommand) {
  const Bytes count = ask({"COMMAND", "COUNT"});
  EXPECT_TRUE(ask({"COMMAND"}).starts_with("*" + count.substr(1)));
}

TEST_F(SessionTest, CommandDocsTellsOfTheAsked) {
  EXPECT_TRUE(ask({"COMMAND", "DOCS", "kv.why", "nosuch"}).starts_with("*2\r\n$6\r\nkv.why\r\n"));
}

TEST_F(SessionTest, ConfigGetAnswersWhatBenchmarksAsk) {
  EXPECT_EQ(ask({"CONFIG", "GET", "save"}), "*2\r\n$4\r\nsave\r\n$0\r\n\r\n");
  EXPECT_EQ(ask({"CONFIG", "GET", "appendonly"}), "*2\r\n$10\r\nappendonly\r\n$3\r\nyes\r\n");
  EXPECT_EQ(ask({"CONFIG", "GET", "nosuch"}), "*0\r\n");
  EXPECT_TRUE(ask({"CONFIG", "SET", "save", "1"}).starts_with("-ERR CONFIG SET is not supported"));
}

TEST_F(SessionTest, InfoHasSections) {
  const Bytes all = ask({"INFO"});
  EXPECT_TRUE(contains(all, "# Server\r\nredis_version:7"));
  EXPECT_TRUE(contains(all, "# Replication\r\nrole:master\r\nconnected_slaves:2\r\n"));
  const Bytes one = ask({"INFO", "replication"});
  EXPECT_TRUE(contains(one, "# Replication"));
  EXPECT_FALSE(contains(one, "# Server"));
  EXPECT_EQ(ask({"INFO", "nosuch"}), "$0\r\n\r\n");
}

TEST_F(SessionTest, ALeaseShowsZeroOnlyOnceItIsOver) {
  const auto left = [&](std::chrono::microseconds rest) {
    view.current.core.lease_until = view.time + rest;
    const Bytes info = ask({"INFO", "kvcluster"});
    const auto at = info.find("lease_left_ms:");
    return info.substr(at, info.find("\r\n", at) - at);
  };
  EXPECT_EQ(left(std::chrono::microseconds(1500)), "lease_left_ms:2");
  EXPECT_EQ(left(std::chrono::microseconds(1)), "lease_left_ms:1");
  EXPECT_EQ(left(std::chrono::microseconds(0)), "lease_left_ms:0");
}

TEST_F(SessionTest, TimeIsTheWallClock) {
  EXPECT_EQ(ask({"TIME"}), "*2\r\n$10\r\n1700000000\r\n$6\r\n123000\r\n");
}

TEST_F(SessionTest, StatusIsAMap) {
  ask({"HELLO", "3"});
  const Bytes status = ask({"KV.STATUS"});
  EXPECT_TRUE(status.starts_with("%"));
  EXPECT_TRUE(contains(status, "$4\r\nrole\r\n$6\r\nleader\r\n"));
}

TEST_F(SessionTest, WhySpeaksPlainly) {
  EXPECT_EQ(ask({"KV.WHY"}), "$28\r\nthe others cannot be reached\r\n");
}

TEST_F(SessionTest, TransferGoesToAMember) {
  EXPECT_EQ(ask({"KV.TRANSFER", "2"}), "+OK\r\n");
  EXPECT_EQ(ask({"KV.TRANSFER"}), "+OK\r\n");
  EXPECT_EQ(view.transfers, (std::vector<NodeId>{NodeId(2), kNoNode}));
}

TEST_F(SessionTest, TransferIsRefusedWhereItCannotBe) {
  EXPECT_TRUE(ask({"KV.TRANSFER", "9"}).starts_with("-ERR node 9 is not a member"));
  EXPECT_TRUE(ask({"KV.TRANSFER", "x"}).starts_with("-ERR "));
  view.lead(2);
  EXPECT_EQ(ask({"KV.TRANSFER", "3"}),
            "-ERR node 1 does not lead; the leader is 127.0.0.1:9002\r\n");
  EXPECT_TRUE(view.transfers.empty());
}

}  // namespace
}  // namespace kvcluster::server
