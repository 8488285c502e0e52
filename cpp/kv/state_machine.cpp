// How an entry is applied. The history is, after each entry,
//   H_i = BLAKE2b-256(H_{i-1} || u64 term || u64 index || u8 kind || payload), little-endian,
// with the kinds of EntryType and H_0 of zero bytes.
#include "kv/state_machine.hpp"

#include <absl/container/inlined_vector.h>
#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "base/check.hpp"
#include "base/codec.hpp"
#include "base/mutant.hpp"
#include "kv/execute.hpp"
#include "kv/keyspace.hpp"
#include "kv/meta.hpp"
#include "kv/request_format.hpp"
#include "kv/state_hash.hpp"

namespace kvcluster::kv {
namespace {

// The log's own numbers for what an entry is. Written into the history: never reused.
enum class EntryType : std::uint8_t {
  kEmpty = 0,
  kCommand = 1,
  kConfiguration = 2,
  kGenesis = 3,
};

constexpr WallMillis kNoTimeIsLater = std::numeric_limits<WallMillis>::max();

template <typename T>
T trusted(Result<T> decoded) {
  KV_CHECK(decoded, "an entry holds what was checked before it was proposed");
  return *std::move(decoded);
}

}  // namespace

struct StateMachine::Impl {
  explicit Impl(Table& used_table) : table(used_table) {}

  [[nodiscard]] StateParts parts() const {
    return {.has_genesis = meta.genesis.has_value(),
            .has_membership = meta.configuration.has_value(),
            .genesis = meta.genesis ? BytesView(*meta.genesis) : BytesView(),
            .membership = meta.configuration ? BytesView(*meta.configuration) : BytesView()};
  }

  void begin(LogPosition at) const {
    KV_CHECK(at.index == meta.index.next(), "entries are applied one by one, in order");
    KV_CHECK(at.term >= meta.term, "terms never go down along a log");
  }

  void finish(LogPosition at, EntryType type, BytesView payload) {
    entry_head.clear();
    Encoder encoder(entry_head);
    encoder.u64(at.term.value());
    encoder.u64(at.index.value());
    encoder.u8(static_cast<std::uint8_t>(type));
    Blake2b256 link;
    link.update(meta.history.view());
    link.update(entry_head);
    link.update(payload);
    meta.history = link.finish();
    meta.index = at.index;
    meta.term = at.term;
    if (observer != nullptr) observer->applied(at.index);
  }

  Reply run(BytesView encoded, Index index, ReplyBudget& budget);
  Reply run_plain(BytesView encoded, Index index, ReplyBudget& budget);
  Reply run_once(BytesView encoded, Index index, ReplyBudget& budget);
  Reply run_transaction(BytesView encoded, Index index, ReplyBudget& budget);
  [[nodiscard]] Reply show_hash() const;
  [[nodiscard]] Reply show_full_hash() const;

