#include "server/session.hpp"

#include <fmt/format.h>

#include <utility>

#include "base/check.hpp"
#include "server/client_errors.hpp"
#include "server/hash_slot.hpp"

namespace kvcluster::server {
namespace {

using Mode = replica::RequestBatch::Mode;

wire::RespLimits limits_before_auth(const ClientLimits& limits) {
  wire::RespLimits wire = wire::RespLimits::before_auth();
  wire.max_args = limits.max_unauthenticated_args;
  wire.max_bulk_bytes = limits.max_unauthenticated_bytes;
  return wire;
}

wire::RespLimits limits_after_auth(const NodeOptions& options) {
  // Above the largest value, so that one that is a little too large gets an error reply instead of
  // a closed connection.
  const std::size_t bulk = 2 * options.limits.max_value_bytes + (64U << 10U);
  return {.max_args = options.client_limits.max_args,
          .max_bulk_bytes = bulk,
          .max_inline_bytes = options.client_limits.max_inline_bytes,
          .max_query_buffer = std::max(options.client_limits.max_query_buffer, 2 * bulk),
          .authenticated = true};
}

}  // namespace

Session::Session(std::uint64_t id, std::string address, SessionContext& context, Bytes& output)
    : context_(context),
      replies_(output),
      parser_(limits_before_auth(context.options.client_limits)),
      transaction_(context.options.client_limits.max_query_buffer,
                   context.options.limits.max_transaction_commands) {
  KV_CHECK(id < (std::uint64_t{1} << (64 - kNumberBits)), "a connection's id is below 2^40");
  KV_CHECK(context.options.client_limits.max_pipeline_depth < kNumberMask,
           "numbers of pending replies must differ");
  client_.id = id;
  client_.address = std::move(address);
  client_.since = context.view.now();
  client_.authenticated = context.options.password.empty();
  apply_limits();
}

std::uint64_t Session::connection_of(std::uint64_t completion_id) {
  return completion_id >> kNumberBits;
}

bool Session::blocked() const {
  const ClientLimits& limits = context_.options.client_limits;
  return watching_ || waiting() || replies_.size() >= limits.max_pipeline_depth ||
         replies_.held_bytes() > limits.max_output_buffer / 2;
}

std::size_t Session::feed(BytesView input) {
  std::size_t used = 0;
  while (!client_.closing && !blocked()) {
    const auto outcome = parser_.parse(input.substr(used));
    if (outcome == wire::RespParser::Outcome::kCommand) {
      spoke_ = true;
      execute(parser_.args());
      used += parser_.consumed();
      continue;
    }
    used += parser_.consumed();
    if (outcome == wire::RespParser::Outcome::kNeedMore) break;
    ++context_.counters.protocol_errors;
    reply_error(parser_.error());
    client_.closing = true;
  }
  return used;
}

void Session::execute(Args args) {
  ++context_.counters.commands;
  const LocalCommand* const local = find_local_command(args[0]);
  if (!client_.authenticated && (local == nullptr || !local->before_auth)) {
    return reply_error("NOAUTH Authentication required.");
  }
  if (local != nullptr) {
    run_local(*local, args);
  } else if (transaction_.active()) {
    queue_data(args);
  } else {
    run_data(args);
  }
}

void Session::run_local(const LocalCommand& command, Args args) {
  if (!command.takes(args.size())) {
    if (transaction_.active()) transaction_.refuse();
    return reply(wrong_arity(command.name));
  }
  if (transaction_.active()) {
    switch (command.in_transaction) {
      case InTransaction::kRun:
        break;
      case InTransaction::kQueue:
        return queue_local(command, args);
      case InTransaction::kForbid:
        transaction_.refuse();
        return reply_error(
            fmt::format("ERR '{}' is not allowed inside a transaction", command.name));
    }
  }
  if (command.verb != SessionVerb::kNone) return run_verb(command.verb, args);
  // Encoded in the version that HELLO chooses, so after it has run.
  const kv::Reply answer = command.handler({args, client_, context_});
  apply_limits();
  // HELLO 2: no push may follow.
  if (client_.version == wire::RespVersion::kResp2) context_.key_watches.remove(client_.id);
  reply(answer);
}

void Session::run_verb(SessionVerb verb, Args args) {
  switch (verb) {
    case SessionVerb::kMulti:
      if (transaction_.active()) return reply_error("ERR MULTI calls can not be nested");
      transaction_.begin();
      client_.in_transaction = true;
      return reply_ok();
    case SessionVerb::kExec:
      return run_exec();
    case SessionVerb::kDiscard:
      if (!transaction_.active()) return reply_error("ERR DISCARD without MULTI");
      transaction_.clear();
      client_.in_transaction = false;
      return reply_ok();
    case SessionVerb::kWatch:
      return run_watch(args);
    case SessionVerb::kUnwatch:
      // Between MULTI and EXEC Redis queues it, without effect: so it counts as one that is run.
      if (transaction_.active()) {
        if (const Status queued = transaction_.queue_local(kv::Reply::ok()); !queued) {
          transaction_.refuse();
          return reply_error(queued.error().context);
        }
        return reply(kv::Reply::simple("QUEUED"));
      }
      transaction_.unwatch();
      return reply_ok();
    case SessionVerb::kScan:
      return run_scan(args);
    case SessionVerb::kHash:
      return run_hash(args);
    case SessionVerb::kKeyWatch:
      return run_key_watch(args);
    case SessionVerb::kKeyUnwatch:
      return run_key_unwatch(args);
    case SessionVerb::kReset:
      return run_reset();
    case SessionVerb::kNone:
      break;
  }
  KV_CHECK(false, "every verb is run above");
}

void Session::run_data(Args args) {
  if (context_.view.phase() != Phase::kServing) {
    if (kv::is_data_command(args[0])) return reply_error(*not_serving_error(context_.view));
  }
  Bytes& buffer = context_.batch.begin();
  const std::size_t begin = buffer.size();
  const auto info = kv::encode_blocking_request(args, context_.options.limits, buffer);
  if (!info) {
    context_.batch.abandon();
    return reply_error(info.error().context);
  }
  const Mode mode = info->is_write ? Mode::kWrite : read_mode();
  const std::uint16_t slot = slot_of(info->key);
  if (const auto error = refusal(mode != Mode::kLocalRead, slot)) {
    context_.batch.abandon();
    return reply_error(*error);
  }
  if (info->block_ms) {
    begin_stream_read(BytesView(buffer).substr(begin), *info->block_ms, mode == Mode::kLocalRead);
  }
  commit(mode, info->block_ms ? ReplyKind::kStreamRead : ReplyKind::kPlain, slot);
}

void Session::queue_data(Args args) {
  Bytes encoded;
  const auto info = kv::encode_request(args, context_.options.limits, encoded);
  if (!info) {
    transaction_.refuse();
    return reply_error(info.error().context);
  }
  if (const auto error = refusal(true, slot_of(info->key))) {
    transaction_.refuse();
    return reply_error(*error);
  }
  if (const Status queued = transaction_.queue(std::move(encoded)); !queued) {
    transaction_.refuse();
    return reply_error(queued.error().context);
  }
  reply(kv::Reply::simple("QUEUED"));
}

void Session::queue_local(const LocalCommand& command, Args args) {
  kv::Reply answer = command.handler({args, client_, context_});
  if (const Status queued = transaction_.queue_local(std::move(answer)); !queued) {
    transaction_.refuse();
    return reply_error(queued.error().context);
  }
  reply(kv::Reply::simple("QUEUED"));
}

std::optional<std::string> Session::refusal(bool linearizable, std::uint16_t slot) const {
  const NodeView& view = context_.view;
  if (view.phase() != Phase::kServing) return not_serving_error(view);
  if (!linearizable || context_.options.follower_mode == FollowerMode::kProxy) return std::nullopt;
  // Without a known leader the command waits for one inside the replica.
  if (view.leads() || view.leader() == context_.options.id || view.leader() == kNoNode) {
    return std::nullopt;
  }
  return not_leader_error(view, slot);
}

std::uint16_t Session::slot_of(BytesView key) const {
  // Only a redirection names the slot.
  if (context_.options.follower_mode != FollowerMode::kRedirect || key.empty()) return 0;
  return hash_slot(key);
}

Mode Session::read_mode() const { return client_.readonly ? Mode::kLocalRead : Mode::kRead; }

std::uint64_t Session::commit(Mode mode, ReplyKind kind, std::uint16_t slot) {
  switch (mode) {
    case Mode::kWrite:
      ++context_.counters.writes;
      break;
    case Mode::kRead:
      ++context_.counters.reads;
      break;
    case Mode::kLocalRead:
      ++context_.counters.local_reads;
      break;
  }
  const std::uint64_t number =
      replies_.add_waiting({.kind = kind, .version = client_.version, .hash_slot = slot});
  const std::uint64_t id = (client_.id << kNumberBits) | (number & kNumberMask);
  context_.batch.commit(id, client_.id, mode,
                        mode == Mode::kLocalRead ? client_.min_index : Index{});
  return id;
}

void Session::complete(replica::Completion completion) {
  if (connection_of(completion.id) != client_.id) return;
  const ReplyQueue::Waiting* const found = replies_.find(completion.id, kNumberMask);
  if (found == nullptr) return;
  const ReplyQueue::Waiting waiting = *found;
  const std::uint64_t id = completion.id;
  const bool replied = completion.outcome == replica::Completion::Outcome::kReplied;
  if (completion.outcome == replica::Completion::Outcome::kUncertain) {
    ++context_.counters.uncertain;
  }
  kv::Reply reply = replied
                        ? std::move(completion.reply)
                        : completion_reply(context_.view, std::move(completion), waiting.hash_slot);
  if (waiting.kind == ReplyKind::kStreamRead && wait_for_stream(id, reply)) return;
  if (waiting.kind != ReplyKind::kPlain) reply = finish(waiting, id, std::move(reply));
  answer(id, waiting, reply);
}

void Session::answer(std::uint64_t id, const ReplyQueue::Waiting& waiting, const kv::Reply& reply) {
  count_error(reply);
  Bytes& out = replies_.fill(id, kNumberMask);
  const bool of_array = waiting.kind == ReplyKind::kExec || waiting.kind == ReplyKind::kStreamRead;
  if (of_array && waiting.version == wire::RespVersion::kResp2 &&
      std::holds_alternative<kv::Nil>(reply.value)) {
    out.append("*-1\r\n");  // RESP2's nil of an array, which clients expect of EXEC and XREAD
  } else {
    wire::encode_reply(reply, waiting.version, out);
  }
  replies_.filled();
}

void Session::reply(const kv::Reply& reply) {
  count_error(reply);
  wire::encode_reply(reply, client_.version, replies_.add_ready());
}

void Session::reply_ok() { wire::encode_ok(replies_.add_ready()); }

void Session::reply_error(BytesView text) {
  ++context_.counters.errors;
  wire::encode_error(text, replies_.add_ready());
}

void Session::count_error(const kv::Reply& reply) {
  if (reply.is_error()) ++context_.counters.errors;
}

void Session::apply_limits() {
  if (client_.authenticated == limits_authenticated_) return;
  limits_authenticated_ = client_.authenticated;
  parser_.set_limits(client_.authenticated ? limits_after_auth(context_.options)
                                           : limits_before_auth(context_.options.client_limits));
}

}  // namespace kvcluster::server
