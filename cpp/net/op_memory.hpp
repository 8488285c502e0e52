// Memory for one pending asynchronous operation, inside the object that starts it. Asio's own cache
// holds two blocks a thread; thousands of connections would go to the heap for every read.
#pragma once

#include <cstddef>
#include <new>
#include <type_traits>
#include <utility>

namespace kvcluster::net {

// Serves one operation at a time; a second one, or a large one, goes to the heap.
class OpMemory {
 public:
  OpMemory() = default;
  OpMemory(const OpMemory&) = delete;
  OpMemory& operator=(const OpMemory&) = delete;

  void* allocate(std::size_t size) {
    if (used_ || size > sizeof(storage_)) return ::operator new(size);
    used_ = true;
    return storage_;
  }
  void deallocate(void* pointer) {
    if (pointer == storage_) {
      used_ = false;
    } else {
      ::operator delete(pointer);
    }
  }

 private:
  alignas(std::max_align_t) std::byte storage_[256];
  bool used_ = false;
};

template <typename T>
class OpAllocator {
 public:
  using value_type = T;
  explicit OpAllocator(OpMemory& memory) : memory_(&memory) {}
  template <typename U>
  OpAllocator(const OpAllocator<U>& other) : memory_(other.memory_) {}  // NOLINT: a conversion

  T* allocate(std::size_t count) { return static_cast<T*>(memory_->allocate(sizeof(T) * count)); }
  void deallocate(T* pointer, std::size_t /*count*/) { memory_->deallocate(pointer); }

  template <typename U>
  bool operator==(const OpAllocator<U>& other) const {
    return memory_ == other.memory_;
  }

 private:
  template <typename>
  friend class OpAllocator;
  OpMemory* memory_;
};

// A completion handler whose operation lives in `memory`. Requires: the handler keeps the owner of
// `memory` alive.
template <typename Handler>
class InMemory {
 public:
  using allocator_type = OpAllocator<std::byte>;
  InMemory(OpMemory& memory, Handler handler) : memory_(&memory), handler_(std::move(handler)) {}

  [[nodiscard]] allocator_type get_allocator() const noexcept { return allocator_type(*memory_); }
  template <typename... Args>
  void operator()(Args&&... args) {
    handler_(std::forward<Args>(args)...);
  }

 private:
  OpMemory* memory_;
  Handler handler_;
};

}  // namespace kvcluster::net
