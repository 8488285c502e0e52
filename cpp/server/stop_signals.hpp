// SIGTERM and SIGINT, taken by a thread that waits for them: the first asks the node to stop, the
// second ends the process at once.
#pragma once

#include <csignal>
#include <functional>
#include <thread>

namespace kvcluster::server {

class StopSignals {
 public:
  // Blocks the signals in the calling thread and so in all threads that it starts later: to be made
  // before any. Ignores SIGPIPE.
  StopSignals();
  ~StopSignals() { end(); }
  StopSignals(const StopSignals&) = delete;
  StopSignals& operator=(const StopSignals&) = delete;

  // `on_first` runs on the waiting thread. Requires: called once.
  void watch(std::function<void()> on_first);
  // Joins the waiting thread: `on_first` runs no more. Signals stay blocked. Again: nothing.
  void end();

 private:
  sigset_t signals_{};
  std::thread waiting_;
};

}  // namespace kvcluster::server
