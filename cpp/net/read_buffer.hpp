// Bytes from a socket: one piece of memory that grows up to a bound and gives back what a single
// large message made it take.
#pragma once

#include <cstddef>
#include <memory>

#include "base/bytes.hpp"

namespace kvcluster::net {

class ReadBuffer {
 public:
  explicit ReadBuffer(std::size_t max_bytes) : max_bytes_(max_bytes) {}

  struct Space {
    char* data;
    std::size_t size;
  };
  // Room for the next read; moves or grows what is there when little is left.
  // A size of 0: the buffer is full at its bound.
  [[nodiscard]] Space prepare();
  // `size` bytes were written into the prepared space.
  void commit(std::size_t size);

  [[nodiscard]] BytesView view() const { return {memory_.get() + begin_, end_ - begin_}; }
  // Drops bytes from the front. Requires: size <= view().size().
  void consume(std::size_t size);
  // The bytes that came before the first read. Grows even over the bound.
  void assign(BytesView bytes);

 private:
  static constexpr std::size_t kFirst = 4U << 10U;      // thousands of connections are mostly idle
  static constexpr std::size_t kLeastRoom = 1U << 10U;  // a smaller read is not worth a call
  static constexpr std::size_t kBulk = 64U << 10U;      // a busy connection's
  static constexpr std::size_t kKept = 256U << 10U;     // of an empty buffer, at most
  void reallocate(std::size_t capacity);

  std::size_t max_bytes_;
  std::unique_ptr<char[]> memory_;
  std::size_t capacity_ = 0;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
  std::size_t prepared_ = 0;
  bool filled_ = false;  // the last read took all of its room
};

}  // namespace kvcluster::net