  Table& table;
  Meta meta;
  StateHash hash{HashKey{}};
  Keyspace keyspace{table, hash};
  ChangeObserver* observer = nullptr;
  Bytes entry_head;  // kept for its memory
};

Reply StateMachine::Impl::run_plain(BytesView encoded, Index index, ReplyBudget& budget) {
  const Request request = trusted(decode_request(encoded));
  if (request.operation == Operation::kHash || request.operation == Operation::kFullHash) {
    // In the middle of an entry there is no state that another node could compare.
    return Reply::error("ERR KV.HASH is not possible in a transaction");
  }
  const Writing writing{keyspace, meta.time, index, budget};
  return is_write(request.operation) ? execute_write(writing, request)
                                     : execute_read(writing.reading(), request);
}

// Exactly once (dissertation, 6.3): the reply of a client's last command is part of the state, and
// a repeat gets it again. A command that failed is kept too: the repeat must not succeed instead.
Reply StateMachine::Impl::run_once(BytesView encoded, Index index, ReplyBudget& budget) {
  const OnceRequest once = trusted(decode_once(encoded));
  const auto last = keyspace.session(once.client);
  if (last && !mutated(Mutant::kSessionForgotten)) {
    if (once.sequence == last->sequence) {
      auto kept = decode_reply(last->reply);
      KV_CHECK(kept, "a kept reply is damaged");
      return *std::move(kept);
    }
    if (once.sequence < last->sequence) {
      return Reply::error(
          fmt::format("ERR KV.ONCE sequence {} is older than the last one, {}, of this client",
                      once.sequence, last->sequence));
    }
  }
  Reply reply;
  if (is_write(trusted(peek_operation(once.request)))) {
    reply = run_plain(once.request, index, budget);
  } else {
    ReplyBudget kept_budget(ReplyBudget::kKeptReadBytes);
    reply = run_plain(once.request, index, kept_budget);
  }
  Bytes kept;
  encode(reply, kept);
  keyspace.write_session(once.client, {.sequence = once.sequence,
                                       .revision = index.value(),
                                       .last_used_ms = meta.time,
                                       .reply = kept});
  return reply;
}

Reply StateMachine::Impl::run_transaction(BytesView encoded, Index index, ReplyBudget& budget) {
  const TransactionRequest transaction = trusted(decode_transaction(encoded));
  for (const auto& [key, revision] : transaction.watched) {
    const Slot slot = keyspace.find(key, meta.time);
    if ((slot.live ? slot.record.revision : 0) != revision) return Reply::nil();
  }
  std::vector<Reply> replies;
  replies.reserve(transaction.requests.size());
  for (const BytesView request : transaction.requests) {
    const bool is_once = trusted(peek_operation(request)) == Operation::kOnce;
    replies.push_back(is_once ? run_once(request, index, budget)
                              : run_plain(request, index, budget));
  }
  return Reply::array(std::move(replies));
}

Reply StateMachine::Impl::run(BytesView encoded, Index index, ReplyBudget& budget) {
  switch (trusted(peek_operation(encoded))) {
    case Operation::kOnce:
      return run_once(encoded, index, budget);
    case Operation::kTransaction:
      return run_transaction(encoded, index, budget);
    default:
      return run_plain(encoded, index, budget);
  }
}

Reply StateMachine::Impl::show_hash() const {
  const auto name = [](BytesView text) { return Reply::bulk(text); };
  return Reply::map(
      {{name("index"), Reply::integer(static_cast<std::int64_t>(meta.index.value()))},
       {name("history"), Reply::bulk(meta.history.hex())},
       {name("state"), Reply::bulk(hash.root(meta.index.value()).hex())},
       {name("keys"), Reply::integer(static_cast<std::int64_t>(keyspace.key_count()))}});
}

Reply StateMachine::Impl::show_full_hash() const {
  return Reply::array({Reply::integer(static_cast<std::int64_t>(meta.index.value())),
                       Reply::bulk(canonical_digest(table, parts()).hex()),
                       Reply::integer(static_cast<std::int64_t>(keyspace.key_count()))});
}

StateMachine::StateMachine(Table& table) : impl_(std::make_unique<Impl>(table)) {}

StateMachine::~StateMachine() = default;

void StateMachine::observe(ChangeObserver* observer) {
  impl_->observer = observer;
  impl_->keyspace.observe(observer);
}

void StateMachine::apply_genesis(LogPosition at, const HashKey& key, BytesView payload) {
  impl_->begin(at);
  KV_CHECK(at.index == Index(1) && impl_->hash.count() == 0, "the genesis is the first entry");
  impl_->hash = StateHash(key);
  impl_->hash.add(StatePart::kGenesis, payload);
  impl_->meta.genesis = Bytes(payload);
  impl_->finish(at, EntryType::kGenesis, payload);
}

void StateMachine::apply_empty(LogPosition at, BytesView payload, bool is_configuration) {
  impl_->begin(at);
  if (is_configuration) {
    auto& configuration = impl_->meta.configuration;
    if (configuration) impl_->hash.remove(StatePart::kMembership, *configuration);
    impl_->hash.add(StatePart::kMembership, payload);
    configuration = Bytes(payload);
  }
  impl_->finish(at, is_configuration ? EntryType::kConfiguration : EntryType::kEmpty, payload);
}

Reply StateMachine::apply(LogPosition at, BytesView payload) {
  impl_->begin(at);
  Decoder in(payload);
  const WallMillis time = in.u64();
  const BytesView request = in.raw(in.remaining());
  KV_CHECK(in.ok(), "a command entry begins with its time");
  impl_->meta.time = std::max(impl_->meta.time, std::min(time, kMaxTimeMs));
  impl_->keyspace.purge_due(impl_->meta.time);
  ReplyBudget budget;
  Reply reply = request.empty() ? Reply::ok() : impl_->run(request, at.index, budget);
  impl_->finish(at, EntryType::kCommand, payload);
  return reply;
}

void StateMachine::expect(std::span<const BytesView> payloads) const {
  absl::InlinedVector<BytesView, kExpectedEntries> keys;
  for (const BytesView payload : payloads) {
    if (payload.size() <= kEntryTimeBytes) continue;
    const BytesView key = peek_key(payload.substr(kEntryTimeBytes));
    if (!key.empty()) keys.push_back(key);
  }
  impl_->table.prefetch(Space::kData, keys);
}

void StateMachine::encode_entry(WallMillis time, BytesView encoded_request, Bytes& out) {
  KV_CHECK(!encoded_request.empty(), "an entry without a request only moves the time");
  Encoder encoder(out);
  encoder.u64(time);
  encoder.raw(encoded_request);
}

void StateMachine::encode_clock_entry(WallMillis time, Bytes& out) { Encoder(out).u64(time); }

Reply StateMachine::read(BytesView encoded_request, WallMillis now) const {
  const auto request = decode_request(encoded_request);
  if (!request) return Reply::error("ERR " + request.error().context);
  KV_CHECK(!is_write(request->operation), "a write goes through the log");
  if (request->operation == Operation::kHash) return impl_->show_hash();
  if (request->operation == Operation::kFullHash) return impl_->show_full_hash();
  ReplyBudget budget;
  const WallMillis cluster_time = impl_->meta.time;
  return execute_read({impl_->keyspace, cluster_time, std::max(cluster_time, now), budget},
                      *request);
}

Index StateMachine::applied() const { return impl_->meta.index; }

Term StateMachine::applied_term() const { return impl_->meta.term; }

WallMillis StateMachine::cluster_time() const { return impl_->meta.time; }

std::optional<WallMillis> StateMachine::next_expiry() const {
  return expiry_deadline(kNoTimeIsLater);
}

std::optional<WallMillis> StateMachine::expiry_deadline(WallMillis now) const {
  return impl_->keyspace.expiry_deadline(now);
}

std::uint64_t StateMachine::key_count() const { return impl_->keyspace.key_count(); }

std::uint64_t StateMachine::session_count() const { return impl_->keyspace.session_count(); }

Digests StateMachine::digests() const {
  return {.index = impl_->meta.index,
          .history = impl_->meta.history,
          .state = impl_->hash.root(impl_->meta.index.value()),
          .keys = impl_->keyspace.key_count()};
}

const Digest& StateMachine::history() const { return impl_->meta.history; }

Digest StateMachine::full_digest() const { return canonical_digest(impl_->table, impl_->parts()); }

Digest StateMachine::recompute_state_digest() const {
  return recompute_state_hash(impl_->table, impl_->parts(), impl_->hash.key())
      .root(impl_->meta.index.value());
}

void StateMachine::encode_meta(Bytes& out) const {
  encode(impl_->meta,
         {.keys = impl_->keyspace.key_count(), .sessions = impl_->keyspace.session_count()},
         impl_->hash, out);
}

Status StateMachine::restore(BytesView meta) {
  auto restored = decode_meta(meta);
  if (!restored) return std::unexpected(std::move(restored).error());
  impl_->meta = std::move(restored->meta);
  impl_->hash = std::move(restored->hash);
  impl_->keyspace.restore_counts(restored->counts.keys, restored->counts.sessions);
  if (impl_->observer != nullptr) impl_->observer->restored(impl_->meta.index);
  return {};
}

BytesView StateMachine::genesis_payload() const { return impl_->parts().genesis; }

BytesView StateMachine::configuration_payload() const { return impl_->parts().membership; }

}  // namespace kvcluster::kv
