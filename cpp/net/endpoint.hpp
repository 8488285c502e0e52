// Where a socket is: host and port, as people write them.
#pragma once

#include <cstdint>
#include <string>

#include "base/bytes.hpp"
#include "base/result.hpp"

namespace kvcluster::net {

struct Endpoint {
  std::string host;  // a name or a literal address, IPv6 without brackets
  std::uint16_t port = 0;

  // "127.0.0.1:9001", "[::1]:9001".
  [[nodiscard]] std::string text() const;
  friend bool operator==(const Endpoint&, const Endpoint&) = default;
};

// "0.0.0.0", "::": every address of this machine, and none that another could dial.
[[nodiscard]] bool is_wildcard(const std::string& host);

// Reads "host:port" or "[v6]:port". Errors: kInvalidArgument, with a sentence.
[[nodiscard]] Result<Endpoint> parse_endpoint(BytesView text);

}  // namespace kvcluster::net
