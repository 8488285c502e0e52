// What the application of an entry changes, told as it happens: for watchers, and for readers that
// wait for a stream. Derived from the state, never part of it.
#pragma once

#include <cstdint>

#include "base/bytes.hpp"
#include "base/ids.hpp"

namespace kvcluster::kv {

enum class ChangeKind : std::uint8_t {
  kPut = 0,     // a string was written, or its expiry changed; value: the string
  kDelete = 1,  // no value
  kExpire = 2,  // its time was over, and it is gone now; no value
  kStream = 3,  // a message was added, or the stream trimmed or its expiry changed; value: last id
};

// The views end with the call.
struct Change {
  ChangeKind kind = ChangeKind::kPut;
  BytesView key;
  BytesView value;
};

class ChangeObserver {
 public:
  // In order; those of one entry come before applied() with its index.
  virtual void changed(const Change& change) = 0;
  virtual void applied(Index index) = 0;
  // The state is another one than before (a checkpoint, a snapshot): what changed was not told.
  virtual void restored(Index index) = 0;

 protected:
  ~ChangeObserver() = default;
};

}  // namespace kvcluster::kv
