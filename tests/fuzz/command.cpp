// Commands, as clients word them and as peers encode them, on two state machines that must not
// differ in anything: a reply, a digest, a byte of their tables.
#include <algorithm>
#include <array>
#include <vector>

#include "base/check.hpp"
#include "fuzz/fuzz_input.hpp"
#include "kv/command_table.hpp"
#include "kv/map_table.hpp"
#include "kv/request_format.hpp"
#include "kv/state_machine.hpp"

namespace kvcluster::kv {
namespace {

constexpr Limits kLimits = {.max_value_bytes = 4096, .max_transaction_commands = 8};
constexpr WallMillis kStartMs = 1'700'000'000'000;

// A value may be grown to half a gigabyte, and that is what the input would do.
bool is_modest(BytesView encoded) {
  const auto modest = [](const Request& request) {
    return request.operation != Operation::kSetRange || request.numbers[0] <= 65'536;
  };
  if (const auto once = decode_once(encoded)) return is_modest(once->request);
  if (const auto transaction = decode_transaction(encoded)) {
    return std::ranges::all_of(transaction->requests, is_modest);
  }
  const auto plain = decode_request(encoded);
  return !plain || modest(*plain);
}

class Twins {
 public:
  Twins() {
    for (StateMachine* machine : {&first_, &second_})
      machine->apply_genesis(next(*machine), {}, "");
  }

  // Bytes as a peer might send them.
  void run(BytesView encoded) {
    const auto info = inspect_request(encoded);
    if (!info || !is_modest(encoded)) return;
    if (!info->is_write) {
      KV_CHECK(first_.read(encoded, now_) == second_.read(encoded, now_), "reads agree");
      return;
    }
    Bytes payload;
    StateMachine::encode_entry(now_, encoded, payload);
    apply(payload);
  }

  void pass(WallMillis ms) {
    now_ += ms;
    Bytes payload;
    StateMachine::encode_clock_entry(now_, payload);
    apply(payload);
  }

  void check() {
    KV_CHECK(first_.digests() == second_.digests() && table_ == other_table_, "the twins agree");
    KV_CHECK(first_.recompute_state_digest() == first_.digests().state, "the hash is exact");
    Bytes meta;
    first_.encode_meta(meta);
    StateMachine restored(other_table_);
    KV_CHECK(restored.restore(meta) && restored.digests() == first_.digests(),
             "the state survives a checkpoint");
  }

 private:
  static StateMachine::LogPosition next(const StateMachine& machine) {
    return {.index = machine.applied().next(), .term = Term(1)};
  }

  void apply(BytesView payload) {
    Bytes kept;
    encode(first_.apply(next(first_), payload), kept);
    Bytes other;
    encode(second_.apply(next(second_), payload), other);
    KV_CHECK(kept == other, "replies agree");
    KV_CHECK(decode_reply(kept), "a reply can be kept");
  }

  MapTable table_;
  MapTable other_table_;
  StateMachine first_{table_};
  StateMachine second_{other_table_};
  WallMillis now_ = kStartMs;
};

// A known name more often than not, then words out of few, so that commands meet.
Bytes worded(fuzz::FuzzInput& input) {
  const auto specs = data_commands();
  const std::uint8_t name = input.byte();
  std::vector<BytesView> args = {name < 0xC0 ? specs[name % specs.size()].name : input.string()};
  for (unsigned words = input.byte() % 8; words > 0; --words) {
    constexpr std::array<BytesView, 32> kWords = {
        "a",    "b",    "c",       "GET",     "NX",      "XX",     "EX",    "PX",
        "EXAT", "PXAT", "KEEPTTL", "GT",      "LT",      "0",      "1",     "-1",
        "10",   "100",  "LIMIT",   "PERSIST", "SET",     "*",      "[a-c]", "9223372036854775807",
        "-",    "+",    "COUNT",   "BLOCK",   "STREAMS", "STREAM", "$",     "MAXLEN"};
    const std::uint8_t word = input.byte();
    args.push_back(word < 0xC0 ? kWords[word % kWords.size()] : input.string());
  }
  Bytes encoded;
  const auto info = encode_request(args, kLimits, encoded);
  if (!info) return {};
  const auto inspected = inspect_request(encoded);
  KV_CHECK(inspected && inspected->is_write == info->is_write, "what is encoded can be inspected");
  return encoded;
}

void transaction(fuzz::FuzzInput& input, Twins& twins) {
  std::vector<Bytes> commands;
  for (unsigned count = input.byte() % 10; count > 0; --count) {
    if (Bytes encoded = worded(input); !encoded.empty()) commands.push_back(std::move(encoded));
  }
  std::vector<Watched> watched;
  if (input.flag()) watched.push_back({Bytes(input.string()), input.varied()});
  Bytes request;
  if (encode_transaction(watched, commands, kLimits, request)) twins.run(request);
}

void run(fuzz::FuzzInput input) {
  Twins twins;
  while (!input.at_end()) {
    switch (input.byte() % 8) {
      case 0:
        twins.run(input.string());
        break;
      case 1:
        twins.pass(input.varied());
        break;
      case 2:
        transaction(input, twins);
        break;
      default:
        twins.run(worded(input));
    }
  }
  twins.check();
}

}  // namespace
}  // namespace kvcluster::kv

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  kvcluster::kv::run({data, size});
  return 0;
}
