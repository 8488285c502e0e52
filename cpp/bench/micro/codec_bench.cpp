// Commands and frames: bytes to values and back.

#include <benchmark/benchmark.h>

#include <memory>

#include "bench/micro/commands.hpp"
#include "wire/peer_frame.hpp"
#include "wire/resp_encoder.hpp"
#include "wire/resp_parser.hpp"

namespace kvcluster::bench {
namespace {

void parse_resp_set(benchmark::State& state) {
  std::string input;
  for (std::uint64_t i = 0; i < 16; ++i) {
    input += fmt::format("*3\r\n$3\r\nSET\r\n$16\r\n{}\r\n$100\r\n{}\r\n", micro_key(i),
                         std::string(kMicroValueBytes, 'v'));
  }
  for (auto _ : state) {
    wire::RespParser parser;
    BytesView left = input;
    while (!left.empty()) {
      KV_CHECK(parser.parse(left) == wire::RespParser::Outcome::kCommand, "commands only");
      benchmark::DoNotOptimize(parser.args().data());
      left.remove_prefix(parser.consumed());
    }
  }
  state.SetItemsProcessed(state.iterations() * 16);
}
BENCHMARK(parse_resp_set);

void encode_request_set(benchmark::State& state) {
  const std::string key = micro_key(7);
  const std::string value(kMicroValueBytes, 'v');
  const std::array<BytesView, 3> args{"SET", key, value};
  Bytes out;
  for (auto _ : state) {
    out.clear();
    benchmark::DoNotOptimize(kv::encode_request(args, {}, out));
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(encode_request_set);

raft::Message append_of(std::int64_t count) {
  raft::AppendEntries append;
  std::uint64_t index = 1;
  for (const Bytes& payload : set_payloads(static_cast<std::size_t>(count))) {
    append.entries.push_back(
        {Term(1), Index(++index), raft::EntryKind::kCommand, Slice::copy_of(payload)});
  }
  append.prev = {Term(1), Index(1)};
  return {NodeId(1), NodeId(2), Term(1), std::move(append)};
}

void encode_append_frame(benchmark::State& state) {
  const replica::PeerMessage message = append_of(state.range(0));
  wire::PeerFrameBuilder builder;
  for (auto _ : state) {
    KV_CHECK(builder.add(message) == wire::PeerFrameBuilder::Added::kYes, "it fits");
    benchmark::DoNotOptimize(builder.finish());
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(encode_append_frame)->Arg(1)->Arg(16)->Arg(256);

void decode_append_frame(benchmark::State& state) {
  wire::PeerFrameBuilder builder;
  KV_CHECK(builder.add(append_of(state.range(0))) == wire::PeerFrameBuilder::Added::kYes,
           "it fits");
  const Bytes frame = builder.finish();
  const auto content = std::make_shared<const Bytes>(frame.substr(wire::kFrameHeadBytes));
  const auto head = wire::decode_frame_head(BytesView(frame).substr(0, wire::kFrameHeadBytes));
  KV_CHECK(head, "it was just encoded");
  for (auto _ : state) benchmark::DoNotOptimize(wire::decode_frame(*head, content));
  state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(decode_append_frame)->Arg(1)->Arg(16)->Arg(256);

}  // namespace
}  // namespace kvcluster::bench
