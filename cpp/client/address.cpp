#include "client/address.hpp"

#include <fmt/format.h>

#include <charconv>

namespace kvcluster::client {

std::string Address::text() const {
  if (host.find(':') != std::string::npos) return fmt::format("[{}]:{}", host, port);
  return fmt::format("{}:{}", host, port);
}

Result<Address> parse_address(BytesView text, BytesView default_host) {
  const auto bad = [text] {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("'{}' is no address: give host:port with a port of 1 to 65535", text));
  };
  BytesView host = default_host;
  BytesView port = text;
  if (const auto colon = text.rfind(':'); colon != BytesView::npos) {
    host = text.substr(0, colon);
    port = text.substr(colon + 1);
    if (host.starts_with('[') && host.ends_with(']')) {
      host = host.substr(1, host.size() - 2);
    } else if (host.find(':') != BytesView::npos) {
      return bad();  // an IPv6 address needs its brackets, or its last group would be the port
    }
  }
  std::uint16_t number = 0;
  const char* const end = port.data() + port.size();
  const auto [stopped, error] = std::from_chars(port.data(), end, number);
  if (host.empty() || error != std::errc{} || stopped != end || number == 0) return bad();
  return Address{std::string(host), number};
}

Result<std::vector<Address>> parse_addresses(BytesView text, BytesView default_host) {
  std::vector<Address> addresses;
  while (true) {
    const auto comma = text.find(',');
    auto address = parse_address(text.substr(0, comma), default_host);
    if (!address) return std::unexpected(address.error());
    addresses.push_back(std::move(*address));
    if (comma == BytesView::npos) return addresses;
    text.remove_prefix(comma + 1);
  }
}

}  // namespace kvcluster::client
