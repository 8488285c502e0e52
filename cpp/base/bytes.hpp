// Byte strings: owned, borrowed, and shared.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace kvcluster {

using Bytes = std::string;           // owned
using BytesView = std::string_view;  // borrowed; the owner must outlive it

// An immutable piece of a shared buffer. The bytes of a log entry are written once into such a
// buffer and then only shared by the log, the wire, the WAL and the state machine.
// Thread-safety: a Slice may be copied to another thread; its bytes never change.
class Slice {
 public:
  Slice() = default;
  // Owns a copy.
  static Slice copy_of(BytesView bytes) { return of(Bytes(bytes)); }
  // Takes the bytes over.
  static Slice of(Bytes bytes) {
    auto owner = std::make_shared<const Bytes>(std::move(bytes));
    const BytesView view = *owner;
    return Slice(std::move(owner), view);
  }
  // A part of `owner`. Requires: `view` lies inside *owner.
  Slice(std::shared_ptr<const Bytes> owner, BytesView view)
      : owner_(std::move(owner)), view_(view) {}

  [[nodiscard]] BytesView view() const { return view_; }
  [[nodiscard]] std::size_t size() const { return view_.size(); }
  [[nodiscard]] bool empty() const { return view_.empty(); }

  friend bool operator==(const Slice& a, const Slice& b) { return a.view_ == b.view_; }

 private:
  std::shared_ptr<const Bytes> owner_;
  BytesView view_;
};

}  // namespace kvcluster
