#include "server/stop_signals.hpp"

#include <pthread.h>

#include <cstdlib>
#include <utility>

#include "base/check.hpp"

namespace kvcluster::server {
namespace {

constexpr int kEndWaiting = SIGUSR1;
// What a shell reports for a process that a signal ended.
constexpr int kSignalledExit = 128;

}  // namespace

StopSignals::StopSignals() {
  std::signal(SIGPIPE, SIG_IGN);
  sigemptyset(&signals_);
  sigaddset(&signals_, SIGTERM);
  sigaddset(&signals_, SIGINT);
  sigaddset(&signals_, kEndWaiting);
  KV_CHECK(pthread_sigmask(SIG_BLOCK, &signals_, nullptr) == 0, "a valid set can be blocked");
}

void StopSignals::end() {
  if (!waiting_.joinable()) return;
  pthread_kill(waiting_.native_handle(), kEndWaiting);
  waiting_.join();
}

void StopSignals::watch(std::function<void()> on_first) {
  KV_CHECK(!waiting_.joinable(), "one thread waits");
  waiting_ = std::thread([this, on_first = std::move(on_first)] {
    bool stopping = false;
    for (;;) {
      int signal = 0;
      if (sigwait(&signals_, &signal) != 0) continue;
      if (signal == kEndWaiting) return;
      if (stopping) std::_Exit(kSignalledExit + signal);
      stopping = true;
      on_first();
    }
  });
}

}  // namespace kvcluster::server
