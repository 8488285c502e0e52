#pragma once

#include <cstddef>
#include <cstdint>

#include "faults/disk_control.hpp"

// One disk operation on its way through the faults that are armed. Thread-safe.
namespace kvcluster::faults {

// True when the descriptor is a file or directory below the chosen directory. It keeps no table of
// descriptors, which closes inside libc would make stale: the kernel is asked each time.
bool covers(int descriptor);

// True when `path`, taken from the directory `at` as openat takes it, lies below the chosen one.
bool covers(int at, const char* path);

// What the operations of this descriptor are: a directory's fsync is of another kind.
std::uint64_t sync_kind(int descriptor);
std::uint64_t write_kind(int descriptor);

class Passage {
 public:
  // Counts the operation, delays it, holds it up, and may end the process here.
  explicit Passage(std::uint64_t kinds);

  // An errno that the operation shall fail with; 0: none.
  [[nodiscard]] int error() const { return error_; }
  [[nodiscard]] bool is_short() const { return short_; }
  [[nodiscard]] bool is_torn() const { return when_ == kTorn; }

  // To be called when the operation was carried out.
  void done() const;

 private:
  std::uint64_t when_ = 0;  // how the process ends by this operation; 0: it does not
  int error_ = 0;
  bool short_ = false;
};

[[noreturn]] void die();

// How many of `size` bytes at `offset` (negative: at the descriptor's position) may be written; 0
// when the file would have to grow and there is no room. Takes the room.
std::size_t take_room(int descriptor, std::int64_t offset, std::size_t size);

// True when the file may get this size. Takes the room, or gives it back.
bool take_room_for(int descriptor, std::int64_t new_size);

// The bytes of a file that is about to go away; 0 when others have a name for it, too.
std::uint64_t bytes_of(int at, const char* path);
void give_room(std::uint64_t bytes);

// The control file, or null when there is none.
DiskControl* control();

}  // namespace kvcluster::faults
