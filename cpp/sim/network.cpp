#include "sim/network.hpp"

#include <algorithm>
#include <chrono>
#include <utility>
#include <variant>

#include "base/check.hpp"
#include "wire/peer_frame.hpp"

namespace kvcluster::sim {
namespace {

constexpr Duration kBackoffMin = std::chrono::milliseconds(10);
constexpr std::size_t kMaxHeld = 10'000;

Event connection_event(EventKind kind, std::uint8_t from, std::uint8_t to, std::uint32_t life) {
  Event event;
  event.kind = kind;
  event.node = from;
  event.peer = to;
  event.life = life;
  return event;
}

// TCP never doubles anything; only what consensus must bear anyhow is sent twice.
std::vector<replica::PeerMessage> consensus_only(const std::vector<replica::PeerMessage>& all) {
  std::vector<replica::PeerMessage> some;
  for (const replica::PeerMessage& message : all) {
    if (std::holds_alternative<raft::Message>(message)) some.push_back(message);
  }
  return some;
}

}  // namespace

Network::Network(const Profile& profile, std::uint64_t seed, Scheduler& scheduler,
                 Coverage& coverage)
    : profile_(profile),
      random_(stream(seed, Stream::kNetwork)),
      scheduler_(scheduler),
      coverage_(coverage),
      connections_(kMaxNodes * kMaxNodes) {
  KV_CHECK(profile.nodes < kMaxNodes, "a simulated cluster has at most 7 nodes");
}

Duration Network::latency(std::uint8_t from, std::uint8_t to) {
  const Connection& line = connection(from, to);
  const auto spread =
      static_cast<std::uint64_t>((profile_.latency_max - profile_.latency_min).count());
  return profile_.latency_min + Duration(static_cast<Duration::rep>(random_.below(spread + 1))) +
         line.extra_latency;
}

void Network::started(std::uint8_t id) {
  for (std::uint8_t peer = 1; peer <= profile_.nodes; ++peer) {
    if (peer == id) continue;
    connection(id, peer).backoff = kBackoffMin;
    dial_later(id, peer, Duration(random_.below(200)));
  }
}

void Network::ended(std::uint8_t id, bool told) {
  for (std::uint8_t peer = 1; peer <= profile_.nodes; ++peer) {
    if (peer == id) continue;
    Connection& dialed = connection(id, peer);
    dialed.up = false;
    dialed.waits = false;
    ++dialed.dialing;
    Connection& accepted = connection(peer, id);
    accepted.session = 0;
    if (!told) continue;
    if (dialed.session != 0) tell_peer(id, peer);
    if (accepted.up) tell_dialer(peer, id);
  }
}

void Network::renew(std::uint8_t id) {
  for (std::uint8_t peer = 1; peer <= profile_.nodes; ++peer) {
    if (peer == id) continue;
    Connection& dialed = connection(id, peer);
    dialed.up = false;
    ++dialed.dialing;
    if (dialed.session != 0) tell_peer(id, peer);
    dialed.backoff = kBackoffMin;
    dial_later(id, peer, Duration(0));
  }
}

void Network::tell_dialer(std::uint8_t from, std::uint8_t to) {
  scheduler_.after(latency(to, from),
                   connection_event(EventKind::kLinkLost, from, to, connection(from, to).dialing));
}

void Network::tell_peer(std::uint8_t from, std::uint8_t to) {
  scheduler_.after(latency(from, to), connection_event(EventKind::kSessionLost, from, to,
                                                       connection(from, to).session));
}

void Network::send(std::uint8_t from, std::uint8_t to, std::vector<replica::PeerMessage> messages) {
  if (!connection(from, to).up || messages.empty()) return;
  Connection& line = connection(from, to);
  if (!line.perfect && chance(profile_.duplicate_permille)) {
    auto twice = consensus_only(messages);
    if (!twice.empty()) transmit(from, to, {std::move(twice), {}});
  }
  transmit(from, to, {std::move(messages), {}});
}

void Network::transmit(std::uint8_t from, std::uint8_t to, Frame frame) {
  ++frames_sent_;
  Connection& line = connection(from, to);
  if (line.lost_blocks > 0) return;
  if (!line.perfect && chance(profile_.loss_permille + extra_loss_permille_)) return;
  const bool corrupt = std::exchange(line.corrupt, false);
  if (profile_.through_wire || corrupt) {
    wire::PeerFrameBuilder builder;
    for (const replica::PeerMessage& message : frame.messages) {
      KV_CHECK(builder.add(message) == wire::PeerFrameBuilder::Added::kYes, "a turn fits a frame");
    }
    frame.bytes = builder.finish();
    frame.messages.clear();
    if (corrupt) {
      char& byte = frame.bytes[static_cast<std::size_t>(random_.below(frame.bytes.size()))];
      byte = static_cast<char>(static_cast<unsigned char>(byte) ^ (1U << random_.below(8)));
    }
  }
  Event event = connection_event(EventKind::kFrame, from, to, line.dialing);
  Instant arrival = scheduler_.now() + latency(from, to);
  if (line.perfect || !chance(profile_.reorder_permille)) {
    arrival = std::max(arrival, line.last_arrival);
    line.last_arrival = arrival;
  }
  event.value = frames_.put(std::move(frame));
  if (line.held_blocks == 0) {
    scheduler_.at(arrival, event);
  } else if (line.held.size() < kMaxHeld) {
    line.held.push_back(event);
  } else {
    static_cast<void>(frames_.take(event.value));
  }
}

void Network::frame_arrived(const Event& event) {
  Frame frame = frames_.take(event.value);
  PeerHandler& peer = *nodes_[event.peer];
  Connection& line = connection(event.node, event.peer);
  if (line.silenced == event.life) return;
  if (!peer.process_up() || line.session != event.life) {
    // A connection that this end does not know is reset, so that the other end learns it.
    if (peer.machine_up() && line.up && line.dialing == event.life) {
      tell_dialer(event.node, event.peer);
    }
    return;
  }
  if (!frame.bytes.empty()) {
    const auto content =
        std::make_shared<const Bytes>(BytesView(frame.bytes).substr(wire::kFrameHeadBytes));
    const auto head =
        wire::decode_frame_head(BytesView(frame.bytes).substr(0, wire::kFrameHeadBytes));
    auto messages = head && head->length == content->size()
                        ? wire::decode_frame(*head, content)
                        : fail(ErrorCode::kCorruption, "the length is wrong");
    if (!messages) {
      coverage_.hit(Path::kFrameCorrupt);
      line.session = 0;
      tell_dialer(event.node, event.peer);
      peer.on_session_lost(event.node);
      return;
    }
    frame.messages = std::move(*messages);
  }
  peer.on_messages(event.node, std::move(frame.messages));
}

void Network::block(std::uint8_t from, std::uint8_t to, Blocked how) {
  Connection& line = connection(from, to);
  ++(how == Blocked::kHeld ? line.held_blocks : line.lost_blocks);
}

void Network::unblock(std::uint8_t from, std::uint8_t to, Blocked how) {
  Connection& line = connection(from, to);
  std::uint8_t& blocks = how == Blocked::kHeld ? line.held_blocks : line.lost_blocks;
  if (blocks > 0) --blocks;
  if (!blocked(from, to)) deliver_held(from, to);
}

void Network::deliver_held(std::uint8_t from, std::uint8_t to) {
  Connection& line = connection(from, to);
  for (const Event& event : std::exchange(line.held, {})) {
    line.last_arrival = std::max(scheduler_.now() + latency(from, to), line.last_arrival);
    scheduler_.at(line.last_arrival, event);
  }
}

void Network::unblock_all_between(std::uint8_t a, std::uint8_t b) {
  for (const auto& [from, to] : {std::pair(a, b), std::pair(b, a)}) {
    Connection& line = connection(from, to);
    line.lost_blocks = 0;
    line.held_blocks = 0;
    deliver_held(from, to);
  }
}

void Network::break_connections(std::uint8_t a, std::uint8_t b) {
  for (const auto& [from, to] : {std::pair(a, b), std::pair(b, a)}) {
    Connection& line = connection(from, to);
    if (line.up) tell_dialer(from, to);
    if (line.session != 0) tell_peer(from, to);
  }
}

void Network::set_extra_latency(std::uint8_t from, std::uint8_t to, Duration extra) {
  connection(from, to).extra_latency = extra;
}

void Network::silence(std::uint8_t id) {
  for (std::uint8_t peer = 1; peer <= profile_.nodes; ++peer) {
    if (peer != id) connection(id, peer).silenced = connection(id, peer).dialing;
  }
}

void Network::make_perfect(std::uint8_t a, std::uint8_t b) {
  unblock_all_between(a, b);
  for (const auto& [from, to] : {std::pair(a, b), std::pair(b, a)}) {
    Connection& line = connection(from, to);
    line.extra_latency = {};
    line.corrupt = false;
    line.silenced = 0;
    line.perfect = true;
  }
}

}  // namespace kvcluster::sim
