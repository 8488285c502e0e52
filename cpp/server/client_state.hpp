// What a node knows of one connected client.
#pragma once

#include <cstdint>
#include <string>

#include "base/ids.hpp"
#include "base/time.hpp"
#include "wire/resp_encoder.hpp"

namespace kvcluster::server {

struct ClientState {
  std::uint64_t id = 0;
  std::string address;  // host:port of the client's end
  Instant since;

  wire::RespVersion version = wire::RespVersion::kResp2;  // HELLO
  bool authenticated = false;
  std::string name;  // CLIENT SETNAME
  std::string library_name;
  std::string library_version;

  bool readonly = false;  // READONLY: reads see this node's own state
  Index min_index;        // KV.MININDEX: they wait until it is applied

  bool in_transaction = false;  // between MULTI and EXEC; kept for CLIENT INFO
  bool closing = false;         // no further command is read; closed once all replies are sent
};

}  // namespace kvcluster::server
