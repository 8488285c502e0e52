#include "net/listener.hpp"

#include <sys/socket.h>

#include <array>
#include <asio/buffer.hpp>
#include <asio/steady_timer.hpp>
#include <cerrno>
#include <chrono>
#include <list>
#include <utility>

#include "net/tcp.hpp"
#include "wire/peer_hello.hpp"
#include "wire/resp_encoder.hpp"

namespace kvcluster::net {
namespace {

using asio::ip::tcp;
using Clock = asio::steady_timer::clock_type;

constexpr int kAcceptsATurn = 64;  // others get their turn too
constexpr auto kAcceptPause = std::chrono::milliseconds(100);

// A connection that has not yet said what it is.
struct Undecided {
  Undecided(tcp::socket accepted, tcp protocol_of, Clock::time_point due_at)
      : socket(std::move(accepted)), protocol(protocol_of), due(due_at) {}
  tcp::socket socket;
  tcp protocol;
  Clock::time_point due;
  std::array<char, 1024> bytes{};
  std::size_t size = 0;
  std::list<std::shared_ptr<Undecided>>::iterator place;
  bool listed = false;
};

}  // namespace

struct Listener::Impl : std::enable_shared_from_this<Listener::Impl> {
  Impl(asio::io_context& context, ListenerOptions listener_options, ListenerHandlers given)
      : io(context),
        options(std::move(listener_options)),
        handlers(std::move(given)),
        acceptor(context),
        pause(context),
        deadline(context) {}

  Status open();
  void stop();

  void wait_accept();
  void accept_ready();
  bool accept_one();
  void pause_accepting();

  void begin(int descriptor, tcp protocol);
  void read(const std::shared_ptr<Undecided>& undecided);
  void decide(const std::shared_ptr<Undecided>& undecided);
  void forget(const std::shared_ptr<Undecided>& undecided);
  void drop_oldest();
  void watch_deadline();
  void hand_over(const std::shared_ptr<Undecided>& undecided,
                 const std::function<void(Incoming)>& to, const std::shared_ptr<std::size_t>& open);
  void refuse(const std::shared_ptr<Undecided>& undecided, BytesView answer);
  void decide_client(const std::shared_ptr<Undecided>& undecided);
  void decide_peer(const std::shared_ptr<Undecided>& undecided);

