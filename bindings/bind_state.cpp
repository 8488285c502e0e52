// Commands, their encoding, and the state machine over a table in memory (kv/); the genesis, which
// it starts from (replica/).
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "bindings.hpp"
#include "casters.hpp"
#include "errors.hpp"
#include "kv/map_table.hpp"
#include "kv/request.hpp"
#include "kv/state_machine.hpp"
#include "replica/genesis.hpp"
#include "value_class.hpp"

namespace kvcluster::python {

using kv::Array;
using kv::BulkString;
using kv::Digests;
using kv::encode_request;
using kv::encode_transaction;
using kv::ErrorReply;
using kv::inspect_request;
using kv::Limits;
using kv::Map;
using kv::MapTable;
using kv::Nil;
using kv::Reply;
using kv::SimpleString;
using kv::StateMachine;
using kv::Watched;

namespace {

py::object to_python(const Reply& reply);

struct ToPython {
  py::object operator()(const Nil&) const { return py::none(); }
  py::object operator()(const SimpleString& simple) const { return readable(simple.text); }
  py::object operator()(const ErrorReply& error) const { return command_error(error.text); }
  py::object operator()(std::int64_t number) const { return py::int_(number); }
  py::object operator()(bool truth) const { return py::bool_(truth); }
  py::object operator()(double number) const { return py::float_(number); }
  py::object operator()(const BulkString& bulk) const { return py::bytes(bulk.bytes); }
  py::object operator()(const Array& array) const {
    py::list items;
    for (const Reply& item : array.items) items.append(to_python(item));
    return items;
  }
  py::object operator()(const Map& map) const {
    py::dict items;
    for (const auto& [key, value] : map.items) items[to_python(key)] = to_python(value);
    return items;
  }
};

py::object to_python(const Reply& reply) { return std::visit(ToPython{}, reply.value); }

template <typename T>
T accepted(Result<T> result) {
  if (!result) throw RefusedCommand(std::move(result).error().context);
  return *std::move(result);
}

py::bytes encode_command(const std::vector<py::bytes>& args, const Limits& limits) {
  if (args.empty()) throw RefusedCommand("ERR a command has a name");
  const std::vector<BytesView> views(args.begin(), args.end());
  Bytes out;
  accepted(encode_request(views, limits, out));
  return out;
}

py::bytes encode_commands(const std::vector<std::pair<py::bytes, std::uint64_t>>& watched,
                          const std::vector<py::bytes>& requests, const Limits& limits) {
  std::vector<Watched> seen;
  seen.reserve(watched.size());
  for (const auto& [key, revision] : watched) seen.push_back({Bytes(view(key)), revision});
  std::vector<Bytes> encoded;
  encoded.reserve(requests.size());
  for (const py::bytes& request : requests) {
    value_or_throw(inspect_request(view(request)));
    encoded.emplace_back(view(request));
  }
  Bytes out;
  accepted(encode_transaction(seen, encoded, limits, out));
  return out;
}

// A state machine with the table that it stands on. What would break its invariants is refused.
class MemoryState {
 public:
  [[nodiscard]] const StateMachine& state() const { return state_; }

  void apply_genesis(Term term, const HashKey& key, const py::bytes& payload) {
    if (state_.applied() != Index(0)) throw py::value_error("the genesis is the first entry");
    state_.apply_genesis(next(term), key, view(payload));
  }

  void apply_empty(Term term, const py::bytes& payload, bool is_configuration) {
    state_.apply_empty(next(term), view(payload), is_configuration);
  }

  py::object apply(Term term, const py::bytes& payload) {
    const BytesView bytes = view(payload);
    if (bytes.size() < StateMachine::kEntryTimeBytes) {
      throw py::value_error("a command entry begins with its time, 8 bytes");
    }
    const BytesView request = bytes.substr(StateMachine::kEntryTimeBytes);
    if (!request.empty()) value_or_throw(inspect_request(request));
    return to_python(state_.apply(next(term), bytes));
  }

  [[nodiscard]] py::object read(const py::bytes& request, WallMillis now_ms) const {
    if (value_or_throw(inspect_request(view(request))).is_write) {
      throw py::value_error("a write goes through the log: apply it");
    }
    return to_python(state_.read(view(request), now_ms));
  }

 private:
  [[nodiscard]] StateMachine::LogPosition next(Term term) const {
    if (term < state_.applied_term()) throw py::value_error("terms never go down along a log");
    return {state_.applied().next(), term};
  }

