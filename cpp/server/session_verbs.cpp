// The commands that shape a session: transactions, WATCH, SCAN, KV.HASH, RESET.
#include <fmt/format.h>

#include <charconv>
#include <utility>

#include "server/session.hpp"
#include "wire/decimal.hpp"

namespace kvcluster::server {
namespace {

using Mode = replica::RequestBatch::Mode;

constexpr const char* kNotAnInteger = "ERR value is not an integer or out of range";

std::optional<std::uint64_t> parse_cursor(BytesView text) {
  std::uint64_t cursor = 0;
  const char* const end = text.data() + text.size();
  const auto [stopped, error] = std::from_chars(text.data(), end, cursor);
  if (error != std::errc{} || stopped != end) return std::nullopt;
  return cursor;
}

struct ScanOptions {
  BytesView pattern = "*";
  std::uint64_t count = 10;
  BytesView type;
};

// Errors: the text of the error reply.
Result<ScanOptions> parse_scan_options(Args options, std::size_t max_count) {
  const auto syntax_error = [] { return fail(ErrorCode::kInvalidArgument, "ERR syntax error"); };
  ScanOptions parsed;
  if (options.size() % 2 != 0) return syntax_error();
  for (std::size_t i = 0; i < options.size(); i += 2) {
    const BytesView value = options[i + 1];
    if (equals_ignoring_case(options[i], "match")) {
      parsed.pattern = value;
    } else if (equals_ignoring_case(options[i], "type")) {
      parsed.type = value;
    } else if (equals_ignoring_case(options[i], "count")) {
      const auto count = wire::parse_decimal(value);
      if (!count) return fail(ErrorCode::kInvalidArgument, kNotAnInteger);
      if (*count < 1) return syntax_error();
      parsed.count = std::min(static_cast<std::uint64_t>(*count), std::uint64_t{max_count});
    } else {
      return syntax_error();
    }
  }
  return parsed;
}

}  // namespace

void Session::run_exec() {
  if (!transaction_.active()) return reply_error("ERR EXEC without MULTI");
  Transaction ended =
      std::exchange(transaction_, Transaction(context_.options.client_limits.max_query_buffer,
                                              context_.options.limits.max_transaction_commands));
  client_.in_transaction = false;
  if (ended.failed()) {
    return reply_error("EXECABORT Transaction discarded because of previous errors.");
  }
  if (ended.encoded_commands().empty() && ended.watched().empty()) {
    return reply(merge_replies(kv::Reply::array({}), ended.take_local_replies()));
  }
  if (const auto error = refusal(true, 0)) return reply_error(*error);
  Bytes& buffer = context_.batch.begin();
  const auto info = kv::encode_transaction(ended.watched(), ended.encoded_commands(),
                                           context_.options.limits, buffer);
  if (!info) {
    context_.batch.abandon();
    return reply_error(info.error().context);
  }
  const std::uint64_t id = commit(Mode::kWrite, ReplyKind::kExec, slot_of(info->key));
  LocalReplies local = ended.take_local_replies();
  if (!local.empty()) exec_local_replies_.emplace(id, std::move(local));
}

void Session::run_watch(Args args) {
  if (transaction_.active()) return reply_error("ERR WATCH inside MULTI is not allowed");
  const Args keys = args.subspan(1);
  const kv::Limits& limits = context_.options.limits;
  if (transaction_.watched().size() + keys.size() > limits.max_transaction_commands) {
    return reply_error(
        fmt::format("ERR a connection watches at most {} keys", limits.max_transaction_commands));
  }
  for (const BytesView key : keys) {
    if (key.empty() || key.size() > limits.max_key_bytes) {
      return reply_error(
          fmt::format("ERR a key is 1 to {} bytes long, not {}", limits.max_key_bytes, key.size()));
    }
  }
  const std::uint16_t slot = slot_of(keys.front());
  if (const auto error = refusal(true, slot)) return reply_error(*error);
  kv::encode_revisions(keys, context_.batch.begin());
  commit(Mode::kRead, ReplyKind::kWatch, slot);
  watch_keys_.assign(keys.begin(), keys.end());
  watching_ = true;
}

void Session::run_scan(Args args) {
  const auto cursor = parse_cursor(args[1]);
  if (!cursor) return reply_error("ERR invalid cursor");
  const auto options = parse_scan_options(args.subspan(2), context_.options.limits.max_range_items);
  if (!options) return reply_error(options.error().context);
  Bytes after;
  if (*cursor != 0) {
    auto found = context_.cursors.find(*cursor);
    if (!found) {
      return reply_error(fmt::format(
          "ERR unknown cursor {}: it was made by another node or is forgotten; begin again with 0",
          *cursor));
    }
    after = std::move(*found);
  }
  const Mode mode = read_mode();
  if (const auto error = refusal(mode != Mode::kLocalRead, 0)) return reply_error(*error);
  kv::encode_scan_page(after, options->pattern, options->count, options->type,
                       context_.batch.begin());
  commit(mode, ReplyKind::kScan, 0);
}

void Session::run_hash(Args args) {
  const bool full = args.size() == 2 && equals_ignoring_case(args[1], "full");
  if (args.size() > 1 && !full) return reply_error("ERR syntax error; use KV.HASH [FULL]");
  if (const auto error = refusal(false, 0)) return reply_error(*error);
  Bytes& buffer = context_.batch.begin();
  if (full) {
    kv::encode_full_hash(buffer);
  } else if (const auto info = kv::encode_request(args, context_.options.limits, buffer); !info) {
    context_.batch.abandon();
    return reply_error(info.error().context);
  }
  commit(Mode::kLocalRead, ReplyKind::kPlain, 0);
}

void Session::run_reset() {
  transaction_.clear();
  context_.key_watches.remove(client_.id);
  ClientState fresh;
  fresh.id = client_.id;
  fresh.address = client_.address;
  fresh.since = client_.since;
  fresh.authenticated = context_.options.password.empty();
  client_ = std::move(fresh);
  apply_limits();
  reply(kv::Reply::simple("RESET"));
}

kv::Reply Session::finish(const ReplyQueue::Waiting& waiting, std::uint64_t id, kv::Reply reply) {
  switch (waiting.kind) {
    case ReplyKind::kPlain:
    case ReplyKind::kStreamRead:
      break;
    case ReplyKind::kExec: {
      auto local = exec_local_replies_.extract(id);
      return local.empty() ? std::move(reply)
                           : merge_replies(std::move(reply), std::move(local.mapped()));
    }
    case ReplyKind::kWatch: {
      watching_ = false;
      const auto keys = std::exchange(watch_keys_, {});
      const auto* revisions = std::get_if<kv::Array>(&reply.value);
      if (revisions == nullptr) break;  // an error: nothing is watched
      for (std::size_t i = 0; i < keys.size() && i < revisions->items.size(); ++i) {
        const auto* revision = std::get_if<std::int64_t>(&revisions->items[i].value);
        if (revision != nullptr) {
          transaction_.watch(keys[i], static_cast<std::uint64_t>(*revision));
        }
      }
      return kv::Reply::ok();
    }
    case ReplyKind::kScan: {
      auto* page = std::get_if<kv::Array>(&reply.value);
      if (page == nullptr || page->items.size() != 2) break;
      const auto* last = std::get_if<kv::BulkString>(&page->items[0].value);
      const std::uint64_t cursor = last == nullptr ? 0 : context_.cursors.remember(last->bytes);
      page->items[0] = kv::Reply::bulk(fmt::format_int(cursor).str());
      break;
    }
  }
  return reply;
}

}  // namespace kvcluster::server
