// The topics of the extension module kvcluster._core: one register function each, called in an
// order in which later ones use the types of earlier ones.
#pragma once

#include <pybind11/pybind11.h>

namespace kvcluster::python {

void register_errors();
void register_check(pybind11::module_& module);
void register_digest(pybind11::module_& module);
void register_raft_log(pybind11::module_& module);
void register_raft_messages(pybind11::module_& module);
void register_raft_events(pybind11::module_& module);
void register_raft_effects(pybind11::module_& module);
void register_raft_core(pybind11::module_& module);
void register_sim(pybind11::module_& module);
void register_state(pybind11::module_& module);
void register_wal(pybind11::module_& module);
void register_node_options(pybind11::module_& module);
void register_node(pybind11::module_& module);

}  // namespace kvcluster::python