  asio::io_context& io;
  ListenerOptions options;
  ListenerHandlers handlers;
  tcp::acceptor acceptor;
  tcp protocol = tcp::v4();
  asio::steady_timer pause;     // when accepting goes on after an error
  asio::steady_timer deadline;  // of the oldest undecided connection
  bool deadline_set = false;
  std::list<std::shared_ptr<Undecided>> undecided_list;  // in order of arrival, so of deadline
  std::shared_ptr<std::size_t> clients = std::make_shared<std::size_t>(0);
  std::shared_ptr<std::size_t> peers = std::make_shared<std::size_t>(0);
  ListenerCounters counters;
  bool stopped = false;
};

Status Listener::Impl::open() {
  KV_TRY(listen_on(acceptor, options.address, options.backlog));
  const tcp::endpoint at = acceptor.local_endpoint();
  protocol = at.protocol();
  options.address.port = at.port();
  wait_accept();
  return {};
}

void Listener::Impl::stop() {
  stopped = true;
  std::error_code ignored;
  acceptor.close(ignored);
  pause.cancel();
  deadline.cancel();
  for (const auto& undecided : undecided_list) undecided->socket.close(ignored);
  undecided_list.clear();
  handlers = {};
}

void Listener::Impl::wait_accept() {
  acceptor.async_wait(tcp::acceptor::wait_read,
                      [self = shared_from_this()](const std::error_code& error) {
                        if (self->stopped) return;
                        if (error) return self->pause_accepting();
                        self->accept_ready();
                      });
}

void Listener::Impl::accept_ready() {
  for (int i = 0; i < kAcceptsATurn; ++i) {
    if (!accept_one()) return;
  }
  wait_accept();
}

// False when accepting goes on later; that is then arranged.
bool Listener::Impl::accept_one() {
  const int descriptor =
      ::accept4(acceptor.native_handle(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
  if (descriptor >= 0) {
    begin(descriptor, protocol);
    return true;
  }
  if (errno == EINTR || errno == ECONNABORTED) return true;
  if (errno == EAGAIN || errno == EWOULDBLOCK) {
    wait_accept();
  } else {
    pause_accepting();
  }
  return false;
}

// Without a descriptor or memory left the connection stays ready: trying at once would spin.
void Listener::Impl::pause_accepting() {
  ++counters.accept_errors;
  pause.expires_after(kAcceptPause);
  pause.async_wait([self = shared_from_this()](const std::error_code& error) {
    if (!error && !self->stopped) self->accept_ready();
  });
}

void Listener::Impl::begin(int descriptor, tcp of) {
  ++counters.accepted;
  tcp::socket socket(io);
  std::error_code error;
  socket.assign(of, descriptor, error);
  if (error || !tune(socket)) return;  // it has ended already
  if (undecided_list.size() >= options.max_undecided) drop_oldest();
  const auto due = Clock::now() + options.first_bytes_deadline;
  auto undecided = std::make_shared<Undecided>(std::move(socket), of, due);
  undecided->place = undecided_list.insert(undecided_list.end(), undecided);
  undecided->listed = true;
  watch_deadline();
  read(undecided);
}

void Listener::Impl::read(const std::shared_ptr<Undecided>& undecided) {
  const auto room = asio::buffer(undecided->bytes) + undecided->size;
  undecided->socket.async_read_some(
      room, [self = shared_from_this(), undecided](const std::error_code& error, std::size_t size) {
        if (self->stopped || !undecided->listed) return;
        if (error) return self->forget(undecided);
        undecided->size += size;
        self->decide(undecided);
      });
}

void Listener::Impl::decide(const std::shared_ptr<Undecided>& undecided) {
  switch (wire::classify({undecided->bytes.data(), undecided->size})) {
    case wire::Speaker::kNeedMore:
      return read(undecided);
    case wire::Speaker::kClient:
      return decide_client(undecided);
    case wire::Speaker::kPeer:
      return decide_peer(undecided);
  }
}

void Listener::Impl::decide_client(const std::shared_ptr<Undecided>& undecided) {
  if (handlers.client && *clients < options.max_clients) {
    return hand_over(undecided, handlers.client, clients);
  }
  Bytes answer;
  wire::encode_error(handlers.client ? "ERR max number of clients reached"
                                     : "ERR this port serves peers only: use the client port",
                     answer);
  refuse(undecided, answer);
}

void Listener::Impl::decide_peer(const std::shared_ptr<Undecided>& undecided) {
  if (handlers.peer && *peers < options.max_peers) {
    return hand_over(undecided, handlers.peer, peers);
  }
  wire::Refusal refusal{wire::RefusalCode::kNotNow, "too many peers are connected"};
  if (!handlers.peer) {
    refusal = {wire::RefusalCode::kWrongIdentity,
               "this port serves clients only: name the peer port in --peers"};
  }
  Bytes answer;
  wire::encode(refusal, answer);
  refuse(undecided, answer);
}

void Listener::Impl::hand_over(const std::shared_ptr<Undecided>& undecided,
                               const std::function<void(Incoming)>& to,
                               const std::shared_ptr<std::size_t>& open) {
  Incoming incoming{std::move(undecided->socket),
                    Bytes(undecided->bytes.data(), undecided->size),
                    ConnectionSlot(open),
                    {}};
  incoming.remote = remote_text(incoming.socket);
  forget(undecided);
  // A copy: the handler may destroy the listener, and with it the handler.
  const auto handler = to;
  handler(std::move(incoming));
}

void Listener::Impl::refuse(const std::shared_ptr<Undecided>& undecided, BytesView answer) {
  ++counters.refused;
  std::error_code ignored;  // the other side may have gone
  undecided->socket.write_some(asio::buffer(answer.data(), answer.size()), ignored);
  undecided->socket.shutdown(tcp::socket::shutdown_send, ignored);
  forget(undecided);
}

void Listener::Impl::forget(const std::shared_ptr<Undecided>& undecided) {
  if (!undecided->listed) return;
  undecided->listed = false;
  undecided_list.erase(undecided->place);
  std::error_code ignored;
  undecided->socket.close(ignored);
}

void Listener::Impl::drop_oldest() {
  if (undecided_list.empty()) return;
  ++counters.first_bytes_late;
  forget(std::shared_ptr(undecided_list.front()));
}

void Listener::Impl::watch_deadline() {
  if (deadline_set || undecided_list.empty()) return;
  deadline_set = true;
  deadline.expires_at(undecided_list.front()->due);
  deadline.async_wait([self = shared_from_this()](const std::error_code& error) {
    self->deadline_set = false;
    if (error || self->stopped) return;
    const auto now = Clock::now();
    while (!self->undecided_list.empty() && self->undecided_list.front()->due <= now) {
      self->drop_oldest();
    }
    self->watch_deadline();
  });
}

Result<std::unique_ptr<Listener>> Listener::open(asio::io_context& io,
                                                 const ListenerOptions& options,
                                                 ListenerHandlers handlers) {
  auto impl = std::make_shared<Impl>(io, options, std::move(handlers));
  KV_TRY(impl->open());
  return std::unique_ptr<Listener>(new Listener(std::move(impl)));
}

Listener::Listener(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}
Listener::~Listener() { impl_->stop(); }

const Endpoint& Listener::address() const { return impl_->options.address; }
const ListenerCounters& Listener::counters() const { return impl_->counters; }
std::size_t Listener::open_clients() const { return *impl_->clients; }
std::size_t Listener::open_peers() const { return *impl_->peers; }

}  // namespace kvcluster::net
