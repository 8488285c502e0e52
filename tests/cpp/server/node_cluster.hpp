// A cluster of real nodes in this process: real disks, real sockets, ports from the kernel.
#pragma once

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iostream>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "server/node.hpp"
#include "server/resp_client.hpp"

namespace kvcluster::server::testing {

// Holds a port that the kernel chose: bound, so that nobody else is given it, and not listening, so
// that a node may bind it too (both say SO_REUSEADDR).
class ReservedPort {
 public:
  ReservedPort() : socket_(::socket(AF_INET, SOCK_STREAM, 0)) {
    const int on = 1;
    ::setsockopt(socket_, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(::bind(socket_, reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
    socklen_t size = sizeof(address);
    EXPECT_EQ(::getsockname(socket_, reinterpret_cast<sockaddr*>(&address), &size), 0);
    port_ = ntohs(address.sin_port);
  }
  ~ReservedPort() { ::close(socket_); }
  ReservedPort(const ReservedPort&) = delete;
  ReservedPort& operator=(const ReservedPort&) = delete;

  [[nodiscard]] std::uint16_t port() const { return port_; }

 private:
  int socket_;
  std::uint16_t port_ = 0;
};

class NodeClusterTest : public ::testing::Test {
 public:
  ~NodeClusterTest() override {
    nodes.clear();
    if (HasFailure()) print_logs();
    std::error_code ignored;
    std::filesystem::remove_all(root_, ignored);
  }

 protected:
  static constexpr auto kPatience = std::chrono::seconds(30);

  NodeClusterTest() {
    root_ = (std::filesystem::temp_directory_path() / "kv-nodes-XXXXXX").string();
    EXPECT_NE(::mkdtemp(root_.data()), nullptr);
  }

  // What a test wants changed, before start().
  std::function<void(NodeOptions&)> configure;

  NodeOptions options(std::uint64_t id, std::uint64_t count) {
    NodeOptions made;
    made.id = NodeId(id);
    made.port = port(id);
    for (std::uint64_t peer = 1; peer <= count; ++peer) {
      if (peer != id) made.peers.push_back({NodeId(peer), "127.0.0.1", port(peer)});
    }
    made.data_dir = directory(id);
    made.log_file = log_file(id);
    made.log_level = "debug";
    made.wal_segment_bytes = 4U << 20U;
    made.min_free_disk_bytes = 0;
    if (configure) configure(made);
    return made;
  }

  void start(std::uint64_t id, std::uint64_t count = 3) {
    auto started = Node::start(options(id, count));
    ASSERT_TRUE(started.has_value()) << started.error().message();
    nodes[id] = std::move(*started);
  }

  void start_all(std::uint64_t count = 3) {
    for (std::uint64_t id = 1; id <= count; ++id) start(id, count);
  }

  void stop(std::uint64_t id) {
    nodes.at(id)->stop();
    nodes.erase(id);
  }

  // As a crash: nothing is handed over, nobody is told.
  void kill(std::uint64_t id) {
    nodes.at(id)->stop_now();
    nodes.erase(id);
  }

  // Polls until `condition` holds.
  [[nodiscard]] bool eventually(const std::function<bool()>& condition) {
    const auto deadline = std::chrono::steady_clock::now() + kPatience;
    while (!condition()) {
      if (std::chrono::steady_clock::now() > deadline) return false;
      if (nodes.empty()) continue;
      // Until then, unless the node ends: that is looked at again too.
      (void)nodes.begin()->second->wait_for(std::chrono::milliseconds(2));
    }
    return true;
  }

  // The node that leads and may serve; 0 after kPatience.
  [[nodiscard]] std::uint64_t leader() {
    std::uint64_t found = 0;
    EXPECT_TRUE(eventually([&] {
      for (const auto& [id, node] : nodes) {
        const auto status = node->status();
        if (status && status->core.ready) found = id;
      }
      return found != 0;
    })) << "no leader";
    return found;
  }

  [[nodiscard]] std::uint64_t follower() {
    const std::uint64_t leading = leader();
    for (const auto& [id, node] : nodes) {
      if (id != leading) return id;
    }
    return 0;
  }

  [[nodiscard]] NodeStatus status(std::uint64_t id) { return nodes.at(id)->status().value(); }

  // All running nodes stand at the same index with the same digests, and hold `keys` keys.
  [[nodiscard]] bool converged(std::uint64_t keys) {
    std::vector<kv::Digests> digests;
    for (const auto& [id, node] : nodes) {
      const auto status = node->status();
      if (!status) return false;
      digests.push_back(status->digests);
    }
    for (const kv::Digests& one : digests) {
      if (one != digests.front() || one.keys != keys) return false;
    }
    return true;
  }

  // Writes keys prefix0, prefix1, ... through one connection.
  void write(std::uint64_t id, const std::string& prefix, int count,
             const std::string& value = "value") {
    RespClient client(port(id));
    for (int i = 0; i < count; ++i) {
      ASSERT_EQ(client.text({"SET", prefix + std::to_string(i), value}), "OK");
    }
  }

  [[nodiscard]] std::uint16_t port(std::uint64_t id) { return ports_[id].port(); }
  [[nodiscard]] std::string directory(std::uint64_t id) const {
    return root_ + "/node-" + std::to_string(id);
  }
  [[nodiscard]] std::string log_file(std::uint64_t id) const { return directory(id) + ".log"; }
  [[nodiscard]] std::string log_of(std::uint64_t id) const {
    std::ifstream file(log_file(id));
    return {std::istreambuf_iterator<char>(file), {}};
  }

  void print_logs() const {
    for (const auto& [id, port] : ports_) {
      std::cerr << "--- log of node " << id << "\n" << log_of(id);
    }
  }

  std::map<std::uint64_t, std::unique_ptr<Node>> nodes;

 private:
  std::string root_;
  std::map<std::uint64_t, ReservedPort> ports_;
};

}  // namespace kvcluster::server::testing
