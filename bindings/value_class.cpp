#include "value_class.hpp"

namespace kvcluster::python {
namespace {

py::tuple field_names(py::handle self) {
  return py::type::handle_of(self).attr("__match_args__").cast<py::tuple>();
}

py::tuple field_values(py::handle self) {
  const py::tuple names = field_names(self);
  py::tuple values(names.size());
  for (std::size_t i = 0; i < names.size(); ++i) values[i] = py::getattr(self, names[i]);
  return values;
}

py::str repr(py::handle self) {
  py::list shown;
  for (const py::handle name : field_names(self)) {
    shown.append(py::str("{}={!r}").format(name, py::getattr(self, name)));
  }
  const py::object type_name = py::type::handle_of(self).attr("__name__");
  return py::str("{}({})").format(type_name, py::str(", ").attr("join")(shown));
}

py::object equal(py::handle self, py::handle other) {
  if (!py::type::handle_of(self).is(py::type::handle_of(other))) {
    return py::reinterpret_borrow<py::object>(Py_NotImplemented);
  }
  return py::bool_(field_values(self).equal(field_values(other)));
}

}  // namespace

void add_value_protocol(py::handle type, const std::vector<const char*>& names) {
  const auto define = [&type](const char* name, auto&& function) {
    type.attr(name) = py::cpp_function(function, py::name(name), py::is_method(type));
  };
  type.attr("__match_args__") = py::tuple(py::cast(names));
  define("__repr__", repr);
  define("__eq__", equal);
  define("__hash__", [](py::handle self) { return py::hash(field_values(self)); });
}

}  // namespace kvcluster::python
