// Where a node serves its clients.
#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <vector>

#include "base/bytes.hpp"
#include "base/result.hpp"

namespace kvcluster::client {

struct Address {
  std::string host;
  std::uint16_t port = 0;

  [[nodiscard]] std::string text() const;  // host:port, [host]:port for IPv6
  friend auto operator<=>(const Address&, const Address&) = default;
};

// "host:port", "[::1]:port", or "port" alone for `default_host`.
// Errors: kInvalidArgument, naming the text.
[[nodiscard]] Result<Address> parse_address(BytesView text, BytesView default_host);

// Comma-separated, at least one. Errors: kInvalidArgument.
[[nodiscard]] Result<std::vector<Address>> parse_addresses(BytesView text, BytesView default_host);

}  // namespace kvcluster::client
