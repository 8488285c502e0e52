// What clients ask, and what an answer means for the history.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/check.hpp"
#include "kv/request.hpp"
#include "sim/clients.hpp"

namespace kvcluster::sim {
namespace {

using check::Action;
using check::ActionKind;
using Mode = replica::RequestBatch::Mode;

// Keys are new every few seconds, so that what is judged together stays small.
constexpr std::int64_t kEpochMicros = 4'000'000;
constexpr std::uint64_t kTagsPerKey = 24;
constexpr Instant kOrigin{std::chrono::seconds(1)};

std::optional<Bytes> text_of(const kv::Reply& reply) {
  const auto* bulk = std::get_if<kv::BulkString>(&reply.value);
  return bulk == nullptr ? std::nullopt : std::optional<Bytes>(bulk->bytes);
}

Bytes encode_words(const std::vector<Bytes>& words) {
  const std::vector<BytesView> views(words.begin(), words.end());
  Bytes out;
  KV_CHECK(kv::encode_request(views, {}, out), "clients ask what the store knows");
  return out;
}

}  // namespace

void Clients::encode(Request& request, std::vector<Bytes> words) {
  if (request.once) {
    Client& client = clients_[request.client];
    words.insert(words.begin(), {"KV.ONCE", client.session, std::to_string(++client.sequence)});
  }
  request.encoded = encode_words(words);
}

Clients::Request Clients::make_request(std::uint32_t number) {
  Client& client = clients_[number];
  Random& random = client.random;
  const std::int64_t at = (scheduler_.now() - kOrigin).count();
  Request request;
  request.client = number;
  request.record.process = number;
  request.record.invoked = at;
  request.mode = Mode::kWrite;
  request.once = !client.once_open && random.chance(1, 2);
  const Bytes prefix = fmt::format("{}.{}", at / kEpochMicros, random.below(profile_.keys));
  const Bytes value = fmt::format("v{}", requests_.size());
  const Bytes key = "r" + prefix;
  const auto action = [&](ActionKind kind, const Bytes& on, std::optional<Bytes> argument = {}) {
    Action made;
    made.kind = kind;
    made.key = on;
    made.argument = std::move(argument);
    request.record.actions.push_back(std::move(made));
  };
  const std::uint64_t choice = random.below(100);
  if (choice < 30) {
    request.mode = Mode::kRead;
    request.once = false;
    action(ActionKind::kGet, key);
    encode(request, {random.chance(1, 2) ? "GET" : "KV.GET", key});
  } else if (choice < 50) {
    action(ActionKind::kPut, key, value);
    encode(request, {"SET", key, value});
  } else if (choice < 57) {
    action(ActionKind::kDelete, key);
    encode(request, {"DEL", key});
  } else if (choice < 67) {
    action(ActionKind::kCompareRevision, key, value);
    const auto known = client.revisions.find(key);
    const std::uint64_t revision = known == client.revisions.end() ? 0 : known->second;
    request.record.actions.back().expected_revision = revision;
    encode(request, {"KV.CAS", key, std::to_string(revision), value});
  } else if (choice < 80) {
    action(ActionKind::kAdd, "n" + prefix, "1");
    encode(request, {"INCR", "n" + prefix});
  } else if (choice < 88 && !client.once_open) {
    request.once = true;
    const std::uint64_t tag = client.appended++;
    const Bytes on = fmt::format("a{}.{}", number, tag / kTagsPerKey);
    request.tag = fmt::format("{},", tag);
    tags_[on].push_back({request.tag, false});
    action(ActionKind::kAppend, on, request.tag);
    encode(request, {"APPEND", on, request.tag});
  } else if (choice < 94) {
    request.once = false;
    make_transaction(request, client, prefix);
  } else if (choice < 97) {
    request.judged = false;
    encode(request, {"SET", "x" + prefix, value, "PX", std::to_string(random.between(1, 4000))});
  } else {
    request.mode = Mode::kLocalRead;
    request.once = false;
    request.judged = false;
    request.min_index = client.seen;
    action(ActionKind::kGet, key);
    const auto known = client.revisions.find(key);
    if (known != client.revisions.end()) request.known_revision = known->second;
    encode(request, {"KV.GET", key});
  }
  return request;
}

void Clients::make_transaction(Request& request, Client& client, const Bytes& prefix) {
  const Bytes key = "r" + prefix;
  const Bytes counter = "n" + prefix;
  const Bytes value = fmt::format("t{}", requests_.size());
  std::vector<Bytes> commands;
  commands.push_back(encode_words({"GET", key}));
  commands.push_back(encode_words({"INCR", counter}));
  commands.push_back(encode_words({"SET", key, value}));
  request.record.actions = {{.kind = ActionKind::kGet, .key = key},
                            {.kind = ActionKind::kAdd, .key = counter, .argument = "1"},
                            {.kind = ActionKind::kPut, .key = key, .argument = value}};
  std::vector<kv::Watched> watched;
  const auto known = client.revisions.find(key);
  if (known != client.revisions.end() && client.random.chance(1, 2)) {
    watched.push_back({key, known->second});
  }
  KV_CHECK(kv::encode_transaction(watched, commands, {}, request.encoded),
           "clients ask what the store knows");
}

bool Clients::take_action(Action& action, const kv::Reply& reply) {
  if (reply.is_error()) return false;
  const auto* number = std::get_if<std::int64_t>(&reply.value);
  switch (action.kind) {
    case ActionKind::kGet:
      if (const auto* array = std::get_if<kv::Array>(&reply.value)) {
        action.result = text_of(array->items.at(0));
        action.revision =
            static_cast<std::uint64_t>(std::get<std::int64_t>(array->items.at(1).value));
      } else {
        action.result = text_of(reply);
      }
      return true;
    case ActionKind::kDelete:
      action.succeeded = number != nullptr && *number == 1;
      return true;
    case ActionKind::kCompareRevision:
      action.succeeded = number != nullptr;
      if (number != nullptr) action.revision = static_cast<std::uint64_t>(*number);
      return true;
    case ActionKind::kAdd:
    case ActionKind::kAppend:
      if (number != nullptr) action.result = std::to_string(*number);
      return number != nullptr;
    default:
      return true;
  }
}

bool Clients::take_reply(Request& request, const kv::Reply& reply, Index index) {
  Client& client = clients_[request.client];
  std::vector<Action>& actions = request.record.actions;
  if (actions.size() > 1) {
    const auto* array = std::get_if<kv::Array>(&reply.value);
    if (array == nullptr) {
      coverage_.hit(Path::kTransactionStopped);
      request.maybe_applied = false;  // it says that it was not
      return false;
    }
    for (std::size_t i = 0; i < actions.size(); ++i) {
      if (!take_action(actions[i], array->items.at(i))) return false;
    }
  } else if (actions.empty()) {
    return !reply.is_error();
  } else if (!take_action(actions.front(), reply)) {
    return false;
  }
  Action& last = actions.back();
  // A repeat has an entry of its own; what it answers is of the first one.
  if (request.attempt == 1 && request.mode == Mode::kWrite) {
    request.record.index = index.value();
    if (last.kind == ActionKind::kPut) last.revision = index.value();
  }
  if (request.once && request.attempt > 1) coverage_.hit(Path::kOnceAnsweredAgain);
  if (request.mode == Mode::kLocalRead && last.result && last.revision < request.known_revision) {
    invariants_.report(
        Check::kMonotonicReads, request.node,
        fmt::format("client {} had seen revision {} of {} and was shown {}", request.client,
                    request.known_revision, last.key, last.revision));
  }
  if (last.key.starts_with('r') && last.revision != 0) {
    client.revisions[last.key] = last.revision;
    client.seen = std::max(client.seen, Index(last.revision));
  }
  return true;
}

void Clients::check_one_effect(std::uint8_t node, const kv::StateMachine& state) {
  for (const auto& [key, tags] : tags_) {
    Bytes encoded = encode_words({"GET", key});
    const Bytes text = text_of(state.read(encoded, 0)).value_or("");
    for (const Tag& tag : tags) {
      std::size_t count = 0;
      for (std::size_t at = 0; (at = text.find(tag.tag, at)) != Bytes::npos; ++at) {
        if (at == 0 || text[at - 1] == ',') ++count;
      }
      if (count > 1 || (tag.answered && count == 0)) {
        invariants_.report(Check::kOneEffect, node,
                           fmt::format("{} has the tag {} {} times on node {}: \"{}\"", key,
                                       tag.tag, count, node, text));
      }
    }
  }
}

}  // namespace kvcluster::sim
