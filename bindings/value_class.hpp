// Plain C++ structs as immutable Python values: keyword or positional construction, read-only
// fields, repr, equality by type and fields, hash, and structural pattern matching.
//
// Vectors are shown as tuples, so that a value cannot seem to change.
#pragma once

#include <pybind11/pybind11.h>

#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "casters.hpp"

namespace kvcluster::python {

template <typename T, typename M, bool Required>
struct Field {
  const char* name;
  M T::* member;
  const char* doc;
};

// A field that must be given. These stand before the optional ones.
template <typename T, typename M>
Field<T, M, true> required(const char* name, M T::* member, const char* doc) {
  return {name, member, doc};
}

// A field that may be left out: then it is as in a T made without arguments.
template <typename T, typename M>
Field<T, M, false> optional(const char* name, M T::* member, const char* doc) {
  return {name, member, doc};
}

// Repr, equality, hash and pattern matching over these fields.
void add_value_protocol(py::handle type, const std::vector<const char*>& names);

template <typename M>
py::object shown(const M& value) {
  return py::cast(value);
}

template <typename M>
py::object shown(const std::vector<M>& values) {
  return py::tuple(py::cast(values));
}

template <typename T, typename M>
py::arg argument(const Field<T, M, true>& field) {
  return py::arg(field.name);
}

template <typename T, typename M>
py::arg_v argument(const Field<T, M, false>& field) {
  return {field.name, shown(T{}.*field.member)};
}

// What only the native side makes: no constructor.
template <typename T, typename... M, bool... Required>
py::class_<T> record_class(py::handle scope, const char* name, const char* doc,
                           const Field<T, M, Required>&... fields) {
  py::class_<T> type(scope, name, doc);
  (type.def_property_readonly(
       fields.name, [member = fields.member](const T& self) { return shown(self.*member); },
       fields.doc),
   ...);
  add_value_protocol(type, {fields.name...});
  return type;
}

template <typename T, typename... M, bool... Required>
py::class_<T> value_class(py::handle scope, const char* name, const char* doc,
                          const Field<T, M, Required>&... fields) {
  auto type = record_class<T>(scope, name, doc, fields...);
  type.def(py::init([members = std::tuple(fields.member...)](M... values) {
             T made{};
             std::apply([&](auto... member) { ((made.*member = std::move(values)), ...); },
                        members);
             return made;
           }),
           argument(fields)...);
  return type;
}

}  // namespace kvcluster::python
