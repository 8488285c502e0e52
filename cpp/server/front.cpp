#include "server/front.hpp"

#include <absl/container/flat_hash_map.h>

#include <algorithm>
#include <asio/post.hpp>
#include <asio/steady_timer.hpp>
#include <functional>
#include <tuple>
#include <utility>
#include <vector>

#include "net/client_connection.hpp"
#include "server/client_errors.hpp"
#include "server/node_view.hpp"
#include "server/session.hpp"
#include "server/session_context.hpp"

namespace kvcluster::server {
namespace {

// How often connections that have not yet said anything useful are looked at.
constexpr auto kHandshakeCheck = std::chrono::seconds(1);

// A watcher is told nothing more while so much waits for it in its connection.
constexpr std::size_t kWatchOutput = std::size_t{1} << 20U;
// How often a watcher hears that it is up to date, when nothing that it watches changes.
constexpr auto kProgress = std::chrono::seconds(1);

// How often clients that wait for a stream are looked after, beside their deadlines: whether there
// still is a cluster to wait for.
constexpr auto kWaitCheck = std::chrono::milliseconds(100);

// Differs from node to node and from start to start.
std::uint64_t cursor_tag(const NodeView& view) {
  const std::uint64_t seed = view.options().id.value() * 0x9E3779B97F4A7C15U + view.wall();
  return (seed ^ (seed >> 31U)) * 0xBF58476D1CE4E5B9U >> 20U;
}

constexpr std::size_t kMaxScanCursors = 10'000;

net::ClientOptions connection_options(const NodeOptions& options) {
  const ClientLimits& limits = options.client_limits;
  // A command of the largest value must fit, whatever the buffer was set to.
  constexpr std::size_t kFraming = 64U << 10U;
  return {.max_input_bytes =
              std::max(limits.max_query_buffer, 4 * options.limits.max_value_bytes) + 4 * kFraming,
          .max_output_bytes = limits.max_output_buffer,
          .idle_deadline = limits.idle_timeout};
}

}  // namespace

struct Front::Impl final : net::ClientHandler {
  // One client: its socket and its conversation.
  struct Client {
    Client(std::uint64_t id, std::shared_ptr<net::ClientConnection> opened, SessionContext& context)
        : connection(std::move(opened)),
          session(id, connection->remote(), context, connection->output()) {}
    std::shared_ptr<net::ClientConnection> connection;
    Session session;
    bool paused = false;
    bool waited = false;  // for a stream, when it was last looked at
  };

  Impl(asio::io_context& the_io, net::Turn& the_turn, NodeView& the_view)
      : io(the_io),
        turn(the_turn),
        view(the_view),
        context{the_view, the_view.options(), ScanCursors(cursor_tag(the_view), kMaxScanCursors)},
        options(connection_options(the_view.options())),
        handshake_timer(the_io),
        wait_timer(the_io) {}

  virtual ~Impl() {
    handshake_timer.cancel();
    wait_timer.cancel();
    for (auto& [id, client] : clients) client->connection->close();
  }

  std::size_t on_bytes(net::ClientConnection& connection, BytesView bytes) override {
    const auto found = ids.find(&connection);
    if (found == ids.end()) return 0;  // accept() has not finished yet
    Client& client = *clients.find(found->second)->second;
    std::ignore = connection.output();  // what the session appends leaves at the end of this turn
    const std::uint64_t watches = context.key_watches.added();
    const std::size_t used = client.session.feed(bytes);
    if (context.key_watches.added() != watches) tell_watchers_soon();
    after_progress(client);
    return used;
  }

  void on_closed(net::ClientConnection& connection, const std::string& /*why*/) override {
    const auto found = ids.find(&connection);
    if (found == ids.end()) return;
    const std::uint64_t id = found->second;
    ids.erase(found);
    remove(id);
  }

  // A client that only shut its sending half down still gets what it asked for.
  bool on_end_of_input(net::ClientConnection& connection) override {
    const auto found = ids.find(&connection);
    if (found == ids.end()) return false;
    Client& client = *clients.find(found->second)->second;
    client.session.stop();
    if (client.session.idle() && connection.output_bytes() == 0) return false;
    after_progress(client);
    return true;
  }

  void remove(std::uint64_t id) {
    const auto found = clients.find(id);
    context.stream_waits.remove(id);
    context.key_watches.remove(id);
    if (last == found->second.get()) last = nullptr;
    ids.erase(found->second->connection.get());
    clients.erase(found);
    --context.counters.connections_open;
    // In the next turn: requests of this one may still be in the batch.
    asio::post(io, [this, id, here = std::weak_ptr(alive)] {
      if (!here.expired()) view.connection_closed(id);
    });
  }

