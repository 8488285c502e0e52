// How a connection comes up: dial, Hello, and the answer to it.
#include <algorithm>
#include <chrono>

#include "sim/network.hpp"

namespace kvcluster::sim {
namespace {

constexpr Duration kBackoffMin = std::chrono::milliseconds(10);
constexpr Duration kBackoffMax = std::chrono::milliseconds(500);
// How often the end of a connection is told again, while nothing gets through.
constexpr Duration kToldAgain = std::chrono::milliseconds(300);
constexpr Duration kConnectDeadline = std::chrono::seconds(1);

}  // namespace

void Network::on_event(const Event& event) {
  Connection& line = connection(event.node, event.peer);
  switch (event.kind) {
    case EventKind::kFrame:
      return frame_arrived(event);
    case EventKind::kDial:
      if (line.dialing == event.life && line.waits) dial(event.node, event.peer);
      return;
    case EventKind::kHello:
      if (line.dialing == event.life) hello(event.node, event.peer);
      return;
    case EventKind::kHelloReply:
      if (line.dialing == event.life) hello_reply(event.node, event.peer);
      return;
    case EventKind::kRefused:
      if (line.dialing == event.life) dial_failed(event.node, event.peer, true);
      return;
    case EventKind::kLinkLost:
      if (line.dialing != event.life || !line.up) return;
      if (blocked(event.peer, event.node)) return scheduler_.after(kToldAgain, event);
      line.up = false;
      line.backoff = kBackoffMin;
      dial_failed(event.node, event.peer, false);
      nodes_[event.node]->on_link_lost(event.peer);
      return;
    case EventKind::kSessionLost:
      if (line.session != event.life || line.session == 0) return;
      if (blocked(event.node, event.peer)) return scheduler_.after(kToldAgain, event);
      line.session = 0;
      nodes_[event.peer]->on_session_lost(event.node);
      return;
    default:
      return;
  }
}

void Network::dial_later(std::uint8_t from, std::uint8_t to, Duration delay) {
  Connection& line = connection(from, to);
  line.waits = true;
  Event event;
  event.kind = EventKind::kDial;
  event.node = from;
  event.peer = to;
  event.life = ++line.dialing;
  scheduler_.after(delay, event);
}

void Network::dial_failed(std::uint8_t from, std::uint8_t to, bool refused) {
  Connection& line = connection(from, to);
  if (refused) line.backoff = kBackoffMax;
  const auto most = static_cast<std::uint64_t>(line.backoff.count());
  const Duration delay(static_cast<Duration::rep>(most / 2 + random_.below(most / 2 + 1)));
  line.backoff = std::min(2 * line.backoff, kBackoffMax);
  dial_later(from, to, delay);
}

void Network::dial(std::uint8_t from, std::uint8_t to) {
  Connection& line = connection(from, to);
  line.waits = false;
  if (!nodes_[from]->process_up()) return;
  const bool silent = blocked(from, to) || blocked(to, from) || !nodes_[to]->machine_up();
  if (silent) {
    line.waits = true;
    Event event;
    event.kind = EventKind::kDial;
    event.node = from;
    event.peer = to;
    event.life = ++line.dialing;
    line.backoff = std::min(2 * line.backoff, kBackoffMax);
    scheduler_.after(kConnectDeadline + line.backoff, event);
    return;
  }
  if (!nodes_[to]->process_up()) return dial_failed(from, to, false);
  line.hello = nodes_[from]->hello_for(to);
  Event event;
  event.kind = EventKind::kHello;
  event.node = from;
  event.peer = to;
  event.life = line.dialing;
  scheduler_.after(3 * latency(from, to), event);
}

void Network::hello(std::uint8_t from, std::uint8_t to) {
  Connection& line = connection(from, to);
  if (!nodes_[to]->process_up() || blocked(from, to) || blocked(to, from)) {
    return dial_failed(from, to, false);
  }
  Event event;
  event.node = from;
  event.peer = to;
  event.life = line.dialing;
  if (line.session != 0) {
    // The peer dials anew: its old connection is dead, though this side has not noticed yet.
    coverage_.hit(Path::kHalfOpen);
    line.session = 0;
    nodes_[to]->on_session_lost(from);
  }
  const bool let_in = nodes_[to]->on_hello(from, line.hello);
  if (!nodes_[to]->process_up()) return dial_failed(from, to, false);
  if (!let_in) {
    event.kind = EventKind::kRefused;
  } else {
    line.session = line.dialing;
    line.answer = nodes_[to]->hello_for(from);
    event.kind = EventKind::kHelloReply;
    // The other direction is dialed at once: this peer has just been seen alive.
    if (connection(to, from).waits) dial_later(to, from, Duration(0));
  }
  scheduler_.after(latency(to, from), event);
}

void Network::hello_reply(std::uint8_t from, std::uint8_t to) {
  Connection& line = connection(from, to);
  if (!nodes_[from]->process_up()) return;
  if (line.session != line.dialing || blocked(to, from)) {
    if (line.session == line.dialing) tell_peer(from, to);
    return dial_failed(from, to, false);
  }
  line.up = true;
  line.backoff = kBackoffMin;
  line.last_arrival = {};
  nodes_[from]->on_link_up(to, line.answer);
}

}  // namespace kvcluster::sim
