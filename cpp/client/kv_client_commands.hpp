// The commands of kv_client: from words on the command line to one command of the protocol.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "client/cluster_client.hpp"
#include "client/reply_text.hpp"

namespace CLI {  // NOLINT(readability-identifier-naming): the library chose it
class App;
}  // namespace CLI

namespace kvcluster::client {

struct Request {
  std::vector<std::string> args;  // as they are sent
  Repeat repeat = Repeat::kNever;
  bool is_write = false;
  Shape shape = Shape::kPlain;
  bool zero_is_not_found = false;  // DEL and EXISTS answer with a count
};

// Adds one subcommand a command to `app`. When one of them was parsed, `chosen` holds its request.
void add_commands(CLI::App& app, Request& chosen);

// The identity of a client and the number of its request: with both, a write is applied once
// however often it is sent.
struct Session {
  std::string client_id;
  std::uint64_t sequence = 0;
};

// `request` as KV.ONCE. Requires: request.is_write.
[[nodiscard]] Request in_session(const Session& session, Request request);

// Nothing there: nil, or a count of zero where that says so.
[[nodiscard]] bool is_not_found(const Request& request, const kv::Reply& reply);

}  // namespace kvcluster::client