  // Backpressure, and the end of a conversation that is over.
  void after_progress(Client& client) {
    net::ClientConnection& connection = *client.connection;
    if (client.session.closing() && client.session.idle()) {
      connection.close_after_flush();
      return;
    }
    if (connection.output_bytes() + client.session.held_bytes() >
        context.options.client_limits.max_output_buffer) {
      drop(client);
      return;
    }
    // Who waits for a stream may do so for ever: that it has gone must be noticed, so its socket is
    // still read, and what comes is kept until the wait is over.
    const bool waits = client.session.waiting();
    if (waits || !context.key_watches.empty()) arm_wait_timer();
    const bool over = std::exchange(client.waited, waits) && !waits;
    const bool pause = !waits && (client.session.blocked() || client.session.closing());
    if (pause == client.paused) {
      if (over && !pause) connection.resume_reading();
      return;
    }
    client.paused = pause;
    if (pause) {
      connection.pause_reading();
    } else {
      connection.resume_reading();
    }
  }

  // Closes at once a client that does not take part.
  void drop(Client& client) {
    ++context.counters.slow_clients_closed;
    const auto connection = client.connection;
    remove(client.session.client().id);
    connection->close();
  }

  Client* find(std::uint64_t id) {
    if (last != nullptr && last->session.client().id == id) return last;
    const auto found = clients.find(id);
    last = found == clients.end() ? nullptr : found->second.get();
    return last;
  }

  void watch_handshakes() {
    if (handshake_armed || strangers.empty()) return;
    handshake_armed = true;
    handshake_timer.expires_after(kHandshakeCheck);
    handshake_timer.async_wait([this, here = std::weak_ptr(alive)](const asio::error_code& error) {
      if (error || here.expired()) return;
      handshake_armed = false;
      drop_late_strangers();
      watch_handshakes();
    });
  }

  void drop_late_strangers() {
    const Duration limit = context.options.client_limits.handshake_timeout;
    std::erase_if(strangers, [&](std::uint64_t id) {
      const auto found = clients.find(id);
      if (found == clients.end() || found->second->session.established()) return true;
      if (view.now() - found->second->session.client().since < limit) return false;
      drop(*found->second);
      return true;
    });
  }

  // `act` on the sessions of these connections; their replies leave with this turn.
  void for_each_waiting(const std::vector<std::uint64_t>& connections,
                        const std::function<void(Session&)>& act) {
    for (const std::uint64_t id : connections) {
      const auto found = clients.find(id);
      if (found == clients.end()) continue;
      std::ignore = found->second->connection->output();
      act(found->second->session);
      after_progress(*found->second);
    }
  }

  void arm_wait_timer() {
    const Instant now = view.now();
    const Instant due = std::min(context.stream_waits.next_deadline(), now + kWaitCheck);
    if (wait_armed && wait_due <= due) return;
    wait_armed = true;
    wait_due = due;
    wait_timer.expires_after(std::max(due - now, Duration::zero()));
    wait_timer.async_wait([this, here = std::weak_ptr(alive)](const asio::error_code& error) {
      if (error || here.expired()) return;
      wait_armed = false;
      look_after_waits();
      if (context.stream_waits.empty()) leader_seen = Instant{};  // asked anew with the next one
      if (!context.stream_waits.empty() || !context.key_watches.empty()) arm_wait_timer();
    });
  }

  // As far as each client takes it: what it has not taken yet stays in the ring.
  void tell_watchers(bool progress) {
    const replica::ChangeRing* const ring = view.changes();
    if (ring == nullptr) return;
    bool all = true;
    for (const std::uint64_t id : context.key_watches.connections()) {
      Client* const client = find(id);
      if (client == nullptr) continue;
      const std::size_t waiting = client->connection->output_bytes();
      if (waiting >= kWatchOutput) continue;
      std::ignore = client->connection->output();
      all = client->session.tell_changes(*ring, kWatchOutput - waiting, progress) && all;
      after_progress(*client);
    }
    if (!all) tell_watchers_soon();
  }

  void tell_watchers_soon() {
    if (tell_posted) return;
    tell_posted = true;
    asio::post(io, [this, here = std::weak_ptr(alive)] {
      if (here.expired()) return;
      tell_posted = false;
      tell_watchers(false);
    });
  }

  void look_after_watchers(Instant now) {
    if (context.key_watches.empty()) return;
    if (options.idle_deadline != Duration::zero()) {
      for (const std::uint64_t id : context.key_watches.connections()) keep_alive(id);
    }
    const bool progress = now >= progress_due;
    if (progress) progress_due = now + kProgress;
    tell_watchers(progress);
  }

