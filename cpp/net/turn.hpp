// One turn of the driver's loop: what was written to connections during it leaves together, with
// one system call a connection.
//
//   for (;;) {
//     io.run_one();
//     io.poll();            // drain what is ready: connections and links fill their buffers
//     ... the replica's end of turn ...
//     turn.flush();
//   }
//
// Thread-safety: none; the thread of the io_context.
#pragma once

#include <vector>

namespace kvcluster::net {

class Turn;

// Something with bytes to send at the end of the turn.
class Flushable {
 public:
  Flushable(const Flushable&) = delete;
  Flushable& operator=(const Flushable&) = delete;
  virtual ~Flushable();

 protected:
  explicit Flushable(Turn& turn) : turn_(&turn) {}
  // Asks for flush() at the end of this turn. Cheap; any number of times.
  void mark();

 private:
  friend class Turn;
  virtual void flush() = 0;

  Turn* turn_;
  bool marked_ = false;
};

// Outlives everything that was made with it and is still open.
class Turn {
 public:
  Turn() = default;
  ~Turn();
  Turn(const Turn&) = delete;
  Turn& operator=(const Turn&) = delete;

  // Flushes all that was marked, in the order of marking.
  void flush();
  [[nodiscard]] bool empty() const { return marked_.empty(); }

 private:
  friend class Flushable;
  std::vector<Flushable*> marked_;  // nullptr: was destroyed
};

}  // namespace kvcluster::net
