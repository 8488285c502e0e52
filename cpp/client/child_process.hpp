// A program started, watched and ended by its process id.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "base/result.hpp"

namespace kvcluster::client {

// Thread-safety: none; one owner. The child gets SIGKILL when its owner is destroyed, and when the
// thread that started it ends for whatever reason.
class ChildProcess {
 public:
  // Both output streams are appended to the file `log`. Errors: kIo.
  [[nodiscard]] static Result<ChildProcess> start(const std::string& program,
                                                  const std::vector<std::string>& args,
                                                  const std::string& log);
  ~ChildProcess();
  ChildProcess(ChildProcess&& other) noexcept;
  ChildProcess& operator=(ChildProcess&& other) noexcept;

  [[nodiscard]] pid_t pid() const { return pid_; }
  // The wait status of a child that has ended by itself.
  [[nodiscard]] std::optional<int> ended();
  // Sends SIGKILL and waits until the process is gone.
  void kill_now();

 private:
  explicit ChildProcess(pid_t pid) : pid_(pid) {}
  pid_t pid_ = 0;  // 0: gone
};

// "exit code 3" or "signal 9".
[[nodiscard]] std::string describe_wait_status(int status);

// A TCP port of 127.0.0.1, picked by the kernel and held by a socket that does not listen. A
// process that sets SO_REUSEADDR may listen on it, again and again; nobody else is handed it.
class ReservedPort {
 public:
  // Errors: kIo.
  [[nodiscard]] static Result<ReservedPort> take();
  ~ReservedPort();
  ReservedPort(ReservedPort&& other) noexcept;
  ReservedPort& operator=(ReservedPort&&) = delete;

  [[nodiscard]] std::uint16_t number() const { return number_; }

 private:
  ReservedPort(int socket, std::uint16_t number) : socket_(socket), number_(number) {}
  int socket_;
  std::uint16_t number_;
};

}  // namespace kvcluster::client
