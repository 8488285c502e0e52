#include "net/peer_link.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <asio/connect.hpp>
#include <asio/error.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/steady_timer.hpp>
#include <optional>
#include <utility>
#include <variant>
#include <vector>

#include "base/check.hpp"
#include "net/backoff.hpp"
#include "net/frame_queue.hpp"
#include "net/tcp.hpp"
#include "wire/peer_frame.hpp"
#include "wire/peer_hello.hpp"

namespace kvcluster::net {
namespace {

using asio::ip::tcp;
using Clock = asio::steady_timer::clock_type;

// An up link that lasted this long was a healthy one: the next dial starts without a backoff.
constexpr auto kHealthy = std::chrono::seconds(1);

}  // namespace

struct PeerLink::Impl final : Flushable, std::enable_shared_from_this<PeerLink::Impl> {
  enum class State : std::uint8_t { kWaiting, kDialing, kUp, kStopped };

  Impl(PeerLink& link, asio::io_context& io, Turn& turn, PeerLinkOptions link_options,
       PeerLinkHandler& given)
      : Flushable(turn),
        owner(&link),
        options(std::move(link_options)),
        handler(&given),
        socket(io),
        resolver(io),
        timer(io),
        queue(options.max_queue_bytes),
        backoff(options.backoff_min, options.backoff_max, options.seed) {}

  // Each attempt has a number; completions of an older one are ignored.
  [[nodiscard]] bool is_current(std::uint64_t number) const {
    return state != State::kStopped && number == attempt;
  }

  void dial();
  void dial_in(Duration delay);
  void connect(const tcp::resolver::results_type& found);
  void connected(const std::error_code& error);
  void read();
  void take_greeting(std::size_t size);
  void welcome(const replica::Hello& theirs);
  void lost(const std::string& why);
  void refused(const std::string& sentence);
  void close();
  void stop();
  void watch(Duration limit, const char* what);

  bool send(const replica::PeerMessage& message);
  bool add(const replica::PeerMessage& message);
  void queue_batch();
  void flush() override;
  void write();

