// The driver's loop in small, for tests: runs until a condition holds, never by the clock alone.
#pragma once

#include <gtest/gtest.h>

#include <asio/executor_work_guard.hpp>
#include <asio/io_context.hpp>
#include <chrono>
#include <functional>

#include "net/turn.hpp"

namespace kvcluster::net {

struct Loop {
  asio::io_context io;
  Turn turn;

  // What is ready now, without waiting.
  void turn_once() {
    io.poll();
    io.restart();
    turn.flush();
  }

  // False when it took longer than any working machine needs.
  [[nodiscard]] bool run_until(const std::function<bool()>& condition,
                               std::chrono::seconds limit = std::chrono::seconds(10)) {
    const auto work = asio::make_work_guard(io);
    io.restart();
    const auto end = std::chrono::steady_clock::now() + limit;
    turn.flush();
    while (!condition()) {
      if (std::chrono::steady_clock::now() > end) return false;
      io.run_one_until(end);
      io.poll();
      turn.flush();
    }
    return true;
  }
};

}  // namespace kvcluster::net
