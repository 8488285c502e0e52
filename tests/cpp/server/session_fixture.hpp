// A session in front of a node that exists only as answers: what it submits is seen as requests,
// and each test completes them as it likes.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "server/fake_node_view.hpp"
#include "server/session.hpp"
#include "wire/resp_encoder.hpp"

namespace kvcluster::server {

class SessionTest : public ::testing::Test {
 protected:
  using Mode = replica::RequestBatch::Mode;
  using Outcome = replica::Completion::Outcome;
  using Words = std::vector<BytesView>;

  struct Request {
    std::uint64_t id;
    Mode mode;
    Index min_index;
    Bytes encoded;
  };

  // Options are changed through view.node_options before the first command.
  Session& session() {
    if (!session_) {
      context_ = std::make_unique<SessionContext>(
          SessionContext{view, view.node_options, ScanCursors(7, 2)});
      session_ = std::make_unique<Session>(1, "127.0.0.1:55555", *context_, output_);
    }
    return *session_;
  }
  FrontCounters& counters() {
    session();
    return context_->counters;
  }

  // Feeds bytes; what is not used up yet is fed again before the next ones.
  void send_bytes(BytesView bytes) {
    input_ += bytes;
    input_.erase(0, session().feed(input_));
  }
  void send(const Words& words) {
    Bytes bytes;
    wire::encode_command(words, bytes);
    send_bytes(bytes);
  }
  // Continues after a completion unblocked the session.
  void resume() { send_bytes({}); }

  // The requests since the last call, in order.
  std::vector<Request> requests() {
    session();
    std::vector<Request> taken;
    for (const auto& item : context_->batch.items()) {
      taken.push_back({item.id, item.mode, item.min_index,
                       context_->batch.buffer().substr(item.offset, item.size)});
    }
    context_->batch.clear();
    return taken;
  }
  Request only_request() {
    auto taken = requests();
    EXPECT_EQ(taken.size(), 1U);
    return taken.empty() ? Request{} : taken.front();
  }

  void reply(std::uint64_t id, kv::Reply value) {
    session().complete(
        {.id = id, .outcome = Outcome::kReplied, .index = {}, .reply = std::move(value)});
  }
  void fail(std::uint64_t id, Outcome outcome, std::uint64_t index = 0) {
    session().complete({.id = id, .outcome = outcome, .index = Index(index), .reply = {}});
  }

  // What the client has been sent since the last call.
  Bytes received() { return std::exchange(output_, {}); }
  // The reply to a command that is answered at once.
  Bytes ask(const Words& words) {
    send(words);
    return received();
  }

  FakeNodeView view;

 private:
  std::unique_ptr<SessionContext> context_;
  std::unique_ptr<Session> session_;
  Bytes output_;
  Bytes input_;
};

}  // namespace kvcluster::server
