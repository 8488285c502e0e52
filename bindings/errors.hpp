// Results of the native side as Python exceptions: the classes of kvcluster.errors, looked up at
// import, so that they are the same objects.
#pragma once

#include <pybind11/pybind11.h>

#include <exception>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "base/result.hpp"

namespace kvcluster::python {

// A failed Result on its way to Python.
class NativeError : public std::exception {
 public:
  explicit NativeError(Error error) : error_(std::move(error)) {}
  [[nodiscard]] const Error& error() const { return error_; }
  [[nodiscard]] const char* what() const noexcept override { return error_.context.c_str(); }

 private:
  Error error_;
};

// A command that is wrong by itself, on its way to Python; `text` is the node's answer to it.
class RefusedCommand : public std::exception {
 public:
  explicit RefusedCommand(std::string text) : text_(std::move(text)) {}
  [[nodiscard]] const char* what() const noexcept override { return text_.c_str(); }

 private:
  std::string text_;
};

// A CommandError with this text, as a value.
pybind11::object command_error(const std::string& text);

// Text that may quote bytes of any kind, readable.
pybind11::str readable(std::string_view text);

// The value, or NativeError.
template <typename T>
T value_or_throw(Result<T> result) {
  if (!result) throw NativeError(std::move(result).error());
  if constexpr (!std::is_void_v<T>) return *std::move(result);
}

}  // namespace kvcluster::python