  void keep_alive(std::uint64_t id) {
    if (const Client* const client = find(id)) client->connection->keep_alive();
  }

  void look_after_waits() {
    const Instant now = view.now();
    look_after_watchers(now);
    for_each_waiting(context.stream_waits.overdue(now),
                     [](Session& session) { session.end_stream_read(kv::Reply::nil()); });
    if (view.phase() != Phase::kServing) {
      for_each_waiting(context.stream_waits.all(),
                       [](Session& session) { session.retry_stream_read(); });
    }
    if (options.idle_deadline != Duration::zero()) {
      for (const std::uint64_t id : context.stream_waits.all()) keep_alive(id);
    }
    if (view.leader() != kNoNode || leader_seen == Instant{}) {
      leader_seen = now;
    } else if (now - leader_seen > context.options.patience_for_leader()) {
      const kv::Reply error = kv::Reply::error(not_leader_error(view, 0));
      for_each_waiting(context.stream_waits.all(), [&error](Session& session) {
        if (session.waits_for_cluster()) session.end_stream_read(error);
      });
    }
  }

  asio::io_context& io;
  net::Turn& turn;
  NodeView& view;
  SessionContext context;
  net::ClientOptions options;
  asio::steady_timer handshake_timer;
  asio::steady_timer wait_timer;
  std::shared_ptr<bool> alive = std::make_shared<bool>(true);  // for what outlives this in `io`
  bool handshake_armed = false;
  bool wait_armed = false;
  bool tell_posted = false;
  Instant progress_due{};
  Instant wait_due{};
  Instant leader_seen{};
  std::uint64_t next_id = 1;
  absl::flat_hash_map<std::uint64_t, std::unique_ptr<Client>> clients;
  absl::flat_hash_map<const net::ClientConnection*, std::uint64_t> ids;
  std::vector<std::uint64_t> strangers;  // not yet established
  Client* last = nullptr;                // completions of one client come in runs
};

Front::Front(asio::io_context& io, net::Turn& turn, NodeView& view)
    : impl_(std::make_unique<Impl>(io, turn, view)) {}
Front::~Front() = default;

void Front::accept(net::Incoming incoming) {
  const std::uint64_t id = impl_->next_id++;
  auto connection =
      net::ClientConnection::start(std::move(incoming), impl_->turn, *impl_, impl_->options);
  impl_->ids.emplace(connection.get(), id);
  impl_->clients.emplace(id,
                         std::make_unique<Impl::Client>(id, std::move(connection), impl_->context));
  impl_->strangers.push_back(id);
  impl_->watch_handshakes();
  ++impl_->context.counters.connections_accepted;
  ++impl_->context.counters.connections_open;
}

replica::RequestBatch& Front::batch() { return impl_->context.batch; }

void Front::complete(replica::Completion completion) {
  Impl::Client* const client = impl_->find(Session::connection_of(completion.id));
  if (client == nullptr) return;
  std::ignore = client->connection->output();  // it is to be flushed
  client->session.complete(std::move(completion));
  impl_->after_progress(*client);
}

void Front::changes_applied() {
  if (!impl_->context.key_watches.empty()) impl_->tell_watchers(false);
}

bool Front::awaits_streams() const { return !impl_->context.stream_waits.empty(); }

void Front::streams_changed(std::span<const Bytes> keys) {
  for (const Bytes& key : keys) {
    impl_->for_each_waiting(impl_->context.stream_waits.for_stream(key),
                            [](Session& session) { session.retry_stream_read(); });
  }
}

void Front::all_streams_changed() {
  impl_->for_each_waiting(impl_->context.stream_waits.all(),
                          [](Session& session) { session.retry_stream_read(); });
}

void Front::stop_reading() {
  std::vector<std::uint64_t> ids;
  for (const auto& [id, client] : impl_->clients) ids.push_back(id);
  for (const std::uint64_t id : ids) {
    Impl::Client* const client = impl_->find(id);
    client->session.stop();
    impl_->after_progress(*client);
  }
}

std::size_t Front::pending_replies() const {
  std::size_t pending = 0;
  for (const auto& [id, client] : impl_->clients) pending += client->session.pending_replies();
  return pending;
}

void Front::close_all() {
  for (auto& [id, client] : impl_->clients) client->connection->close_after_flush();
}

const FrontCounters& Front::counters() const { return impl_->context.counters; }

}  // namespace kvcluster::server
