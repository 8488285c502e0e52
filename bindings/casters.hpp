// How the project's own types cross the border: ids as int, times as int microseconds, bytes as
// bytes. Included by every file that binds something, so that each sees the same conversions.
#pragma once

#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <string>

#include "base/bytes.hpp"
#include "base/digest.hpp"
#include "base/ids.hpp"
#include "base/time.hpp"

namespace kvcluster::python {

namespace py = pybind11;

// The bytes of a bytes object, which live as long as it does; false for all else.
inline bool bytes_of(py::handle source, BytesView& out) {
  if (!PyBytes_Check(source.ptr())) return false;
  out = {PyBytes_AS_STRING(source.ptr()), static_cast<std::size_t>(PyBytes_GET_SIZE(source.ptr()))};
  return true;
}

// Lives as long as the object.
inline BytesView view(const py::bytes& bytes) { return static_cast<BytesView>(bytes); }

// Fixed-size binary values: digests, keys, incarnations.
template <std::size_t N>
bool fixed_bytes_of(py::handle source, std::array<std::uint8_t, N>& out) {
  BytesView raw;
  if (!bytes_of(source, raw)) return false;
  if (raw.size() != N) {
    throw py::value_error("expected " + std::to_string(N) + " bytes, got " +
                          std::to_string(raw.size()));
  }
  std::copy(raw.begin(), raw.end(), out.begin());
  return true;
}

}  // namespace kvcluster::python

namespace pybind11::detail {

template <typename Tag>
struct type_caster<kvcluster::StrongId<Tag>> {
  using Id = kvcluster::StrongId<Tag>;
  PYBIND11_TYPE_CASTER(Id, const_name("int"));

  bool load(handle source, bool convert) {
    make_caster<std::uint64_t> number;
    if (!number.load(source, convert)) return false;
    value = Id(cast_op<std::uint64_t>(number));
    return true;
  }
  static handle cast(Id id, return_value_policy, handle) {
    return PyLong_FromUnsignedLongLong(id.value());
  }
};

template <>
struct type_caster<kvcluster::Duration> {
  PYBIND11_TYPE_CASTER(kvcluster::Duration, const_name("int"));

  bool load(handle source, bool convert) {
    make_caster<std::int64_t> number;
    if (!number.load(source, convert)) return false;
    value = kvcluster::Duration(cast_op<std::int64_t>(number));
    return true;
  }
  static handle cast(kvcluster::Duration duration, return_value_policy, handle) {
    return PyLong_FromLongLong(duration.count());
  }
};

template <>
struct type_caster<kvcluster::Instant> {
  PYBIND11_TYPE_CASTER(kvcluster::Instant, const_name("int"));

  bool load(handle source, bool convert) {
    make_caster<kvcluster::Duration> since_origin;
    if (!since_origin.load(source, convert)) return false;
    value = kvcluster::Instant(cast_op<kvcluster::Duration>(since_origin));
    return true;
  }
  static handle cast(kvcluster::Instant instant, return_value_policy, handle) {
    return PyLong_FromLongLong(instant.time_since_epoch().count());
  }
};

template <>
struct type_caster<kvcluster::Slice> {
  PYBIND11_TYPE_CASTER(kvcluster::Slice, const_name("bytes"));

  bool load(handle source, bool) {
    kvcluster::BytesView raw;
    if (!kvcluster::python::bytes_of(source, raw)) return false;
    value = kvcluster::Slice::copy_of(raw);
    return true;
  }
  static handle cast(const kvcluster::Slice& slice, return_value_policy, handle) {
    return PyBytes_FromStringAndSize(slice.view().data(), static_cast<ssize_t>(slice.size()));
  }
};

// A digest, an incarnation, a hash key: a fixed number of bytes.
template <std::size_t N>
struct type_caster<std::array<std::uint8_t, N>> {
  using Array = std::array<std::uint8_t, N>;
  PYBIND11_TYPE_CASTER(Array, const_name("bytes"));

  bool load(handle source, bool) { return kvcluster::python::fixed_bytes_of(source, value); }
  static handle cast(const Array& array, return_value_policy, handle) {
    return PyBytes_FromStringAndSize(reinterpret_cast<const char*>(array.data()),
                                     static_cast<ssize_t>(N));
  }
};

template <>
struct type_caster<kvcluster::Digest> {
  PYBIND11_TYPE_CASTER(kvcluster::Digest, const_name("bytes"));

  bool load(handle source, bool) { return kvcluster::python::fixed_bytes_of(source, value.bytes); }
  static handle cast(const kvcluster::Digest& digest, return_value_policy, handle) {
    return PyBytes_FromStringAndSize(digest.view().data(),
                                     static_cast<ssize_t>(digest.view().size()));
  }
};

}  // namespace pybind11::detail
