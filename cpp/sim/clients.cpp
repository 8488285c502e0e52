#include "sim/clients.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <utility>

namespace kvcluster::sim {
namespace {

constexpr Duration kAttemptTime = std::chrono::milliseconds(1200);
constexpr Duration kGiveUp = std::chrono::seconds(6);
constexpr std::uint32_t kMostOpenInBurst = 8;
constexpr Instant kOrigin{std::chrono::seconds(1)};

std::string_view name_of(replica::Completion::Outcome outcome) {
  using Outcome = replica::Completion::Outcome;
  switch (outcome) {
    case Outcome::kReplied:
      return "replied";
    case Outcome::kUncertain:
      return "uncertain";
    case Outcome::kNotLeader:
      return "not the leader";
    case Outcome::kNoLeader:
      return "no leader";
    case Outcome::kRefused:
      return "refused";
  }
  return "?";
}

std::int64_t micros(Instant instant) { return (instant - kOrigin).count(); }

}  // namespace

Clients::Clients(const Profile& profile, std::uint64_t seed, Scheduler& scheduler, Trace& trace,
                 Coverage& coverage, Invariants& invariants)
    : profile_(profile),
      scheduler_(scheduler),
      trace_(trace),
      coverage_(coverage),
      invariants_(invariants) {
  for (std::uint32_t i = 0; i < profile.clients; ++i) {
    clients_.push_back(
        {.session = fmt::format("c{}", i), .random = stream(seed, Stream::kClients, i)});
  }
}

Event Clients::event(EventKind kind, std::uint64_t number) const {
  Event made;
  made.kind = kind;
  made.value = number;
  made.life = requests_[number].attempt;
  made.node = requests_[number].node;
  return made;
}

Duration Clients::latency(Random& random) const {
  const auto spread = static_cast<std::uint64_t>(profile_.latency_min.count());
  return profile_.latency_min + Duration(static_cast<Duration::rep>(random.below(spread + 1)));
}

void Clients::begin() {
  for (std::uint32_t i = 0; i < clients_.size(); ++i) {
    move(clients_[i], 0);
    Event wake;
    wake.kind = EventKind::kClientWake;
    wake.value = i;
    scheduler_.after(std::chrono::milliseconds(50 + 10 * i), wake);
  }
}

void Clients::on_event(const Event& event) {
  if (event.kind == EventKind::kClientWake) return wake(static_cast<std::uint32_t>(event.value));
  if (event.kind == EventKind::kReply) {
    const replica::Completion completion = replies_.take(event.value);
    const std::uint64_t number = completion.id >> 16U;
    const Request& request = requests_[number];
    if (request.is_open && request.attempt == (completion.id & 0xFFFFU))
      replied(number, completion);
    return;
  }
  Request& request = requests_[event.value];
  if (!request.is_open || request.attempt != event.life) return;
  if (event.kind == EventKind::kClientTimeout) {
    move(clients_[request.client], request.node);
    return lost(event.value, true);
  }
  // It reaches the node.
  Node& node = *nodes_[request.node];
  if (!node.running()) {
    move(clients_[request.client], request.node);
    return lost(event.value, request.delivered);
  }
  if (event.kind != EventKind::kRequest) return lost(event.value, true);
  request.delivered = true;
  node.request(request.encoded, event.value << 16U | request.attempt,
               clients_[request.client].connection, request.mode, request.min_index);
}

void Clients::wake(std::uint32_t number) {
  Client& client = clients_[number];
  if (stopped_) return;
  Event next;
  next.kind = EventKind::kClientWake;
  next.value = number;
  const auto mean = static_cast<std::uint64_t>(profile_.think_time.count()) / burst_ + 1;
  scheduler_.after(Duration(static_cast<Duration::rep>(client.random.below(2 * mean))), next);
  if (client.open >= (burst_ > 1 ? kMostOpenInBurst : 1)) return;
  requests_.push_back(make_request(number));
  Request& request = requests_.back();
  request.deadline = scheduler_.now() + kGiveUp;
  ++client.open;
  client.once_open = client.once_open || request.once;
  ++counters_.asked;
  open_.push_back(requests_.size() - 1);
  send(requests_.size() - 1);
}

void Clients::send(std::uint64_t number) {
  Request& request = requests_[number];
  Client& client = clients_[request.client];
  request.node = client.node;
  request.delivered = false;
  ++request.attempt;
  scheduler_.after(latency(client.random), event(EventKind::kRequest, number));
  scheduler_.after(kAttemptTime, event(EventKind::kClientTimeout, number));
}

void Clients::again(std::uint64_t number, Duration delay) {
  Request& request = requests_[number];
  if (scheduler_.now() + delay >= request.deadline) {
    return finish(number,
                  request.maybe_applied ? check::Outcome::kUnknown : check::Outcome::kFailed);
  }
  Client& client = clients_[request.client];
  request.node = client.node;
  request.delivered = false;
  ++request.attempt;
  if (request.once && request.maybe_applied) coverage_.hit(Path::kOnceRepeated);
  scheduler_.after(delay, event(EventKind::kRequest, number));
  scheduler_.after(delay + kAttemptTime, event(EventKind::kClientTimeout, number));
}

void Clients::without_answer(Request& request) {
  if (request.mode == replica::RequestBatch::Mode::kWrite) request.maybe_applied = true;
}

// No answer came, or none will.
void Clients::lost(std::uint64_t number, bool delivered) {
  Request& request = requests_[number];
  const bool write = request.mode == replica::RequestBatch::Mode::kWrite;
  if (delivered) without_answer(request);
  Random& random = clients_[request.client].random;
  const Duration pause = std::chrono::milliseconds(random.between(1, 60));
  if (!write || request.once || !request.maybe_applied) return again(number, pause);
  finish(number, check::Outcome::kUnknown);
}

void Clients::move(Client& client, std::uint8_t away_from) {
  client.connection = ++connections_;
  if (!preferred_.empty()) {
    client.node = preferred_[client.random.below(preferred_.size())];
    return;
  }
  client.node = static_cast<std::uint8_t>(client.random.between(1, profile_.nodes));
  if (client.node == away_from) {
    client.node = static_cast<std::uint8_t>(client.random.between(1, profile_.nodes));
  }
}

void Clients::completed(std::uint8_t, replica::Completion completion) {
  const std::uint64_t number = completion.id >> 16U;
  trace_.mix(completion.id ^ static_cast<std::uint64_t>(completion.outcome) << 56U ^
             completion.index.value() << 24U);
  Event reply = event(EventKind::kReply, number);
  const Duration delay = latency(clients_[requests_[number].client].random);
  reply.value = replies_.put(std::move(completion));
  scheduler_.after(delay, reply);
}

void Clients::connections_lost(std::uint8_t node) {
  for (const std::uint64_t number : open_) {
    const Request& request = requests_[number];
    if (request.node != node || !request.delivered) continue;
    // Answers that are on their way are read before the end of the connection.
    Event end = event(EventKind::kClientLost, number);
    scheduler_.after(2 * profile_.latency_min + Duration(1), end);
  }
}

void Clients::replied(std::uint64_t number, const replica::Completion& completion) {
  using Outcome = replica::Completion::Outcome;
  Request& request = requests_[number];
  Client& client = clients_[request.client];
  const Duration pause = std::chrono::milliseconds(client.random.between(5, 100));
  const bool write = request.mode == replica::RequestBatch::Mode::kWrite;
  if (trace_.with_timeline() && completion.outcome != Outcome::kReplied) {
    const auto* why = std::get_if<kv::ErrorReply>(&completion.reply.value);
    trace_.note(
        scheduler_.now() - kOrigin, request.node, "client",
        fmt::format("{} attempt {} of #{}: {}", client.session, request.attempt, number,
                    why != nullptr ? std::string_view(why->text) : name_of(completion.outcome)));
  }
  switch (completion.outcome) {
    case Outcome::kReplied:
      return told(number, completion);
    case Outcome::kUncertain:
      coverage_.hit(Path::kUncertain);
      request.maybe_applied = true;
      if (request.once) return again(number, pause);
      return finish(number, check::Outcome::kUnknown);
    case Outcome::kNotLeader: {
      coverage_.hit(Path::kNotLeader);
      const Node& node = *nodes_[request.node];
      const NodeId leader = node.serves() ? node.replica().core().leader() : kNoNode;
      move(client, request.node);
      if (leader != kNoNode && client.random.chance(4, 5)) {
        client.node = static_cast<std::uint8_t>(leader.value());
      }
      return again(number, pause);
    }
    case Outcome::kNoLeader:
      coverage_.hit(Path::kNoLeader);
      move(client, request.node);
      return again(number, pause);
    case Outcome::kRefused: {
      const auto* error = std::get_if<kv::ErrorReply>(&completion.reply.value);
      const std::string_view text = error != nullptr ? std::string_view(error->text) : "";
      if (text.starts_with("OOM")) coverage_.hit(Path::kWriteRefused);
      if (text.find("was replaced") != std::string_view::npos) {
        coverage_.hit(Path::kProvenNotApplied);
      }
      if (!write) coverage_.hit(Path::kReadExpired);
      if (client.random.chance(1, 2)) move(client, request.node);
      return again(number, pause);
    }
  }
}

void Clients::told(std::uint64_t number, const replica::Completion& completion) {
  Request& request = requests_[number];
  Client& client = clients_[request.client];
  if (!take_reply(request, completion.reply, completion.index)) {
    // An older sequence of the session was asked after a newer one, or the value was no number.
    return finish(number,
                  request.maybe_applied ? check::Outcome::kUnknown : check::Outcome::kFailed);
  }
  if (request.mode == replica::RequestBatch::Mode::kWrite) {
    last_write_answered_ = scheduler_.now();
    client.seen = std::max(client.seen, completion.index);
  }
  finish(number, check::Outcome::kOk);
}

void Clients::finish(std::uint64_t number, check::Outcome outcome) {
  Request& request = requests_[number];
  Client& client = clients_[request.client];
  request.is_open = false;
  --client.open;
  if (request.once) client.once_open = false;
  std::erase(open_, number);
  ++(outcome == check::Outcome::kOk       ? counters_.answered
     : outcome == check::Outcome::kFailed ? counters_.failed
                                          : counters_.unknown);
  if (!request.tag.empty() && outcome == check::Outcome::kOk) {
    for (Tag& tag : tags_[request.record.actions.front().key]) {
      if (tag.tag == request.tag) tag.answered = true;
    }
  }
  request.record.outcome = outcome;
  if (trace_.with_timeline()) note(request, outcome);
  request.record.returned = micros(scheduler_.now());
  const bool useful = outcome == check::Outcome::kOk || request.maybe_applied;
  if (request.judged && useful) history_.push_back(std::move(request.record));
}

void Clients::note(const Request& request, check::Outcome outcome) {
  std::string text = clients_[request.client].session;
  for (const check::Action& action : request.record.actions) {
    text +=
        fmt::format(" {} {} {}", to_string(action.kind), action.key, action.argument.value_or(""));
    if (outcome == check::Outcome::kOk) {
      text += fmt::format("= {}", action.result.value_or(action.succeeded ? "done" : "refused"));
    }
  }
  text += fmt::format(" [{}, attempt {}, {} ms, {}]",
                      request.once                                          ? "once"
                      : request.mode == replica::RequestBatch::Mode::kWrite ? "write"
                                                                            : "read",
                      request.attempt, (micros(scheduler_.now()) - request.record.invoked) / 1000,
                      outcome == check::Outcome::kOk       ? "ok"
                      : outcome == check::Outcome::kFailed ? "failed"
                                                           : "unknown");
  trace_.note(scheduler_.now() - kOrigin, request.node, "client", std::move(text));
}

check::History Clients::take_history() {
  while (!open_.empty()) {
    const std::uint64_t number = open_.back();
    if (requests_[number].delivered) without_answer(requests_[number]);
    finish(number, check::Outcome::kUnknown);
  }
  return std::move(history_);
}

}  // namespace kvcluster::sim
