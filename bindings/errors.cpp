#include "errors.hpp"

#include <pybind11/gil_safe_call_once.h>

#include "bindings.hpp"

namespace kvcluster::python {
namespace {

namespace py = pybind11;

struct ErrorClasses {
  py::object command_error;
  py::object unavailable;
  py::object timeout;
  py::object storage_error;
  py::object corruption;
};

// Never destroyed: an error may still have to be told while the interpreter ends.
PYBIND11_CONSTINIT py::gil_safe_call_once_and_store<ErrorClasses> classes;

const ErrorClasses& error_classes() {
  return classes
      .call_once_and_store_result([] {
        const py::module_ errors = py::module_::import("kvcluster.errors");
        return ErrorClasses{.command_error = errors.attr("CommandError"),
                            .unavailable = errors.attr("Unavailable"),
                            .timeout = errors.attr("Timeout"),
                            .storage_error = errors.attr("StorageError"),
                            .corruption = errors.attr("Corruption")};
      })
      .get_stored();
}

py::handle class_of(ErrorCode code) {
  const ErrorClasses& known = error_classes();
  switch (code) {
    case ErrorCode::kInvalidArgument:
    case ErrorCode::kLimitExceeded:
      return PyExc_ValueError;
    case ErrorCode::kNotFound:
    case ErrorCode::kIo:
    case ErrorCode::kDiskFull:
    case ErrorCode::kVersionMismatch:
    case ErrorCode::kWrongIdentity:
      return known.storage_error;
    case ErrorCode::kCorruption:
      return known.corruption;
    case ErrorCode::kBusy:
    case ErrorCode::kUnavailable:
    case ErrorCode::kClosed:
      return known.unavailable;
    case ErrorCode::kTimeout:
      return known.timeout;
  }
  return PyExc_RuntimeError;
}

void raise(py::handle type, const std::string& text) {
  PyErr_SetObject(type.ptr(), readable(text).ptr());
}

}  // namespace

py::str readable(std::string_view text) {
  PyObject* decoded =
      PyUnicode_DecodeUTF8(text.data(), static_cast<py::ssize_t>(text.size()), "backslashreplace");
  if (decoded == nullptr) throw py::error_already_set();
  return py::reinterpret_steal<py::str>(decoded);
}

py::object command_error(const std::string& text) {
  return error_classes().command_error(readable(text));
}

void register_errors() {
  error_classes();
  // NOLINTNEXTLINE(performance-unnecessary-value-param): the signature is pybind11's.
  py::register_local_exception_translator([](std::exception_ptr thrown) {
    try {
      if (thrown) std::rethrow_exception(thrown);
    } catch (const NativeError& failed) {
      raise(class_of(failed.error().code), failed.what());
    } catch (const RefusedCommand& refused) {
      raise(error_classes().command_error, refused.what());
    }
  });
}

}  // namespace kvcluster::python
