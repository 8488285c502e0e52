// A client's whole conversation with a node that leads and applies at once: whatever it sends, in
// whatever pieces, it gets well-formed replies, one more for each thing it waits for; and one that
// never proved who it is gets nothing done.
#include "server/session.hpp"

#include <optional>

#include "base/check.hpp"
#include "fuzz/fuzz_input.hpp"
#include "kv/map_table.hpp"
#include "server/fake_node_view.hpp"
#include "wire/resp_reply_parser.hpp"

namespace kvcluster::server {
namespace {

class Conversation {
 public:
  explicit Conversation(bool stranger) {
    if (stranger) view_.node_options.password = "6ad1f08e-2c0b-44b1-9e05-0d6c15b7e7f3";
    view_.machine = &state_;
    view_.ring = &ring_;
    state_.observe(&ring_);
    session_.emplace(1, "127.0.0.1:55555", context_, output_);
    state_.apply_genesis({.index = Index(1), .term = Term(1)}, {}, "");
  }

  void send(BytesView piece, std::uint8_t fate) {
    input_ += piece;
    // Each round completes what the last one asked for; a blocked session goes on after that.
    for (std::size_t used = 1; used > 0 && !session_->closing();) {
      used = session_->feed(input_);
      KV_CHECK(used <= input_.size(), "what is used up was there");
      input_.erase(0, used);
      if (answer(fate) > 0) used = 1;
      if (session_->waiting()) {  // the time of an XREAD BLOCK is over
        session_->end_stream_read(kv::Reply::nil());
        used = 1;
      }
    }
    (void)session_->tell_changes(ring_, std::size_t{1} << 16U, true);
    KV_CHECK(session_->idle() && !session_->blocked(), "all that was asked is answered");
    check_output();
  }

 private:
  std::size_t answer(std::uint8_t fate) {
    const auto items = context_.batch.items();
    KV_CHECK(items.empty() || session_->client().authenticated, "a stranger gets nothing done");
    for (const auto& item : items) {
      const BytesView request = BytesView(context_.batch.buffer()).substr(item.offset, item.size);
      replica::Completion done{.id = item.id, .outcome = {}, .index = {}, .reply = {}};
      if (fate < 5) {
        done.outcome = static_cast<replica::Completion::Outcome>(fate);
        done.reply = kv::Reply::error("ERR refused");
      } else {
        done.reply = run(request, item.mode == replica::RequestBatch::Mode::kWrite);
        done.index = state_.applied();
      }
      session_->complete(std::move(done));
    }
    context_.batch.clear();
    return items.size();
  }

  kv::Reply run(BytesView request, bool is_write) {
    if (!is_write) return state_.read(request, view_.wall());
    Bytes payload;
    kv::StateMachine::encode_entry(view_.wall(), request, payload);
    return state_.apply({.index = state_.applied().next(), .term = Term(1)}, payload);
  }

  void check_output() {
    wire::RespReplyParser parser;
    for (BytesView left = output_; !left.empty(); left.remove_prefix(parser.consumed())) {
      KV_CHECK(parser.parse(left) == wire::RespReplyParser::Outcome::kReply, "replies are whole");
    }
    output_.clear();
  }

  FakeNodeView view_;
  replica::ChangeRing ring_{4096};
  SessionContext context_{view_, view_.node_options, ScanCursors(7, 2)};
  Bytes input_;
  Bytes output_;
  std::optional<Session> session_;
  kv::MapTable table_;
  kv::StateMachine state_{table_};
};

}  // namespace
}  // namespace kvcluster::server

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  kvcluster::fuzz::FuzzInput input(data, size);
  kvcluster::server::Conversation conversation(input.flag());
  const std::size_t piece = std::size_t{input.byte()} + 1;
  const std::uint8_t fate = input.byte();
  while (!input.at_end()) conversation.send(input.raw(piece), fate);
  return 0;
}