  PeerLink* owner;
  PeerLinkOptions options;
  PeerLinkHandler* handler;
  tcp::socket socket;
  tcp::resolver resolver;
  asio::steady_timer timer;
  wire::PeerFrameBuilder builder;
  FrameQueue queue;
  bool write_pending = false;
  PeerLinkCounters counters;
  State state = State::kWaiting;
  std::uint64_t attempt = 0;
  Backoff backoff;
  Clock::time_point up_since;
  std::string trouble = "not dialed yet";
  NodeId self;  // as the last hello said
  std::array<char, wire::kMaxGreetingBytes> input{};
  std::size_t input_size = 0;
};

void PeerLink::Impl::dial() {
  ++attempt;
  ++counters.dials;
  state = State::kDialing;
  input_size = 0;
  watch(options.connect_deadline, "does not answer");
  std::error_code error;
  const auto literal = asio::ip::make_address(options.address.host, error);
  if (!error) {
    const tcp::endpoint endpoint(literal, options.address.port);
    return connect(tcp::resolver::results_type::create(endpoint, options.address.host,
                                                       std::to_string(options.address.port)));
  }
  // Asked anew at each dial: a name may move.
  resolver.async_resolve(
      options.address.host, std::to_string(options.address.port),
      [self = shared_from_this(), number = attempt](const std::error_code& failed,
                                                    const tcp::resolver::results_type& found) {
        if (!self->is_current(number)) return;
        if (failed) return self->lost("its name has no address");
        self->connect(found);
      });
}

void PeerLink::Impl::dial_in(Duration delay) {
  ++attempt;
  state = State::kWaiting;
  timer.expires_after(delay);
  timer.async_wait([self = shared_from_this(), number = attempt](const std::error_code& error) {
    if (!error && self->is_current(number)) self->dial();
  });
}

void PeerLink::Impl::connect(const tcp::resolver::results_type& found) {
  asio::async_connect(socket, found,
                      [self = shared_from_this(), number = attempt](const std::error_code& error,
                                                                    const tcp::endpoint& /*at*/) {
                        if (self->is_current(number)) self->connected(error);
                      });
}

void PeerLink::Impl::connected(const std::error_code& error) {
  if (error) return lost(fmt::format("connecting failed: {}", error.message()));
  // A dial to a closed port of this host can meet itself (TCP's simultaneous open) and would then
  // keep the peer from listening there.
  std::error_code ignored;
  if (socket.local_endpoint(ignored) == socket.remote_endpoint(ignored)) {
    socket.set_option(tcp::socket::linger(true, 0), ignored);
    return lost("nobody listens there");
  }
  if (const Status tuned = tune_peer(socket); !tuned) return lost(tuned.error().context);
  const replica::Hello ours = handler->hello_for(*owner);
  self = ours.from;
  Bytes hello;
  wire::encode(ours, hello);
  std::error_code failed;
  // The system's buffer of a new connection is empty and takes it whole.
  const std::size_t sent = socket.write_some(asio::buffer(hello), failed);
  if (failed || sent != hello.size()) return lost("our hello was not taken");
  watch(options.hello_deadline, "does not answer our hello");
  read();
}

// Runs for as long as the connection: after the greeting it only waits for the end.
void PeerLink::Impl::read() {
  socket.async_read_some(asio::buffer(input) + input_size,
                         [self = shared_from_this(), number = attempt](const std::error_code& error,
                                                                       std::size_t size) {
                           if (!self->is_current(number)) return;
                           if (error == asio::error::eof) return self->lost("closed by the peer");
                           if (error)
                             return self->lost(fmt::format("reading failed: {}", error.message()));
                           if (self->state == State::kUp)
                             return self->lost("the peer sent what does not belong here");
                           self->take_greeting(size);
                         });
}

void PeerLink::Impl::take_greeting(std::size_t size) {
  input_size += size;
  auto greeting = wire::decode_greeting({input.data(), input_size});
  if (!greeting) return refused(greeting.error().context);
  if (!*greeting) return read();
  if ((*greeting)->size != input_size) return lost("the peer sent what does not belong here");
  if (const auto* refusal = std::get_if<wire::Refusal>(&(*greeting)->content)) {
    return refused(refusal->sentence);
  }
  const auto& theirs = std::get<replica::Hello>((*greeting)->content);
  if (theirs.from != options.peer || theirs.to != self) {
    return refused(fmt::format("node {} answers at {}, not node {}", theirs.from.value(),
                               options.address.text(), options.peer.value()));
  }
  welcome(theirs);
}

void PeerLink::Impl::welcome(const replica::Hello& theirs) {
  timer.cancel();
  state = State::kUp;
  up_since = Clock::now();
  trouble.clear();
  ++counters.connects;
  input_size = 0;
  read();
  handler->on_link_up(*owner, theirs);
}

void PeerLink::Impl::lost(const std::string& why) {
  const bool was_up = state == State::kUp;
  if (was_up && Clock::now() - up_since >= kHealthy) backoff.reset();
  close();
  trouble = why;
  dial_in(backoff.next());
  if (was_up) handler->on_link_lost(*owner, why);
}

void PeerLink::Impl::refused(const std::string& sentence) {
  close();
  trouble = "refused: " + sentence;
  dial_in(options.backoff_max);
  handler->on_link_refused(*owner, sentence);
}

void PeerLink::Impl::close() {
  ++attempt;
  timer.cancel();
  resolver.cancel();
  std::error_code ignored;
  socket.close(ignored);
  write_pending = false;
  counters.messages_dropped += builder.messages() + queue.messages();
  builder.clear();
  queue.clear();
}

void PeerLink::Impl::stop() {
  close();
  state = State::kStopped;
}

void PeerLink::Impl::watch(Duration limit, const char* what) {
  timer.expires_after(limit);
  timer.async_wait(
      [self = shared_from_this(), number = attempt, what](const std::error_code& error) {
        if (!error && self->is_current(number) && self->state == State::kDialing) self->lost(what);
      });
}

bool PeerLink::Impl::send(const replica::PeerMessage& message) {
  const bool taken = state == State::kUp && add(message);
  if (taken) {
    mark();
  } else {
    ++counters.messages_dropped;
  }
  return taken;
}

// The bound is kept here, message by message, and not when the batch is finished: then nobody would
// know any more whose messages it held.
bool PeerLink::Impl::add(const replica::PeerMessage& message) {
  using Added = wire::PeerFrameBuilder::Added;
  Added added = builder.add(message);
  if (added == Added::kFull) {
    queue_batch();
    added = builder.add(message);
  }
  if (added != Added::kYes) return false;
  if (queue.empty() || queue.bytes() + builder.bytes() <= options.max_queue_bytes) return true;
  builder.take_back();
  return false;
}

void PeerLink::Impl::queue_batch() {
  if (builder.empty()) return;
  const std::size_t messages = builder.messages();
  const bool pushed = queue.push(builder.finish(), messages);
  KV_CHECK(pushed, "what was taken into the batch has room in the queue");
}

void PeerLink::Impl::flush() {
  if (state != State::kUp) return;
  queue_batch();
  if (!write_pending) write();
}

void PeerLink::Impl::write() {
  while (!queue.empty()) {
    std::error_code error;
    const std::size_t sent = socket.write_some(queue.front(), error);
    if (error == asio::error::would_block) {
      write_pending = true;
      socket.async_wait(tcp::socket::wait_write, [self = shared_from_this(),
                                                  number = attempt](const std::error_code& failed) {
        if (!self->is_current(number)) return;
        self->write_pending = false;
        if (failed) return self->lost(fmt::format("writing failed: {}", failed.message()));
        self->write();
      });
      return;
    }
    if (error) return lost(fmt::format("writing failed: {}", error.message()));
    const FrameQueue::Sent done = queue.sent(sent);
    counters.bytes_sent += sent;
    counters.frames_sent += done.frames;
    counters.messages_sent += done.messages;
  }
}

PeerLink::PeerLink(asio::io_context& io, Turn& turn, const PeerLinkOptions& options,
                   PeerLinkHandler& handler)
    : impl_(std::make_shared<Impl>(*this, io, turn, options, handler)) {
  // From the io_context: the owner must have the link before the first callback.
  impl_->dial_in(Duration::zero());
}

PeerLink::~PeerLink() { impl_->stop(); }

bool PeerLink::send(const replica::PeerMessage& message) { return impl_->send(message); }

void PeerLink::dial_now() {
  if (impl_->state == Impl::State::kWaiting) impl_->dial_in(Duration::zero());
}

void PeerLink::redial() {
  impl_->close();
  impl_->trouble = "dialing anew";
  impl_->dial_in(Duration::zero());
}

bool PeerLink::is_up() const { return impl_->state == Impl::State::kUp; }
NodeId PeerLink::peer() const { return impl_->options.peer; }
const Endpoint& PeerLink::address() const { return impl_->options.address; }
std::size_t PeerLink::queued_bytes() const { return impl_->queue.bytes() + impl_->builder.bytes(); }
const PeerLinkCounters& PeerLink::counters() const { return impl_->counters; }
const std::string& PeerLink::trouble() const { return impl_->trouble; }

}  // namespace kvcluster::net
