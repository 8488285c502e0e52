#include "client/cluster_client.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <thread>

#include "base/check.hpp"

namespace kvcluster::client {
namespace {

// Between two rounds over all nodes, so that a cluster in the middle of an election is not flooded.
constexpr std::chrono::milliseconds kPause{20};
// A redirection that leads nowhere new is no progress: it then counts as a failed attempt.
constexpr std::size_t kMaxNodes = 64;

const std::string* error_of(const kv::Reply& reply) {
  const auto* error = std::get_if<kv::ErrorReply>(&reply.value);
  return error == nullptr ? nullptr : &error->text;
}

BytesView first_word(BytesView text) { return text.substr(0, text.find(' ')); }
BytesView last_word(BytesView text) { return text.substr(text.rfind(' ') + 1); }

// What a connection begins with; empty: nothing.
std::vector<std::string> greeting_of(const Options& options) {
  if (!options.resp3) {
    if (options.password.empty()) return {};
    return {"AUTH", options.password};
  }
  std::vector<std::string> greeting{"HELLO", "3"};
  if (!options.password.empty()) {
    greeting.insert(greeting.end(), {"AUTH", "default", options.password});
  }
  return greeting;
}

}  // namespace

ReplyClass classify(const kv::Reply& reply) {
  const std::string* error = error_of(reply);
  if (error == nullptr) return ReplyClass::kFinal;
  const BytesView code = first_word(*error);
  if (code == "UNCERTAIN") return ReplyClass::kUnknown;
  constexpr std::array<BytesView, 6> kElsewhere = {"MOVED",    "READONLY", "CLUSTERDOWN",
                                                   "TRYAGAIN", "LOADING",  "MASTERDOWN"};
  const bool elsewhere = std::ranges::find(kElsewhere, code) != kElsewhere.end();
  return elsewhere ? ReplyClass::kElsewhere : ReplyClass::kFinal;
}

namespace {

// A node that takes no writes now: certain of the attempt that it answers, and of no earlier one.
bool refuses_writes(const kv::Reply& reply) {
  const std::string* error = error_of(reply);
  if (error == nullptr) return false;
  const BytesView code = first_word(*error);
  return code == "OOM" || code == "MISCONF";
}

}  // namespace

std::optional<Address> leader_named_by(const kv::Reply& reply) {
  const std::string* error = error_of(reply);
  if (error == nullptr) return std::nullopt;
  BytesView address;
  if (first_word(*error) == "MOVED") {
    address = last_word(*error);
  } else if (first_word(*error) == "READONLY") {
    constexpr BytesView kBefore = " at ";
    const auto at = error->rfind(kBefore);
    if (at == std::string::npos) return std::nullopt;
    address = first_word(BytesView(*error).substr(at + kBefore.size()));
    while (address.ends_with('.') || address.ends_with(',') || address.ends_with(';')) {
      address.remove_suffix(1);
    }
  } else {
    return std::nullopt;
  }
  auto parsed = parse_address(address, "");
  if (!parsed) return std::nullopt;
  return *parsed;
}

ClusterClient::ClusterClient(Options options)
    : options_(std::move(options)), nodes_(options_.nodes) {
  KV_CHECK(!nodes_.empty(), "a cluster client needs a node to begin with");
}

void ClusterClient::go_to(const Address& address) {
  const auto known = std::ranges::find(nodes_, address);
  if (known != nodes_.end()) {
    at_ = static_cast<std::size_t>(known - nodes_.begin());
  } else if (nodes_.size() < kMaxNodes) {
    nodes_.push_back(address);
    at_ = nodes_.size() - 1;
  } else {
    go_on();
  }
}

Result<Connection*> ClusterClient::connection(Deadline deadline) {
  const Address& address = nodes_[at_];
  if (const auto open = connections_.find(address); open != connections_.end()) {
    return &open->second;
  }
  auto opened = Connection::open(address, deadline);
  if (!opened) return std::unexpected(opened.error());
  if (const auto greeting = greeting_of(options_); !greeting.empty()) {
    auto reply = opened->call(greeting, deadline);
    // The command itself has not been sent: whatever went wrong, it is certainly not applied.
    if (!reply) return fail(ErrorCode::kUnavailable, reply.error().context);
    if (const std::string* error = error_of(*reply)) {
      return fail(ErrorCode::kUnavailable, fmt::format("{}: {}", address.text(), *error));
    }
  }
  return &connections_.emplace(address, std::move(*opened)).first->second;
}

Result<kv::Reply> ClusterClient::attempt(const std::vector<std::string>& args, Deadline deadline) {
  auto open = connection(deadline);
  if (!open) return std::unexpected(open.error());
  auto reply = (*open)->call(args, deadline);
  if (!reply) connections_.erase(nodes_[at_]);
  return reply;
}

Result<kv::Reply> ClusterClient::call(const std::vector<std::string>& args, Repeat repeat) {
  const Deadline deadline = Clock::now() + options_.timeout;
  bool maybe_applied = false;
  std::string last_reason;
  std::size_t failures = 0;
  while (true) {
    Deadline attempt_deadline = deadline;
    // With one node known there is nobody else to ask; a plain write is never asked twice.
    if (repeat == Repeat::kSafe && nodes_.size() > 1) {
      attempt_deadline = std::min(deadline, Clock::now() + options_.attempt_timeout);
    }
    auto reply = attempt(args, attempt_deadline);
    if (reply) {
      const ReplyClass kind = classify(*reply);
      const bool decides = !maybe_applied || !refuses_writes(*reply);
      if (kind == ReplyClass::kFinal && decides) return reply;
      last_reason = fmt::format("{}: {}", nodes_[at_].text(), *error_of(*reply));
      if (kind == ReplyClass::kFinal) return fail(ErrorCode::kTimeout, last_reason);
      maybe_applied = maybe_applied || kind == ReplyClass::kUnknown;
    } else {
      last_reason = reply.error().context;
      maybe_applied = maybe_applied || reply.error().code != ErrorCode::kUnavailable;
    }
    if (maybe_applied && repeat == Repeat::kNever) return fail(ErrorCode::kTimeout, last_reason);
    // Nobody listens at the only address that is known: most likely it is the wrong one.
    if (!reply && !maybe_applied && nodes_.size() == 1) return reply;
    if (Clock::now() >= deadline) {
      // Inside a session the last attempt decides nothing about the ones before it.
      return fail(maybe_applied ? ErrorCode::kTimeout : ErrorCode::kUnavailable, last_reason);
    }
    const auto leader = reply ? leader_named_by(*reply) : std::nullopt;
    const Address before = nodes_[at_];
    if (leader && *leader != before) {
      go_to(*leader);
    } else {
      go_on();
    }
    if (++failures % nodes_.size() == 0) {
      std::this_thread::sleep_until(std::min(deadline, Clock::now() + kPause));
    }
  }
}

}  // namespace kvcluster::client
