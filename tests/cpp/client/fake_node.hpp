// A node that answers from a script, for tests of clients.
#pragma once

#include <cstdint>
#include <deque>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "client/address.hpp"

namespace kvcluster::client {

// Listens on a port of 127.0.0.1 that the kernel picks. Each command it receives takes the next
// line of the script: raw bytes to answer with, kHangUp, or kSilence. After the script: kHangUp.
class FakeNode {
 public:
  static constexpr const char* kHangUp = "(hang up)";
  static constexpr const char* kSilence = "(silence)";

  explicit FakeNode(std::vector<std::string> script = {});
  ~FakeNode();
  FakeNode(const FakeNode&) = delete;
  FakeNode& operator=(const FakeNode&) = delete;

  [[nodiscard]] Address address() const { return {"127.0.0.1", port_}; }
  void then(std::string line);
  // The commands so far, words joined by blanks.
  [[nodiscard]] std::vector<std::string> seen() const;

 private:
  void serve();
  void serve_client(int socket);
  std::string next_line();

  int listener_ = -1;
  int stop_ = -1;  // an eventfd: readable when the thread must end
  std::uint16_t port_ = 0;
  mutable std::mutex mutex_;
  std::deque<std::string> script_;
  std::vector<std::string> seen_;
  std::thread thread_;
};

}  // namespace kvcluster::client
