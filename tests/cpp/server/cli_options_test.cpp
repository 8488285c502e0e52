// The command line: what it means, and how it is refused.
#include "server/cli_options.hpp"

#include <fmt/core.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

namespace kvcluster::server {
namespace {

// Words between blanks, without the program's name.
std::expected<CliOptions, CliExit> parse(const std::string& line) {
  std::istringstream words(line);
  std::vector<std::string> arguments;
  for (std::string word; words >> word;) arguments.push_back(word);
  return parse_command_line(arguments);
}

NodeOptions accepted(const std::string& line) {
  const auto options = parse(line);
  EXPECT_TRUE(options) << line << ": " << (options ? "" : options.error().text);
  return options ? options->node : NodeOptions{};
}

// The one line of the refusal.
std::string refused(const std::string& line) {
  const auto options = parse(line);
  EXPECT_FALSE(options) << line;
  if (options) return {};
  EXPECT_EQ(options.error().code, ExitCode::kUsage);
  EXPECT_EQ(options.error().text.find('\n'), std::string::npos);
  EXPECT_TRUE(options.error().text.starts_with("kvstore: "));
  return options.error().text;
}

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

// A file that is gone with the test.
class TemporaryFile {
 public:
  TemporaryFile(const std::string& content, mode_t mode) {
    std::string name = (std::filesystem::temp_directory_path() / "cli_options_XXXXXX").string();
    const int fd = ::mkstemp(name.data());
    EXPECT_GE(fd, 0);
    ::close(fd);
    path_ = name;
    std::ofstream(path_) << content;
    EXPECT_EQ(::chmod(path_.c_str(), mode), 0);
  }
  ~TemporaryFile() { std::remove(path_.c_str()); }
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  std::string path_;
};

const PeerAddress kPeer2{NodeId(2), "127.0.0.1", 9002};
const PeerAddress kPeer3{NodeId(3), "127.0.0.1", 9003};

TEST(CliOptions, ThreePortsAreThreeNodes) {
  const NodeOptions node = accepted("--id 1 --port 9001 --peers 9002,9003");
  EXPECT_EQ(node.id, NodeId(1));
  EXPECT_EQ(node.port, 9001);
  EXPECT_EQ(node.host, "127.0.0.1");
  EXPECT_EQ(node.peers, (std::vector<PeerAddress>{kPeer2, kPeer3}));
  EXPECT_EQ(node.data_dir, "data/node-1");
}

TEST(CliOptions, IdsFollowFromThePortsInAnyOrder) {
  const NodeOptions node = accepted("--id 2 --port 9002 --peers 9003,9001");
  EXPECT_EQ(node.peers, (std::vector<PeerAddress>{{NodeId(1), "127.0.0.1", 9001}, kPeer3}));
  EXPECT_EQ(accepted("--port 9003 --peers 9001,9002").id, NodeId(3));
}

TEST(CliOptions, AnIdThatDoesNotFitThePortsIsExplained) {
  const std::string line = refused("--id 1 --port 9002 --peers 9001,9003");
  EXPECT_TRUE(contains(line, "port 9002 is node 2")) << line;
  EXPECT_TRUE(contains(line, "--peers 2@127.0.0.1:9002,3@127.0.0.1:9003")) << line;
}

TEST(CliOptions, TheFullFormNamesIdsAndHosts) {
  const NodeOptions node = accepted("--id 5 --port 9001 --peers 9@db.example:7000,2@[::1]:9002");
  EXPECT_EQ(node.id, NodeId(5));
  EXPECT_EQ(node.peers,
            (std::vector<PeerAddress>{{NodeId(2), "::1", 9002}, {NodeId(9), "db.example", 7000}}));
}

TEST(CliOptions, BadPeersAreRefusedOneByOne) {
  EXPECT_TRUE(contains(refused("--id 1 --peers 9002,x"), "'x' is neither a port"));
  EXPECT_TRUE(contains(refused("--id 1 --peers 9002,70000"), "'70000' is neither a port"));
  EXPECT_TRUE(contains(refused("--id 1 --peers 0"), "'0' is neither a port"));
  EXPECT_TRUE(contains(refused("--id 1 --peers 9002,9002"), "9002 stands twice"));
  EXPECT_TRUE(contains(refused("--id 1 --port 9001 --peers 9001,9002"), "own port"));
  EXPECT_TRUE(contains(refused("--id 1 --port 0 --peers 9002"), "own port too"));
  EXPECT_TRUE(contains(refused("--id 1 --peers 9002,3@127.0.0.1:9003"), "either ports only"));
  EXPECT_TRUE(contains(refused("--peers 2@127.0.0.1:9002"), "give --id"));
  EXPECT_TRUE(contains(refused("--id 1 --peers 0@127.0.0.1:9002"), "an id from 1"));
  EXPECT_TRUE(contains(refused("--id 1 --peers 2@127.0.0.1"), "host and port"));
  EXPECT_TRUE(contains(refused("--id 1 --peers 1@127.0.0.1:9002"), "own id"));
  EXPECT_TRUE(contains(refused("--id 1 --peers 2@127.0.0.1:9001"), "own address"));
  EXPECT_TRUE(
      contains(refused("--id 1 --peers 2@127.0.0.1:9002,2@127.0.0.1:9003"), "node 2 stands twice"));
  EXPECT_TRUE(contains(refused("--id 1 --peers 2@127.0.0.1:9002,3@127.0.0.1:9002"),
                       "127.0.0.1:9002 stands twice"));
}

TEST(CliOptions, TooManyPeersAreRefused) {
  std::string peers = "9100";
  for (int port = 9101; port < 9131; ++port) peers += "," + std::to_string(port);
  EXPECT_TRUE(contains(refused("--id 1 --peers " + peers), "at most 31 members"));
}

TEST(CliOptions, WithoutPeersANodeStandsAlone) {
  const NodeOptions node = accepted("");
  EXPECT_EQ(node.id, NodeId(1));
  EXPECT_TRUE(node.peers.empty());
}

TEST(CliOptions, NumbersAreChecked) {
  EXPECT_TRUE(contains(refused("--id 0"), "--id"));
  EXPECT_TRUE(contains(refused("--id x"), "--id"));
  EXPECT_TRUE(contains(refused("--port 70000"), "--port"));
  EXPECT_TRUE(contains(refused("--max-value-bytes 0"), "--max-value-bytes"));
  EXPECT_TRUE(contains(refused("--max-connections 0"), "--max-connections"));
  EXPECT_TRUE(contains(refused("--heartbeat-ms 0"), "--heartbeat-ms"));
}

TEST(CliOptions, AnUnknownFlagIsNamed) { EXPECT_TRUE(contains(refused("--prot 9001"), "--prot")); }

TEST(CliOptions, TimesAreComparedWithEachOther) {
  EXPECT_TRUE(contains(refused("--election-timeout-ms 300-150"), "MIN must be below MAX"));
  EXPECT_TRUE(contains(refused("--election-timeout-ms 300-300"), "MIN must be below MAX"));
  EXPECT_TRUE(contains(refused("--election-timeout-ms 300"), "MIN-MAX"));
  EXPECT_TRUE(contains(refused("--election-timeout-ms a-b"), "MIN-MAX"));
  EXPECT_TRUE(contains(refused("--heartbeat-ms 150"), "well below"));
  const NodeOptions node = accepted("--election-timeout-ms 1500-3000 --heartbeat-ms 500");
  EXPECT_EQ(node.election_timeout_min, std::chrono::milliseconds(1500));
  EXPECT_EQ(node.election_timeout_max, std::chrono::milliseconds(3000));
  EXPECT_EQ(node.heartbeat_interval, std::chrono::milliseconds(500));
}

TEST(CliOptions, PortsOfANodeDiffer) {
  EXPECT_TRUE(contains(refused("--port 9001 --peer-port 9001"), "--peer-port"));
  EXPECT_TRUE(contains(refused("--port 9001 --http-port 9001"), "--http-port"));
  EXPECT_TRUE(contains(refused("--peer-port 9101 --http-port 9101"), "--http-port"));
  const NodeOptions node = accepted("--port 0 --peer-port 0 --http-port 0");
  EXPECT_EQ(node.peer_port, 0);
  EXPECT_EQ(node.http_port, 0);
}

TEST(CliOptions, WithAPeerPortTheShortFormNamesPeerPorts) {
  const NodeOptions node = accepted("--id 2 --port 7001 --peer-port 9102 --peers 9101,9103");
  EXPECT_EQ(node.peers.front().port, 9101);
}

TEST(CliOptions, OtherMachinesNeedAPassword) {
  EXPECT_TRUE(contains(refused("--host 0.0.0.0"), "--requirepass-file"));
  EXPECT_EQ(accepted("--host ::1").host, "::1");
  EXPECT_EQ(accepted("--host localhost").host, "localhost");
  const TemporaryFile file("secret\n", 0600);
  EXPECT_EQ(accepted("--host 10.0.0.1 --requirepass-file " + file.path()).password, "secret");
}

TEST(CliOptions, AWildcardIsNoAddressToBeReachedAt) {
  const TemporaryFile file("secret\n", 0600);
  const std::string password = " --requirepass-file " + file.path();
  for (const std::string wildcard : {"0.0.0.0", "::", "0:0::0"}) {
    const std::string host = fmt::format("--host {} {}", wildcard, password);
    EXPECT_TRUE(contains(refused(host), "--advertise HOST"));
    EXPECT_TRUE(contains(refused("--advertise " + wildcard), "nobody can dial"));
    const NodeOptions node = accepted(host + " --advertise kv1.local");
    EXPECT_EQ(node.host, wildcard);
    EXPECT_EQ(node.advertised_host(), "kv1.local");
  }
  EXPECT_EQ(accepted("--host localhost").advertised_host(), "localhost");
}

TEST(CliOptions, TheAdvertisedAddressIsNotAPeers) {
  EXPECT_TRUE(contains(refused("--id 1 --port 9001 --advertise kv1 --peers 2@kv1:9001"),
                       "this node's own address"));
}

TEST(CliOptions, APasswordFileIsForItsOwner) {
  const TemporaryFile readable("secret\n", 0604);
  EXPECT_TRUE(contains(refused("--requirepass-file " + readable.path()), "chmod 600"));
  const TemporaryFile empty("\n", 0600);
  EXPECT_TRUE(contains(refused("--requirepass-file " + empty.path()), "first line is empty"));
  const TemporaryFile large(std::string(600, 'x'), 0600);
  EXPECT_TRUE(contains(refused("--requirepass-file " + large.path()), "longer than 512"));
  EXPECT_TRUE(contains(refused("--requirepass-file /nonexistent/file"), "No such file"));
  EXPECT_TRUE(contains(refused("--requirepass-file /"), "regular file"));
}

TEST(CliOptions, ModesAreNamed) {
  EXPECT_EQ(accepted("--follower-mode redirect").follower_mode, FollowerMode::kRedirect);
  EXPECT_EQ(accepted("--follower-mode reject").follower_mode, FollowerMode::kReject);
  EXPECT_EQ(accepted("").follower_mode, FollowerMode::kProxy);
  EXPECT_TRUE(contains(refused("--follower-mode other"), "--follower-mode"));
  EXPECT_EQ(accepted("--log-format json").log_format, LogFormat::kJson);
  EXPECT_TRUE(contains(refused("--log-level loud"), "--log-level"));
}

TEST(CliOptions, AConfigurationFileHoldsTheSameNames) {
  const TemporaryFile file(
      "id = 2\nport = 9002\npeers = [\"9001\", \"9003\"]\nelection-timeout-ms = \"200-400\"\n"
      "bootstrap = true\n",
      0600);
  const NodeOptions node = accepted("--config " + file.path());
  EXPECT_EQ(node.id, NodeId(2));
  EXPECT_EQ(node.peers.size(), 2U);
  EXPECT_EQ(node.election_timeout_max, std::chrono::milliseconds(400));
  EXPECT_TRUE(node.bootstrap);
}

TEST(CliOptions, TheCommandLineWinsOverTheFile) {
  const TemporaryFile file("port = 9002\npriority = 3\n", 0600);
  const NodeOptions node = accepted("--port 7000 --config " + file.path());
  EXPECT_EQ(node.port, 7000);
  EXPECT_EQ(node.priority, 3U);
}

TEST(CliOptions, AnUnknownNameInTheFileIsRefused) {
  const TemporaryFile file("prot = 9002\n", 0600);
  EXPECT_TRUE(contains(refused("--config " + file.path()), "prot"));
}

TEST(CliOptions, AMissingFileIsNamed) {
  EXPECT_TRUE(contains(refused("--config /nonexistent.toml"), "/nonexistent.toml"));
}

TEST(CliOptions, HelpTeaches) {
  const auto help = parse("--help");
  ASSERT_FALSE(help);
  EXPECT_EQ(help.error().code, ExitCode::kStopped);
  for (const char* part : {"--peers", "--follower-mode", "150-300", "Examples:", "Exit codes:",
                           "kvstore --id 1 --port 9001 --peers 9002,9003"}) {
    EXPECT_TRUE(contains(help.error().text, part)) << part;
  }
}

TEST(CliOptions, VersionIsOneLine) {
  const auto version = parse("--version");
  ASSERT_FALSE(version);
  EXPECT_EQ(version.error().code, ExitCode::kStopped);
  EXPECT_EQ(version.error().text, "kvstore " KVCLUSTER_VERSION);
}

}  // namespace
}  // namespace kvcluster::server