  MapTable table_;
  StateMachine state_{table_};
};

void register_genesis(py::module_& module) {
  using replica::Genesis;
  value_class(module, "Genesis", "Entry 1 of every log: which cluster this is, and whose.",
              required("cluster_id", &Genesis::cluster_id, "16 random bytes."),
              required("hash_key", &Genesis::hash_key, "32 random bytes, for the state hash."),
              required("configuration", &Genesis::configuration, "The first members."))
      .def(
          "encode",
          [](const Genesis& self) {
            if (self.configuration.members.size() > raft::kMaxMembers) {
              throw py::value_error("too many members");
            }
            Bytes out;
            replica::encode(self, out);
            return py::bytes(out);
          },
          "The payload of the entry.")
      .def_static(
          "decode",
          [](const py::bytes& payload) {
            return value_or_throw(replica::decode_genesis(view(payload)));
          },
          py::arg("payload"), "Reads what encode() made. Raises Corruption for other bytes.");
}

void register_encoding(py::module_& module) {
  value_class(
      module, "Limits", "What one command may hold.",
      optional("max_key_bytes", &Limits::max_key_bytes, "511 at most, and by default."),
      optional("max_value_bytes", &Limits::max_value_bytes, "1 MiB by default."),
      optional("max_transaction_commands", &Limits::max_transaction_commands, "1024 by default."),
      optional("max_range_items", &Limits::max_range_items,
               "Of KV.RANGE, KEYS and SCAN; 10,000 by default."));
  module.def("encode_command", encode_command, py::arg("args"), py::arg("limits"),
             "Checks a command, given as its words, and gives the bytes that the log carries. "
             "Raises CommandError with the node's own text.");
  module.def("encode_transaction", encode_commands, py::arg("watched"), py::arg("requests"),
             py::arg("limits"),
             "One request out of encoded commands, done only if each watched (key, revision) "
             "still holds; 0 is the revision of a missing key. Raises CommandError.");
  module.def(
      "is_write",
      [](const py::bytes& request) {
        return value_or_throw(inspect_request(view(request))).is_write;
      },
      py::arg("request"), "Whether an encoded command must go through the log. Raises Corruption.");
  module.def(
      "encode_entry",
      [](WallMillis time_ms, const py::bytes& request) {
        Bytes out;
        if (view(request).empty()) {
          StateMachine::encode_clock_entry(time_ms, out);
        } else {
          StateMachine::encode_entry(time_ms, view(request), out);
        }
        return py::bytes(out);
      },
      py::arg("time_ms"), py::arg("request"),
      "The payload of a command entry: the leader's clock in milliseconds since the Unix epoch, "
      "then the encoded command; with an empty one it only moves the time.");
}

}  // namespace

void register_state(py::module_& module) {
  register_genesis(module);
  register_encoding(module);
  record_class(module, "Digests", "The two digests of the state hash at an index.",
               required("index", &Digests::index, "Of the newest applied entry."),
               required("history", &Digests::history, "The hash chain over all entries, 32 bytes."),
               required("state", &Digests::state, "The root of the multiset hash, 32 bytes."),
               required("keys", &Digests::keys, "How many keys there are."));
  const auto show = [](auto member) {
    return [member](const MemoryState& self) { return (self.state().*member)(); };
  };
  py::class_<MemoryState>(module, "StateMachine",
                          "The replicated state machine over a table in memory. Each apply takes "
                          "the entry at the next index; terms never go down.")
      .def(py::init<>())
      .def("apply_genesis", &MemoryState::apply_genesis, py::arg("term"), py::arg("key"),
           py::arg("payload"),
           "Entry 1: makes the hash key (32 bytes) part of the state. Raises ValueError elsewhere.")
      .def("apply_empty", &MemoryState::apply_empty, py::arg("term"), py::arg("payload"),
           py::arg("is_configuration"), "An entry without a command.")
      .def("apply", &MemoryState::apply, py::arg("term"), py::arg("payload"),
           "A command entry, as encode_entry made it; gives the command's reply. Raises ValueError "
           "or Corruption for other bytes.")
      .def("read", &MemoryState::read, py::arg("request"), py::arg("now_ms"),
           "Answers a read at the current state. Raises ValueError for a write.")
      .def_property_readonly("applied", show(&StateMachine::applied), "The newest applied index.")
      .def_property_readonly("applied_term", show(&StateMachine::applied_term), "Its term.")
      .def_property_readonly("cluster_time_ms", show(&StateMachine::cluster_time),
                             "The newest time inside the log, since the Unix epoch.")
      .def_property_readonly("next_expiry_ms", show(&StateMachine::next_expiry),
                             "When the next record expires; None when none will.")
      .def_property_readonly("key_count", show(&StateMachine::key_count), "How many keys.")
      .def_property_readonly("session_count", show(&StateMachine::session_count),
                             "How many client sessions.")
      .def("digests", show(&StateMachine::digests), "Both digests at the applied index.")
      .def("full_digest", show(&StateMachine::full_digest),
           "The unkeyed canonical BLAKE2b-256 over the sorted records, 32 bytes. O(state).")
      .def("recompute_state_digest", show(&StateMachine::recompute_state_digest),
           "The incremental hash computed anew; equal to digests().state. O(state).");
}

}  // namespace kvcluster::python
