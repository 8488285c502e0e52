// kvcluster._core: the native types as they are, one submodule a topic. What a program should use
// is the typed face over them in python/kvcluster/.
#include <pybind11/pybind11.h>

#include "bindings.hpp"

PYBIND11_MODULE(_core, module) {
  namespace python = kvcluster::python;
  module.doc() =
      "The native types of kvcluster; its modules of the same names are the face to use.";
  python::register_errors();

  auto digest = module.def_submodule("digest", "BLAKE2b and the hashes built on it.");
  python::register_digest(digest);

  auto raft = module.def_submodule("raft", "The consensus core and its values.");
  python::register_raft_log(raft);
  python::register_raft_messages(raft);
  python::register_raft_events(raft);
  python::register_raft_effects(raft);
  python::register_raft_core(raft);

  auto sim = module.def_submodule("sim", "Whole clusters in virtual time.");
  python::register_sim(sim);

  auto state = module.def_submodule("state", "Commands and the state machine.");
  python::register_state(state);

  auto wal = module.def_submodule("wal", "The write-ahead log.");
  python::register_wal(wal);

  auto check = module.def_submodule("check", "The linearizability checker.");
  python::register_check(check);

  auto node = module.def_submodule("node", "A node in this process.");
  python::register_node_options(node);
  python::register_node(node);
}
