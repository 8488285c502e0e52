// KV.WATCH: every change of the keys with a prefix, as RESP3 pushes, from this node's own state.
//
//   >4 kv.watch prefix revision [[kind key value]...]   all changes of one entry of the log; kind
//        is put, delete, expire or stream, value is nil where there is none. Without any change: a
//        mark of progress. Whoever got it knows everything up to this revision.
//   >4 kv.unwatch prefix oldest text                    the watch has ended: what would have come
//        next is no longer kept; `oldest` is.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "server/session.hpp"
#include "wire/decimal.hpp"

namespace kvcluster::server {
namespace {

// After so many revisions the others have their turn.
constexpr int kRevisionsAtOnce = 4096;

BytesView name_of(kv::ChangeKind kind) {
  switch (kind) {
    case kv::ChangeKind::kPut:
      return "put";
    case kv::ChangeKind::kDelete:
      return "delete";
    case kv::ChangeKind::kExpire:
      return "expire";
    case kv::ChangeKind::kStream:
      break;
  }
  return "stream";
}

void append_change(const kv::Change& change, Bytes& out) {
  wire::encode_array_head(3, out);
  wire::encode_bulk(name_of(change.kind), out);
  wire::encode_bulk(change.key, out);
  const bool has_value =
      change.kind == kv::ChangeKind::kPut || change.kind == kv::ChangeKind::kStream;
  if (has_value) {
    wire::encode_bulk(change.value, out);
  } else {
    wire::encode_nil(wire::RespVersion::kResp3, out);
  }
}

void append_push(BytesView prefix, Index revision, std::size_t count, BytesView changes,
                 Bytes& out) {
  wire::encode_push_head(4, out);
  wire::encode_bulk("kv.watch", out);
  wire::encode_bulk(prefix, out);
  wire::encode_integer(static_cast<std::int64_t>(revision.value()), out);
  wire::encode_array_head(count, out);
  out.append(changes);
}

std::string no_longer_kept(Index from, Index oldest) {
  return fmt::format(
      "COMPACTED {} this node no longer keeps the changes from revision {} on: read the keys, then "
      "watch from there",
      oldest.value(), from.value());
}

}  // namespace

void Session::run_key_watch(Args args) {
  if (client_.version != wire::RespVersion::kResp3) {
    return reply_error("ERR KV.WATCH sends pushes, which RESP2 has not: send HELLO 3 first");
  }
  std::optional<std::int64_t> asked;
  if (args.size() == 4 && equals_ignoring_case(args[2], "from")) {
    asked = wire::parse_decimal(args[3]);
    if (!asked || *asked < 1) return reply_error("ERR FROM is a revision, from 1 upwards");
  } else if (args.size() != 2) {
    return reply_error("ERR syntax error; use KV.WATCH prefix [FROM revision]");
  }
  const BytesView prefix = args[1];
  if (prefix.size() > kv::kMaxKeyBytes) {
    return reply_error(
        fmt::format("ERR a prefix of {} bytes: the limit is {}", prefix.size(), kv::kMaxKeyBytes));
  }
  if (const auto error = refusal(false, 0)) return reply_error(*error);
  const replica::ChangeRing* const ring = context_.view.changes();
  if (ring == nullptr || context_.options.watch_buffer_bytes == 0) {
    return reply_error("ERR this node keeps no changes: it runs with --watch-buffer-bytes 0");
  }
  KeyWatches& watches = context_.key_watches;
  if (watches.has(client_.id, prefix)) {
    return reply_error("ERR this connection watches that prefix already: KV.UNWATCH it first");
  }
  if (watches.of(client_.id).size() >= KeyWatches::kMaxOfConnection) {
    return reply_error(fmt::format("ERR a connection watches at most {} prefixes of keys",
                                   KeyWatches::kMaxOfConnection));
  }
  const Index from = asked ? Index(static_cast<std::uint64_t>(*asked)) : ring->last().next();
  if (from < ring->oldest()) return reply_error(no_longer_kept(from, ring->oldest()));
  watches.add(client_.id, prefix, from);
  reply(kv::Reply::integer(static_cast<std::int64_t>(from.value())));
}

void Session::run_key_unwatch(Args args) {
  if (args.size() > 2) return reply_error("ERR syntax error; use KV.UNWATCH [prefix]");
  KeyWatches& watches = context_.key_watches;
  const std::size_t ended =
      args.size() == 2 ? watches.remove(client_.id, args[1]) : watches.remove(client_.id);
  reply(kv::Reply::integer(static_cast<std::int64_t>(ended)));
}

bool Session::tell_changes(const replica::ChangeRing& ring, std::size_t room, bool progress) {
  std::vector<KeyWatch>& watches = context_.key_watches.of(client_.id);
  if (client_.closing) watches.clear();
  Bytes& out = replies_.between_replies();
  const std::size_t most = out.size() + room;
  bool all = true;
  std::erase_if(watches, [&](KeyWatch& watch) {
    if (watch.cursor.next < ring.oldest()) {
      const std::string text = no_longer_kept(watch.cursor.next, ring.oldest());
      wire::encode_push_head(4, out);
      wire::encode_bulk("kv.unwatch", out);
      wire::encode_bulk(watch.prefix, out);
      wire::encode_integer(static_cast<std::int64_t>(ring.oldest().value()), out);
      wire::encode_bulk(text, out);
      return true;
    }
    all = tell(watch, ring, most, out) && all;
    const Index known(watch.cursor.next.value() - 1);
    if (progress && watch.told < known && out.size() < most) {
      append_push(watch.prefix, known, 0, {}, out);
      watch.told = known;
    }
    return false;
  });
  if (watches.empty()) context_.key_watches.remove(client_.id);
  return all;
}

// Up to the newest change, or until `out` is as large as it may be. False: there may be more.
bool Session::tell(KeyWatch& watch, const replica::ChangeRing& ring, std::size_t most, Bytes& out) {
  for (int i = 0; i < kRevisionsAtOnce; ++i) {
    if (out.size() >= most) return false;
    std::size_t count = 0;
    watch_changes_.clear();
    const auto revision = ring.read(watch.cursor, [&](const kv::Change& change) {
      if (!change.key.starts_with(watch.prefix)) return;
      append_change(change, watch_changes_);
      ++count;
    });
    if (!revision) return true;
    if (count == 0) continue;
    append_push(watch.prefix, *revision, count, watch_changes_, out);
    watch.told = *revision;
  }
  return false;
}

}  // namespace kvcluster::server
