#include "server/transaction.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace kvcluster::server {

void Transaction::clear() {
  active_ = false;
  failed_ = false;
  bytes_ = 0;
  encoded_.clear();
  local_replies_.clear();
  watched_.clear();
}

Status Transaction::take_room(std::size_t bytes) {
  if (encoded_.size() + local_replies_.size() >= max_commands_) {
    return fail(ErrorCode::kLimitExceeded,
                fmt::format("ERR a transaction holds at most {} commands", max_commands_));
  }
  if (bytes > max_bytes_ - bytes_) {
    return fail(ErrorCode::kLimitExceeded,
                fmt::format("ERR a transaction holds at most {} bytes", max_bytes_));
  }
  bytes_ += bytes;
  return {};
}

Status Transaction::queue(Bytes encoded) {
  KV_TRY(take_room(encoded.size()));
  encoded_.push_back(std::move(encoded));
  return {};
}

Status Transaction::queue_local(kv::Reply reply) {
  // Only small replies come here: of commands that echo at most their argument.
  const auto* text = std::get_if<kv::BulkString>(&reply.value);
  KV_TRY(take_room(text == nullptr ? sizeof(kv::Reply) : text->bytes.size()));
  local_replies_.emplace_back(encoded_.size() + local_replies_.size(), std::move(reply));
  return {};
}

void Transaction::watch(Bytes key, std::uint64_t revision) {
  if (std::ranges::find(watched_, key, &kv::Watched::key) != watched_.end()) return;
  watched_.push_back({std::move(key), revision});
}

kv::Reply merge_replies(kv::Reply applied, LocalReplies local) {
  auto* array = std::get_if<kv::Array>(&applied.value);
  if (array == nullptr || local.empty()) return applied;
  std::vector<kv::Reply> merged;
  merged.reserve(array->items.size() + local.size());
  auto next_local = local.begin();
  auto next_applied = array->items.begin();
  while (next_local != local.end() || next_applied != array->items.end()) {
    if (next_local != local.end() && next_local->first == merged.size()) {
      merged.push_back(std::move((next_local++)->second));
    } else if (next_applied != array->items.end()) {
      merged.push_back(std::move(*next_applied++));
    } else {
      break;  // fewer replies than commands: what there is keeps its place
    }
  }
  return kv::Reply::array(std::move(merged));
}

}  // namespace kvcluster::server
