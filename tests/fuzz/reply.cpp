// What a server answers, as a client reads it, and the binary form in which replies are kept with
// sessions and passed between nodes.
#include "base/check.hpp"
#include "fuzz/fuzz_input.hpp"
#include "wire/resp_encoder.hpp"
#include "wire/resp_reply_parser.hpp"

namespace kvcluster::wire {
namespace {

// So small that a few bytes reach them.
constexpr ReplyLimits kTight = {
    .max_bulk_bytes = 256, .max_line_bytes = 64, .max_reply_bytes = 1024, .max_depth = 6};

struct Read {
  std::vector<Bytes>
      replies;              // in their binary form: comparable, although a double may be no number
  std::vector<Bytes> resp;  // as RESP3
  std::string error;
  friend bool operator==(const Read&, const Read&) = default;
};

Read read(BytesView input, std::size_t piece, const ReplyLimits& limits) {
  RespReplyParser parser(limits);
  Bytes buffer;
  Read all;
  for (std::size_t at = 0; at < input.size(); at += piece) {
    buffer += input.substr(at, piece);
    for (bool more = true; more;) {
      const auto outcome = parser.parse(buffer);
      KV_CHECK(parser.consumed() <= buffer.size(), "what is consumed was there");
      buffer.erase(0, parser.consumed());
      if (outcome == RespReplyParser::Outcome::kError) {
        all.error = parser.error();
        return all;
      }
      more = outcome == RespReplyParser::Outcome::kReply;
      if (!more) {
        KV_CHECK(parser.bytes_wanted() > buffer.size(), "more is wanted than is there");
        continue;
      }
      const kv::Reply reply = parser.take_reply();
      encode(reply, all.replies.emplace_back());
      encode_reply(reply, RespVersion::kResp3, all.resp.emplace_back());
    }
  }
  return all;
}

void check_binary_form(BytesView bytes) {
  const auto reply = kv::decode_reply(bytes);
  if (!reply) return;
  Bytes once;
  encode(*reply, once);
  const auto again = kv::decode_reply(once);
  KV_CHECK(again, "a reply that was decoded can be kept");
  Bytes twice;
  encode(*again, twice);
  KV_CHECK(once == twice, "a kept reply stays as it is");
}

void run(fuzz::FuzzInput input) {
  const ReplyLimits limits = input.flag() ? ReplyLimits{} : kTight;
  const std::size_t piece = std::size_t{input.byte()} + 1;
  const BytesView bytes = input.rest();
  if (bytes.empty()) return;

  check_binary_form(bytes);
  const Read whole = read(bytes, bytes.size(), limits);
  KV_CHECK(read(bytes, piece, limits) == whole, "the pieces do not matter");
  for (const Bytes& resp : whole.resp) {
    const Read again = read(resp, resp.size(), {});
    KV_CHECK(again.resp == std::vector<Bytes>{resp}, "a reply survives a resend");
  }
}

}  // namespace
}  // namespace kvcluster::wire

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  kvcluster::wire::run({data, size});
  return 0;
}
