// BLAKE2b and the hashes built on it (base/digest.hpp).
#include "base/digest.hpp"
#include "bindings.hpp"
#include "casters.hpp"

namespace kvcluster::python {

void register_digest(py::module_& module) {
  module.def(
      "blake2b_256", [](const py::bytes& data) { return blake2b_256(view(data)); }, py::arg("data"),
      "BLAKE2b with a digest of 32 bytes, unkeyed (RFC 7693).");
  module.def(
      "blake2b_256_keyed",
      [](const HashKey& key, const py::bytes& data) { return blake2b_256_keyed(key, view(data)); },
      py::arg("key"), py::arg("data"),
      "BLAKE2b with a digest of 32 bytes under a key of 32 bytes (RFC 7693).");
  module.def(
      "chain",
      [](const Digest& previous, const py::bytes& data) { return chain(previous, view(data)); },
      py::arg("previous"), py::arg("data"),
      "One link of a hash chain: BLAKE2b-256(previous || data). `previous` has 32 bytes.");

  py::class_<MultisetHash>(module, "MultisetHash",
                           "An incremental hash of a multiset under a key of 32 bytes: the sum "
                           "modulo 2^512 of a keyed BLAKE2b-512 of each element.\n\n"
                           "Source: MSet-Add-Hash; Clarke, Devadas, van Dijk, Gassend and Suh, "
                           "ASIACRYPT 2003.")
      .def(py::init<const HashKey&>(), py::arg("key"))
      .def(
          "add", [](MultisetHash& self, const py::bytes& element) { self.add(view(element)); },
          py::arg("element"), "Adds an element once more. Costs one hash.")
      .def(
          "remove",
          [](MultisetHash& self, const py::bytes& element) {
            if (self.count() == 0) throw py::value_error("the multiset is empty");
            self.remove(view(element));
          },
          py::arg("element"),
          "Removes one occurrence of an element that was added; no other may be removed.")
      .def(
          "root", [](const MultisetHash& self, std::uint64_t index) { return self.root(index); },
          py::arg("index"), "What may be shown: BLAKE2b-256_K(sum || count || index), 32 bytes.")
      .def_property_readonly("count", &MultisetHash::count,
                             "How many elements are in the multiset.")
      .def("__len__", &MultisetHash::count)
      .def("__eq__",
           [](const MultisetHash& self, const MultisetHash& other) { return self == other; })
      .attr("__hash__") = py::none();
}

}  // namespace kvcluster::python
