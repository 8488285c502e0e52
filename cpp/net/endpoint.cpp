#include "net/endpoint.hpp"

#include <fmt/format.h>

#include <asio/ip/address.hpp>
#include <charconv>
#include <system_error>

namespace kvcluster::net {
namespace {

std::unexpected<Error> not_an_address(BytesView text, const char* what) {
  return fail(ErrorCode::kInvalidArgument,
              fmt::format("'{}' is no address of the form host:port: {}", text, what));
}

}  // namespace

std::string Endpoint::text() const {
  if (host.find(':') != std::string::npos) return fmt::format("[{}]:{}", host, port);
  return fmt::format("{}:{}", host, port);
}

bool is_wildcard(const std::string& host) {
  std::error_code no_literal;
  const auto address = asio::ip::make_address(host, no_literal);
  return !no_literal && address.is_unspecified();
}

Result<Endpoint> parse_endpoint(BytesView text) {
  const std::size_t colon = text.rfind(':');
  if (colon == BytesView::npos) return not_an_address(text, "the port is missing");
  BytesView host = text.substr(0, colon);
  const BytesView digits = text.substr(colon + 1);
  if (host.starts_with('[') && host.ends_with(']')) {
    host = host.substr(1, host.size() - 2);
  } else if (host.find(':') != BytesView::npos) {
    return not_an_address(text, "put an IPv6 address in brackets");
  }
  if (host.empty()) return not_an_address(text, "the host is missing");
  unsigned port = 0;
  const char* const end = digits.data() + digits.size();
  const auto [stopped, error] = std::from_chars(digits.data(), end, port);
  if (digits.empty() || error != std::errc{} || stopped != end || port == 0 || port > 65535) {
    return not_an_address(text, "the port is a number from 1 to 65535");
  }
  return Endpoint{std::string(host), static_cast<std::uint16_t>(port)};
}

}  // namespace kvcluster::net
