// The write-ahead log in a directory of this machine (storage/wal.hpp).
#include "bindings.hpp"
#include "casters.hpp"
#include "checked_wal.hpp"
#include "storage/wal.hpp"
#include "value_class.hpp"

namespace kvcluster::python {

using storage::WalIdentity;
using storage::WalOptions;
using storage::WalPosition;

namespace {

void register_values(py::module_& module) {
  value_class(
      module, "WalOptions", "The settings of a write-ahead log, in bytes where not said otherwise.",
      optional("segment_bytes", &WalOptions::segment_bytes, "Of one file; 64 MiB by default."),
      optional("grow_bytes", &WalOptions::grow_bytes,
               "A segment that is not recycled grows by so many zeroes at a time."),
      optional("reserve_bytes", &WalOptions::reserve_bytes,
               "Room that only batches without entries may use."),
      optional("spare_segments", &WalOptions::spare_segments, "Old files kept for reuse; a count."),
      optional("write_buffer_bytes", &WalOptions::write_buffer_bytes,
               "Above it the buffer is written out before the sync."),
      optional("max_batch_bytes", &WalOptions::max_batch_bytes, "A larger batch is refused."));
  value_class(module, "WalIdentity", "Whose log it is; stands in every segment.",
              required("node", &WalIdentity::node, "The id of the node."),
              optional("incarnation", &WalIdentity::incarnation, "16 bytes."));
  record_class(module, "WalPosition", "A place in the log.",
               required("sequence", &WalPosition::sequence, "Of the segment."),
               required("offset", &WalPosition::offset, "In its file, in bytes."));
  record_class(module, "WalRecovered", "What a log held when it was opened.",
               required("hard_state", &WalFound::hard_state, "Term, vote and commit index."),
               required("log_base", &WalFound::log_base, "The entry just before `entries`."),
               required("entries", &WalFound::entries, "All that follow."),
               required("torn_bytes", &WalFound::torn_bytes,
                        "Cut from the end: they were never acknowledged."));
}

}  // namespace

void register_wal(py::module_& module) {
  register_values(module);
  using Unlocked = py::call_guard<py::gil_scoped_release>;
  py::class_<CheckedWal>(
      module, "Wal",
      "A write-ahead log. A failed write or sync ends it: every later call raises the first error. "
      "Calls from several threads take turns. Raises StorageError when the system refuses, "
      "Corruption for damage, ValueError for a batch that does not fit the log.")
      .def_static("create", &CheckedWal::create, py::arg("directory"), py::arg("options"),
                  py::arg("identity"), Unlocked(),
                  "Makes the directory's \"wal\" with one empty segment, durably.")
      .def(py::init<const std::string&, const WalOptions&, const WalIdentity&>(),
           py::arg("directory"), py::arg("options"), py::arg("identity"), Unlocked(),
           "Reads the log, cuts a torn tail and makes the rest durable.")
      .def_property_readonly("recovered", &CheckedWal::recovered, "What was there at the opening.")
      .def("append", &CheckedWal::append, py::arg("batch"), Unlocked(),
           "Takes a batch over; it is durable after the next sync().")
      .def("sync", &CheckedWal::sync, Unlocked(), "Makes all appended batches durable.")
      .def("write_mark", &CheckedWal::write_mark, Unlocked(),
           "Notes in the log, without a sync, up to where it is durable.")
      .def("reset", &CheckedWal::reset, py::arg("base"), py::arg("hard_state"), Unlocked(),
           "Starts the log anew after an entry that a snapshot covers; durable on return.")
      .def("compact", &CheckedWal::compact, py::arg("through"), Unlocked(),
           "Gives up the oldest segments that hold no entry after this index.")
      .def("close", &CheckedWal::close, Unlocked(),
           "Lets the files go, without a sync. Later calls raise ValueError.")
      .def_property_readonly("durable_position", &CheckedWal::durable_position,
                             "All before it survives a crash.")
      .def_property_readonly("appended_position", &CheckedWal::appended_position,
                             "The end of what was taken over.")
      .def_property_readonly("base", &CheckedWal::base, "The entry before the oldest one held.")
      .def_property_readonly("last", &CheckedWal::last, "The newest entry.")
      .def_property_readonly("hard_state", &CheckedWal::hard_state, "The newest one appended.")
      .def_property_readonly("segment_count", &CheckedWal::segment_count, "How many files.")
      .def_property_readonly("room_bytes", &CheckedWal::room_bytes,
                             "So much can certainly be appended without new room on the disk.")
      .def_property_readonly("disk_full", &CheckedWal::disk_full,
                             "The last batch was refused for a full disk.");
}

}  // namespace kvcluster::python
