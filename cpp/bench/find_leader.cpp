#include "bench/find_leader.hpp"

#include <string>
#include <thread>
#include <variant>

#include "client/connection.hpp"

namespace kvcluster::bench {
namespace {

constexpr std::chrono::milliseconds kOneAnswer{500};
constexpr std::chrono::milliseconds kBetweenRounds{20};

bool leads(const client::Address& node) {
  const auto deadline = client::Clock::now() + kOneAnswer;
  auto connection = client::Connection::open(node, deadline);
  if (!connection) return false;
  const auto reply = connection->call({"ROLE"}, deadline);
  if (!reply) return false;
  const auto* fields = std::get_if<kv::Array>(&reply->value);
  if (fields == nullptr || fields->items.empty()) return false;
  const auto* role = std::get_if<kv::BulkString>(&fields->items.front().value);
  return role != nullptr && BytesView(role->bytes) == BytesView("master");
}

}  // namespace

Result<client::Address> find_leader(const std::vector<client::Address>& nodes,
                                    std::chrono::milliseconds patience) {
  const auto deadline = client::Clock::now() + patience;
  do {
    for (const client::Address& node : nodes) {
      if (leads(node)) return node;
    }
    std::this_thread::sleep_for(kBetweenRounds);
  } while (client::Clock::now() < deadline);
  return fail(ErrorCode::kUnavailable, "none of the nodes leads");
}

}  // namespace kvcluster::bench
