// What strangers send: in whatever pieces it arrives, the same commands come out of it, within the
// limits, and an error is an error for ever.
#include "base/check.hpp"
#include "fuzz/fuzz_input.hpp"
#include "wire/resp_encoder.hpp"
#include "wire/resp_feed.hpp"

namespace kvcluster::wire {
namespace {

// So small that a few bytes reach them.
constexpr RespLimits kTight = {
    .max_args = 8, .max_bulk_bytes = 64, .max_inline_bytes = 64, .max_query_buffer = 256};

RespLimits limits_of(std::uint8_t choice) {
  return choice % 3 == 0 ? kTight : choice % 3 == 1 ? RespLimits::before_auth() : RespLimits{};
}

void check_limits(const Fed& fed, const RespLimits& limits) {
  for (const Command& command : fed.commands) {
    KV_CHECK(!command.empty(), "a command has a name");
    KV_CHECK(command.size() <= limits.max_args, "arguments are bounded");
    std::size_t bytes = 0;
    for (const std::string& arg : command) {
      KV_CHECK(arg.size() <= std::max(limits.max_bulk_bytes, limits.max_inline_bytes),
               "an argument is bounded");
      bytes += arg.size();
    }
    KV_CHECK(bytes <= limits.max_query_buffer, "a command is bounded");
  }
  if (!fed.error.empty()) return;
  KV_CHECK(fed.wanted > fed.left, "more is wanted than is there");
  KV_CHECK(fed.wanted <= limits.max_query_buffer, "no more is wanted than the buffer may hold");
}

// After an error the last hint is of no use to anybody, and depends on the pieces.
Fed comparable(Fed fed) {
  if (!fed.error.empty()) fed.wanted = 0;
  return fed;
}

void run(fuzz::FuzzInput input) {
  const RespLimits limits = limits_of(input.byte());
  const std::size_t piece = std::size_t{input.byte()} + 1;
  const BytesView bytes = input.rest();
  if (bytes.empty()) return;

  const Fed whole = feed(bytes, bytes.size(), limits);
  check_limits(whole, limits);
  KV_CHECK(comparable(feed(bytes, piece, limits)) == comparable(whole), "the pieces do not matter");

  Bytes again;
  for (const Command& command : whole.commands) {
    encode_command(std::vector<BytesView>(command.begin(), command.end()), again);
  }
  if (!again.empty()) {
    KV_CHECK(feed(again, again.size()).commands == whole.commands, "a command survives a resend");
  }
}

}  // namespace
}  // namespace kvcluster::wire

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  kvcluster::wire::run({data, size});
  return 0;
}
